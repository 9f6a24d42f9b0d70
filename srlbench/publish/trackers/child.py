"""The process of one tracker: it waits for records, logs each once, and remembers that it did."""

from __future__ import annotations

import json
import os
import select
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from srlbench import records
from srlbench.publish.trackers import FOLDER, OUTPUT
from srlbench.publish.trackers.run import Run, of
from srlbench.records import write_text

PAUSE = 0.5  # seconds between two looks for new records


def main() -> None:
    """Log the records of the files that stdin names as they appear, until stdin is closed and all were looked for."""
    name, results = sys.argv[1], Path(sys.argv[2])
    folder, answers = results / FOLDER / name, os.fdopen(os.dup(1), "w")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        output = os.open(folder / OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for stream in (1, 2):
            os.dup2(output, stream)  # only the answers go to the suite
        _follow(name, folder, answers)
    except Exception as error:
        traceback.print_exc()
        print("failed", _line(error), file=answers, flush=True)


def _follow(name: str, folder: Path, answers: Any) -> None:
    waiting = _paths()
    tracker: Any = import_module(f"srlbench.publish.trackers.{name}")
    place, more = str(tracker.place(folder)), True
    while True:
        more = more and not select.select([0], [], [], PAUSE)[0]
        for path in [path for path in waiting if path.is_file()]:
            waiting.remove(path)
            run = of(path)
            mark = records.record_path(folder, run.record.key, kind="logged")
            if not _is_logged(mark, place):
                _log(tracker, run, folder)
                write_text(mark, json.dumps({"place": place}) + "\n")
                print("logged", place, file=answers, flush=True)
        if not more or not waiting:
            return


def _log(tracker: Any, run: Run, folder: Path) -> None:
    try:
        tracker.log(run, folder)
    except Exception as error:
        raise RuntimeError(f"{run.name}: {_line(error)}") from error


def _paths() -> list[Path]:
    """The lines of stdin up to an empty one; byte by byte, so that nothing of the end is read with them."""
    text = b""
    while not text.endswith(b"\n\n") and text != b"\n" and (part := os.read(0, 1)):
        text += part
    return [Path(line) for line in os.fsdecode(text).splitlines() if line]


def _is_logged(mark: Path, place: str) -> bool:
    try:
        content: Any = json.loads(mark.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("place") == place


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:299] + "…"
