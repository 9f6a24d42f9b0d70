"""The record that an address or a file names, and its run, made again under the recorded conditions."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from srlbench import backbones, data, records, registry, variants
from srlbench.data import mirror
from srlbench.errors import NothingComparable, SrlbenchError, StoreError, UsageError, unknown
from srlbench.records import Record, RecordError, address
from srlbench.runs.engines import local
from srlbench.runs.fingerprint import fingerprint
from srlbench.runs.job import Job, Outcome, Progress, Report
from srlbench.tracks import Track

PREFIX = "srlbench-reproduce-"
HOUR = 3600
Files = tuple[Path, ...]


@dataclass(frozen=True)
class Recorded:
    """A record to be run again: its file, the results folder around it (if any), and the rules it was made under."""

    record: Record
    sha256: str  # of its file
    results: Path | None
    track: Track
    files: Files
    backbone: str  # its name, or where it lies

    @property
    def name(self) -> str:
        return str(address.of(self.record))


@dataclass(frozen=True)
class Rerun:
    """A record's run, made again: the new record, the recorded seeds of its row, whether all predictions are equal."""

    recorded: Recorded
    again: Record
    seeds: tuple[Record, ...]
    predictions: bool | None  # None if none are recorded


def find(row: str, rules: Track, results: Path | None, files: Files, backbone: str | None = None) -> Recorded:
    """The record that `RECIPE`, `RECIPE@BACKBONE`, `RECIPE@BACKBONE:SEED` or a file names, if it can be run again.

    results: None for the published ones. backbone: where it lies, if its name does not say it.
    """
    if row.endswith(".json"):
        record, path = _in_file(Path(row)), Path(row)
        folder, hashed = records.home(path, record), sha256(path.read_bytes()).hexdigest()
    else:
        folder = results or records.published_results()
        record = _named(row, rules, folder, files, backbone)
        hashed = records.sha256_of_file(folder, record)
    found = Recorded(record, hashed, folder, rules, files, backbone or record.backbone)
    _check(found)
    return found


def _in_file(path: Path) -> Record:
    if not os.path.isfile(path):
        raise UsageError(f"There is no record file at {path}.")
    try:
        return records.read(path)
    except RecordError as error:
        raise UsageError(f"{path} is no record: {error}.") from None


def _named(row: str, rules: Track, results: Path, files: Files, backbone: str | None) -> Record:
    """Of the records that a row names the current one of the smallest seed; one that failed if no other is there."""
    found = records.scan(results, rules.name, rules.version).records
    if not found:
        raise NothingComparable(f"There are no records of track {rules.name} v{rules.version} in {results}.")
    fits = address.parse(row).among(found)
    if not fits:
        raise _unseen(row, found)
    first = fits[0]
    if len(on := sorted({record.backbone for record in fits})) > 1:
        raise UsageError(f"'{row}' is on {' and '.join(on)}; say which, as in {first.recipe}@{on[0]}.")
    now = _now(first, rules, files, backbone or first.backbone)
    return min(fits, key=lambda record: (record.fingerprint != now, record.status != "ok", record.seed))


def _unseen(row: str, found: Sequence[Record]) -> UsageError:
    asked = address.parse(row)
    seeds = sorted({record.seed for record in replace(asked, seed=None).among(found)})
    if asked.seed is not None and seeds:
        name = replace(asked, seed=None)
        return UsageError(f"There is no record of seed {asked.seed} of '{name}', only of {', '.join(map(str, seeds))}.")
    alike = [record for record in found if variants.is_variant(record.recipe) == variants.is_variant(row)]
    return unknown("row", row, {f"{record.recipe}@{record.backbone}" for record in alike})


