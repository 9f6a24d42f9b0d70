"""The results folder: writing, reading and listing its records."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srlbench.errors import StoreError
from srlbench.escape import utf8
from srlbench.records.brief import FILE
from srlbench.records.brief import read as read_brief
from srlbench.records.files import read_bytes, reason_of, store_errors, write_bytes
from srlbench.records.paths import RUNS, key_of, predictions_path, published_results, record_path, track_folder
from srlbench.records.predictions import to_bytes
from srlbench.records.record import Key, Record
from srlbench.records.schema import NewerSchema, RecordError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ASIDE = re.compile(r".+\.unreadable(-\d+)?")


@dataclass(frozen=True)
class Problem:
    """A file in the records folder that is not a record; `key` is the run with this path, if there is one."""

    path: Path
    reason: str
    key: Key | None = None

    @classmethod
    def of(cls, path: Path, error: RecordError | StoreError, key: Key | None = None) -> Problem:
        cause = error.__cause__
        return cls(path, reason_of(cause) if isinstance(cause, OSError) else str(error), key)

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}."


@dataclass(frozen=True)
class Scan:
    """The content of a results folder: the records, sorted by key, and the files that are not records."""

    records: tuple[Record, ...] = ()
    problems: tuple[Problem, ...] = ()


def read(path: Path) -> Record:
    """The record in a file; raises RecordError if there is none."""
    return Record.from_json(read_bytes(path))


def write(
    results: Path, record: Record, predictions: Mapping[str, NDArray[Any]] | None = None, kind: str = RUNS
) -> Path:
    """Write a record; return the file that holds the run's record afterwards.

    An ok record is never replaced: an equal record or a failure changes nothing, and a different record is an error.
    A file that cannot be read is moved aside, never deleted.
    """
    key = record.key
    path = record_path(results, key, kind=kind)
    existing = _ok_record(path, key)
    if existing is not None:
        if record.status == "ok":
            _must_agree(existing, record, path)
        return path
    if record.status == "failed":
        path = record_path(results, key, failed=True, kind=kind)
        write_bytes(path, utf8(record.to_json()))
        return path
    text = utf8(record.to_json())
    if predictions:  # they are written first, because the record marks the run as complete
        write_bytes(predictions_path(results, key), to_bytes(predictions))
    _move_aside(path)
    write_bytes(path, text)
    failure = record_path(results, key, failed=True, kind=kind)
    with store_errors(f"Cannot remove {failure}"):
        failure.unlink(missing_ok=True)
    return path


def scan(results: Path, track: str, version: int, kind: str = RUNS) -> Scan:
    """All records of a track; a bad file is listed as a problem and never raises an error."""
    root = track_folder(results, track, version) / kind
    records: list[Record] = []
    problems: list[Problem] = []
    if root.exists() and not root.is_dir():
        raise StoreError(f"Cannot read {root}: a file stands where a folder is needed.")
    brief = root.with_name(FILE)
    if kind == RUNS and not root.exists() and brief.is_file():
        return _in_brief(brief)
    for path in files_of(root, problems):
        key = key_of(path.relative_to(root), track, version)
        try:
            record = read(path)
        except (RecordError, StoreError) as error:
            problems.append(Problem.of(path, error, key))
            continue
        if path == record_path(results, record.key, failed=record.status == "failed", kind=kind):
            records.append(record)
        else:
            run = f"{record.recipe}@{record.backbone} {record.fingerprint} seed {record.seed}"
            content = f"{record.status}, {record.track} v{record.track_version}, {run}"
            problems.append(Problem(path, f"its content says {content}, its path does not", key))
    ok = {record.key for record in records if record.status == "ok"}
    records = [record for record in records if record.status == "ok" or record.key not in ok]
    return Scan(tuple(sorted(records, key=lambda record: record.key)), tuple(problems))


def _in_brief(path: Path) -> Scan:
    try:
        return Scan(tuple(sorted((record for _, record in read_brief(path)), key=lambda record: record.key)))
    except (RecordError, StoreError) as error:
        return Scan((), (Problem.of(path, error),))


def sha256_of_file(results: Path, record: Record) -> str:
    """The hash of a record's file, which may not be there itself but in brief."""
    path = record_path(results, record.key, failed=record.status == "failed")
    brief = track_folder(results, record.track, record.track_version) / FILE
    if not path.exists() and brief.is_file():
        return next(hashed for hashed, found in read_brief(brief) if found.key == record.key)
    return sha256(read_bytes(path)).hexdigest()


def published(track: str, version: int) -> tuple[Record, ...] | None:
    """The published records of a track; None if it has none."""
    if not track_folder(published_results(), track, version).is_dir():
        return None
    return scan(published_results(), track, version).records


def ensure_writable(results: Path, track: str, version: int) -> None:
    """Raise an error now, before hours of training, if a record cannot be written later."""
    # It has one name, so that the next one sweeps what a kill left.
    probe = track_folder(results, track, version) / "records" / ".probe.tmp"
    write_bytes(probe, b"\n")
    probe.unlink(missing_ok=True)


def _ok_record(path: Path, key: Key) -> Record | None:
    if not path.is_file():
        return None
    try:
        record = read(path)
    except NewerSchema as error:
        raise StoreError(f"{path} was {error}.") from None
    except RecordError:
        return None
    return record if record.status == "ok" and record.key == key else None


def _must_agree(existing: Record, record: Record, path: Path) -> None:
    """Raise an error if the scores or weights of the new record differ from those of the existing one."""
    old, new = existing.scores, record.scores
    differ = [task for task in sorted({*old, *new}) if old.get(task) != new.get(task)]
    reasons = [f"{task} was {old.get(task)}, is {new.get(task)}" for task in differ[:2]]
    if len(differ) > 2:
        reasons.append(f"{len(differ) - 2} more tasks differ")
    if existing.weights_sha256 != record.weights_sha256:
        reasons.append("the weights differ")
    if reasons:
        raise StoreError(
            f"The run did not reproduce {path}: {'; '.join(reasons)}. The record there was kept; "
            "move it away to accept the new one."
        )


def _move_aside(path: Path) -> None:
    if not path.is_file():
        return
    aside, k = path.with_name(path.name + ".unreadable"), 1
    while aside.exists():
        k += 1
        aside = path.with_name(f"{path.name}.unreadable-{k}")
    with store_errors(f"Cannot move {path} aside"):
        path.rename(aside)


def files_of(root: Path, problems: list[Problem]) -> Iterator[Path]:
    """The files that should be records, without hidden files and files that were moved aside."""

    def unreadable(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            problems.append(Problem(Path(error.filename), reason_of(error)))

    for folder, folders, names in os.walk(root, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.startswith(".") or _ASIDE.fullmatch(name):
                continue
            path = Path(folder, name)
            if os.path.exists(path) and not os.path.isfile(path):  # to read a pipe or a device could take for ever
                problems.append(Problem(path, "it is no regular file"))
            else:
                yield path
