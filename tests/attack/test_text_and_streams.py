"""Text that a terminal, a CI system or a file would choke on, and streams that take nothing: no run is lost to them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Cli
from hypothesis import given
from hypothesis import strategies as st

from srlbench import records, tracks
from srlbench.analysis.check import reports, verdicts
from srlbench.analysis.check.verdicts import Report, Verdict
from srlbench.analysis.table import Cell, Column, Line, Table
from srlbench.cli.show.terminal import PIPE_BROKEN, Shown
from srlbench.escape import line, printable, utf8
from srlbench.records import Record, record_path

HOSTILE = (
    "\x1b]0;title\x07\x1b[2J\x1b[1;31mred", "\r::stop-commands::x\r", "\n::stop-commands::x\n", "::error::all is lost",
    "##[error]all is lost", "half \ud83d of a pair", "\u202eabc\u202c", "a\u2028b", "\x9b31m", "[bold]x[/y]", "\x00",
)  # fmt: skip
TRACK = tracks.load("embedded")


def made(**changes: object) -> Record:
    content = {
        "status": "ok", "track": TRACK.name, "track_version": TRACK.version, "protocol": TRACK.protocol.label,
        "recipe": "mhs", "backbone": "tiny", "seed": 0, "fingerprint": "0" * 16, "scores": {"GenSTS12": 1.5},
    }  # fmt: skip
    return Record(**(content | changes))  # type: ignore[arg-type]


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_nothing_printable_is_obeyed_or_lost(text: str) -> None:
    shown = printable(text)
    assert all(character in "\t\n" or character.isprintable() or ord(character) >= 0xA0 for character in shown)
    assert not {"\x1b", "\x9b", "\u202e", "\r"} & {*shown}
    assert "\n" not in line(text) and not line(text).lstrip().startswith("::") and "##[" not in line(text)
    assert json.loads(utf8(json.dumps(text, ensure_ascii=False))) == text
    plain = "".join(character for character in text if character.isascii() and character.isprintable())
    assert printable(plain) == plain


@pytest.mark.parametrize("text", HOSTILE)
def test_a_terminal_shows_foreign_text_and_obeys_none(text: str) -> None:
    file = io.StringIO()
    console = Shown(file=file, force_terminal=False, width=200, highlight=False)
    table = Table("t", text, [Column("a", "left"), Column("b")], [Line([Cell(text), Cell("1", 1)])])
    console.print(table)
    console.print(verdicts.to_terminal(_report(text)))
    console.print_json(json.dumps({"name": text}))
    said = file.getvalue()
    assert not [c for c in said if c != "\n" and (ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000)]
    assert not [each for each in said.splitlines() if each.lstrip().startswith("::") or "##[" in each]
    utf8(said).decode()


def _report(text: str) -> Report:
    return Report((Verdict(f"mhs{text}", "tiny", "failed", f"it said {text}"),), (text,))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_is_no_command_of_a_ci_system(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (annotation,) = reports.to_annotations(_report(text))
    assert "\n" not in annotation and "\r" not in annotation and annotation.startswith("::error title=")
    assert annotation.count("::") == 2 + annotation.partition("::")[2].partition("::")[2].count("::")
    summary, junit = tmp_path / "summary.md", tmp_path / "a.xml"
    reports.write(_report(text), [junit, tmp_path / "a.json", tmp_path / "a.md"], str(summary))
    assert summary.stat().st_size and json.loads((tmp_path / "a.json").read_bytes())["notes"] == [text]


@pytest.mark.parametrize("where", ["command", "error", "environment"])
def test_a_run_is_never_lost_to_its_wording(where: str, tmp_path: Path) -> None:
    odd = "no such \udcff\ud83d file \x1b[2J"
    record = {
        "command": made(command=odd),
        "error": made(status="failed", scores={}, error={"type": "OSError", "message": odd}),
        "environment": made(environment={"cpu": odd}),
    }[where]
    records.write(tmp_path, record)
    (again,) = records.scan(tmp_path, TRACK.name, TRACK.version).records
    assert again == record


def test_a_pipe_or_a_device_among_the_records_is_a_note_and_no_wait(here: Cli, tmp_path: Path) -> None:
    results = tmp_path / "results"
    records.write(results, made())
    folder = record_path(results, made().key).parent
    os.mkfifo(folder / "seed-1.json")
    (folder / "seed-2.json").symlink_to("/dev/zero")
    (folder / "seed-3.json").symlink_to(tmp_path / "nowhere")
    found = records.scan(results, TRACK.name, TRACK.version)
    assert len(found.records) == 1 and [p.reason for p in found.problems] == ["it is no regular file"] * 2 + [
        "No such file or directory"
    ]
    done = here("leaderboard", "--results", results)
    assert done.returncode == 0 and "it is no regular file" in done.stderr


def srlbench(*words: str, **how: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "srlbench", *words], timeout=120, **how)  # type: ignore[call-overload,no-any-return]


def test_streams_that_take_nothing_cost_no_traceback(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = srlbench("list", "losses", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 3 and done.stderr == b"Error: Cannot write the output: no space left on device.\n"
    shut = srlbench("list", "losses", preexec_fn=lambda: os.close(1), stderr=subprocess.PIPE)
    assert shut.returncode == 0 and shut.stderr == b""
    for encoding in ("ascii", "latin-1"):
        env = {**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "80"}
        said = srlbench("show", "mhs", env=env, capture_output=True)
        assert said.returncode == 0 and b"Traceback" not in said.stderr, said.stderr
    read, write = os.pipe()
    os.close(read)
    broken = srlbench("list", "recipes", stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert broken.returncode == PIPE_BROKEN and b"Traceback" not in broken.stderr


def test_a_folder_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    words = f"import os, sys; os.chdir({str(gone)!r}); os.rmdir({str(gone)!r}); sys.argv = ['srlbench', 'leaderboard']"
    done = subprocess.run(
        [sys.executable, "-c", f"import srlbench.cli; {words}; srlbench.cli.main()"], capture_output=True, text=True
    )
    assert done.returncode == 2 and done.stderr == (
        "Error: The folder in which srlbench was started does not exist any more.\n"
    )


def test_a_record_of_another_kind_of_text_is_shown(here: Cli, tmp_path: Path) -> None:
    record = made(error=None, recipe="mhs", scores={"Gen\x1b[2JSTS12": 1.0})
    records.write(tmp_path / "results", replace(record, command="\x1b]0;x\x07"))
    done = here("show", "mhs@tiny:0", "--results", tmp_path / "results")
    assert done.returncode == 0 and "\x1b" not in done.stdout + done.stderr
