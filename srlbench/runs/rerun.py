"""A record's run, made again under the conditions that were recorded."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from srlbench import backbones, data, records
from srlbench.data import mirror
from srlbench.errors import SrlbenchError, StoreError
from srlbench.records import Record
from srlbench.runs.engines import local
from srlbench.runs.job import Job, Outcome, Progress
from srlbench.runs.recorded import Recorded

Report = Callable[[str, int, int], None]
PREFIX = "srlbench-reproduce-"
HOUR = 3600


@dataclass(frozen=True)
class Rerun:
    """A record's run, made again: the new record, the recorded seeds of its row, whether all predictions are equal."""

    recorded: Recorded
    again: Record
    seeds: tuple[Record, ...]
    predictions: bool | None  # None if none are recorded


def rerun(recorded: Recorded, command: str, report: Report) -> Rerun:
    """Run the record again, in a process and a folder of its own."""
    record, around = recorded.record, recorded.results
    kept = records.predictions_path(around, record.key) if around else None
    expected = records.read_predictions(kept) if kept and kept.is_file() else None
    again = _again(recorded, command, report)
    if again.record.status == "failed":
        raise SrlbenchError(f"The rerun of {recorded.name} failed: {(again.record.error or {}).get('message')}")
    found = records.scan(around, record.track, record.track_version).records if around else (record,)
    seeds = tuple(each for each in found if each.status == "ok" and each.key[:5] == record.key[:5])
    return Rerun(recorded, again.record, seeds, None if expected is None else _equal(expected, again.predictions))


def ensure_writable(out: Path) -> None:
    """Refuse, before the run, a folder that no confirmation could be written to. It looks without writing."""
    place = next(folder for folder in (out, *out.absolute().parents) if os.path.lexists(folder))
    if not place.is_dir():
        raise StoreError(f"Cannot write below {out}: a file stands where a folder is needed.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise StoreError(f"Cannot write below {out}: permission denied.")


def _again(recorded: Recorded, command: str, report: Report) -> Outcome:
    record, track = recorded.record, recorded.track
    data.fetch(track)
    backbones.fetch(backbones.resolve(record.backbone))
    _sweep()
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as folder:
        job = Job(
            key=record.key,
            protocol=track.protocol.label,
            track=str(track.path.resolve()),
            work=Path(folder) / "run",
            backbone=record.backbone,
            recipe_files=recorded.files,
            command=command,
            scored=track.development not in record.scores,
            world_size=_world_size(record),
            data=place.absolute() if (place := mirror.given()) else None,
        )
        for event in local.run([job], 1, track.threads, _settings(record)):
            if isinstance(event.news, Outcome):
                return event.news
            if isinstance(event.news, Progress):
                report(event.news.stage, event.news.done, event.news.of)
    raise SrlbenchError(f"The rerun of {recorded.name} gave no result.")


def _world_size(record: Record) -> int:
    said = record.resolved.get("world_size")
    return said if isinstance(said, int) else 1


def _settings(record: Record) -> dict[str, str | None]:
    """What can change a digit without any file changing, as it was: the run's process gets it."""
    settings = record.environment.get("settings")
    if not isinstance(settings, Mapping):
        return {}
    values = ((name, settings.get(name)) for name in records.SETTINGS)
    return {name: value if isinstance(value, str) and value.isprintable() else None for name, value in values}


def _equal(ours: Mapping[str, object], theirs: Mapping[str, object]) -> bool:
    """Whether two sets of arrays have the same names, types, shapes and bits."""
    import numpy as np

    if ours.keys() != theirs.keys():
        return False
    pairs = [(np.asarray(ours[name]), np.asarray(theirs[name])) for name in ours]
    return all((a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()) for a, b in pairs)


def _sweep() -> None:
    """Removes what killed reruns left: their runs have ended with them, and given back the lock of the folder."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError), (left / "run" / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - left.stat().st_mtime > HOUR:  # none that is about to take its lock
                shutil.rmtree(left, ignore_errors=True)
