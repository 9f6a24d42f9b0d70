"""The record that `RECIPE@BACKBONE:SEED` or a file means, and whether today's code can run it again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from srlbench import backbones, records, registry, variants
from srlbench.errors import NothingComparable, UsageError, unknown
from srlbench.records import Record, RecordError, address
from srlbench.runs.fingerprint import fingerprint
from srlbench.tracks import Track

Files = tuple[Path, ...]


@dataclass(frozen=True)
class Recorded:
    """A record to be run again: its file, the results folder around it (if any), and the rules it was made under."""

    record: Record
    sha256: str  # of its file
    results: Path | None
    track: Track
    files: Files

    @property
    def name(self) -> str:
        return str(address.of(self.record))


def find(row: str, rules: Track, results: Path | None, files: Files) -> Recorded:
    """The record that `RECIPE`, `RECIPE@BACKBONE`, `RECIPE@BACKBONE:SEED` or a file names, if it can be run again.

    results: None for the published ones.
    """
    if row.endswith(".json"):
        found = _in_file(Path(row), rules, files)
    else:
        place = results or records.published_results()
        record = _named(row, rules, place, files)
        found = Recorded(record, _sha256(_path(place, record)), place, rules, files)
    _refuse(found)
    return found


def _in_file(path: Path, rules: Track, files: Files) -> Recorded:
    if not os.path.isfile(path):
        raise UsageError(f"There is no record file at {path}.")
    try:
        record = records.read(path)
    except RecordError as error:
        raise UsageError(f"{path} is no record: {error}.") from None
    return Recorded(record, _sha256(path), records.home(path, record), rules, files)


def _named(row: str, rules: Track, results: Path, files: Files) -> Record:
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
    now = _now(first, rules, files)
    return min(fits, key=lambda record: (record.fingerprint != now, record.status != "ok", record.seed))


def _unseen(row: str, found: Sequence[Record]) -> UsageError:
    asked = address.parse(row)
    seeds = sorted({record.seed for record in replace(asked, seed=None).among(found)})
    if asked.seed is not None and seeds:
        name = replace(asked, seed=None)
        return UsageError(f"There is no record of seed {asked.seed} of '{name}', only of {', '.join(map(str, seeds))}.")
    alike = [record for record in found if variants.is_variant(record.recipe) == variants.is_variant(row)]
    return unknown("row", row, {f"{record.recipe}@{record.backbone}" for record in alike})


def _refuse(found: Recorded) -> None:
    """What today's code cannot run again is said before anything runs."""
    record, rules, name = found.record, found.track, found.name
    if (record.track, record.track_version) != (rules.name, rules.version):
        raise NothingComparable(
            f"{name} was recorded on track {record.track} v{record.track_version}, and this is {rules.name} "
            f"v{rules.version}; --track says which."
        )
    if record.status == "failed":
        raise NothingComparable(f"{name} failed when it was recorded: there is nothing to reproduce.")
    if (now := _now(record, rules, found.files)) != record.fingerprint:
        raise NothingComparable(
            f"{name} is stale: it was recorded with fingerprint {record.fingerprint}, and today's code and data, "
            f"with {now}, cannot run it again."
        )
    if (threads := record.environment.get("threads")) not in (None, rules.threads):
        raise NothingComparable(
            f"{name} was recorded with {threads} threads, and track {rules.name} runs with {rules.threads}: "
            "other digits would say nothing."
        )


def _now(record: Record, rules: Track, files: Files) -> str:
    return fingerprint(registry.recipe(record.recipe, files), rules, backbones.resolve(record.backbone))


def _sha256(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _path(results: Path, record: Record) -> Path:
    return records.record_path(results, record.key, failed=record.status == "failed")