def _check(found: Recorded) -> None:
    """Raise an error, before anything runs, if today's code cannot run the record again."""
    record, rules, name = found.record, found.track, found.name
    if (record.track, record.track_version) != (rules.name, rules.version):
        raise NothingComparable(
            f"{name} was recorded on track {record.track} v{record.track_version}, and this is {rules.name} "
            f"v{rules.version}; --track says which."
        )
    if record.status == "failed":
        raise NothingComparable(f"{name} failed when it was recorded: there is nothing to reproduce.")
    if (now := _now(record, rules, found.files, found.backbone)) != record.fingerprint:
        raise NothingComparable(
            f"{name} is stale: it was recorded with fingerprint {record.fingerprint}, and today's code and data, "
            f"with {now}, cannot run it again."
        )
    if (threads := record.environment.get("threads")) not in (None, rules.threads):
        raise NothingComparable(
            f"{name} was recorded with {threads} threads, and track {rules.name} runs with {rules.threads}: "
            "other digits would say nothing."
        )


def _now(record: Record, rules: Track, files: Files, backbone: str) -> str:
    return fingerprint(registry.recipe(record.recipe, files), rules, backbones.resolve(backbone))


def rerun(recorded: Recorded, command: str, report: Report) -> Rerun:
    """Run the record again, in a process and a folder of its own."""
    record, around = recorded.record, recorded.results
    expected = record.predictions_sha256 or _of_file(record, around)
    again = _again(recorded, command, report)
    if again.record.status == "failed":
        raise SrlbenchError(f"The rerun of {recorded.name} failed: {(again.record.error or {}).get('message')}")
    found = records.scan(around, record.track, record.track_version).records if around else (record,)
    seeds = tuple(each for each in found if each.status == "ok" and each.key[:5] == record.key[:5])
    return Rerun(
        recorded, again.record, seeds, None if expected is None else expected == records.sha256_of(again.predictions)
    )


def ensure_writable(out: Path) -> None:
    """Raise an error, before the run, if no confirmation could be written to a folder. Nothing is written."""
    nearest = next(folder for folder in (out, *out.absolute().parents) if os.path.lexists(folder))
    if not nearest.is_dir():
        raise StoreError(f"Cannot write below {out}: a file stands where a folder is needed.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise StoreError(f"Cannot write below {out}: permission denied.")


def _again(recorded: Recorded, command: str, report: Report) -> Outcome:
    record, track = recorded.record, recorded.track
    data.fetch(track)
    backbones.fetch(backbones.resolve(recorded.backbone))
    _sweep()
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as temporary:
        job = Job(
            key=record.key,
            protocol=track.protocol.label,
            track=str(track.path.resolve()),
            work=Path(temporary) / "run",
            backbone=recorded.backbone,
            recipe_files=recorded.files,
            command=command,
            scored=track.development not in record.scores,
            world_size=size if isinstance(size := record.resolved.get("world_size"), int) else 1,
            data=folder.absolute() if (folder := mirror.given()) else None,
        )
        for event in local.run([job], 1, track.threads, _settings(record)):
            if isinstance(event.news, Outcome):
                return event.news
            if isinstance(event.news, Progress):
                report(event.news.stage, event.news.done, event.news.of)
    raise SrlbenchError(f"The rerun of {recorded.name} gave no result.")


def _settings(record: Record) -> dict[str, str | None]:
    """The recorded environment variables that can change a digit, for the run's process; None: not set."""
    settings = record.environment.get("settings")
    if not isinstance(settings, Mapping):
        return {}
    values = ((name, settings.get(name)) for name in records.SETTINGS)
    return {name: value if isinstance(value, str) and value.isprintable() else None for name, value in values}


def _of_file(record: Record, results: Path | None) -> str | None:
    """The hash of the predictions beside a record of the time before it had one itself; None if there are none."""
    path = records.predictions_path(results, record.key) if results else None
    return records.sha256_of(records.read_predictions(path)) if path and path.is_file() else None


def _sweep() -> None:
    """Remove the folders of killed reruns, whose runs have ended too and released the locks."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError), (left / "run" / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - left.stat().st_mtime > HOUR:  # none that is about to take its lock
                shutil.rmtree(left, ignore_errors=True)
