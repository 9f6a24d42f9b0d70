"""The results folder: where a record lies, how it gets there whole, and what is found there."""

from __future__ import annotations

import io
import os
import re
import secrets
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srlbench.errors import StoreError
from srlbench.records.files import reason_of, said, write_bytes
from srlbench.records.paths import key_of, predictions_path, record_path, root_of
from srlbench.records.record import Key, NewerSchema, Record, RecordError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ASIDE = re.compile(r".+\.unreadable(-\d+)?")


@dataclass(frozen=True)
class Problem:
    """A file in the records folder that is no record; `key` is the run whose place it takes, if any."""

    path: Path
    reason: str
    key: Key | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}."


@dataclass(frozen=True)
class Scan:
    """What a results folder holds: records in order of their keys, and the files that are none."""

    records: tuple[Record, ...] = ()
    problems: tuple[Problem, ...] = ()


def read(path: Path) -> Record:
    """The record in a file; RecordError if it holds none."""
    with said(f"Cannot read {path}"):
        return Record.from_json(path.read_bytes())


def done(results: Path, key: Key) -> bool:
    """Whether a run's ok record is there, whole, and in its own place."""
    return _ok_record(results, key) is not None


def write(results: Path, record: Record, predictions: Mapping[str, NDArray[Any]] | None = None) -> Path:
    """Puts a record in its place and returns the file that now speaks for the run.

    An ok record is never replaced: the same outcome again changes nothing, another outcome is an error,
    a failure yields to it. What cannot be read there is moved aside, never deleted.
    """
    key = record.key
    path = record_path(results, key)
    there = _ok_record(results, key)
    if there is not None:
        if record.status == "ok":
            _must_agree(there, record, path)
        return path
    if record.status == "failed":
        path = record_path(results, key, failed=True)
        write_bytes(path, record.to_json().encode())
        return path
    text = record.to_json().encode()
    if predictions:  # first, because the record is the mark that the run is complete
        write_bytes(predictions_path(results, key), _npz(predictions))
    _move_aside(path)
    write_bytes(path, text)
    with said(f"Cannot remove {record_path(results, key, failed=True)}"):
        record_path(results, key, failed=True).unlink(missing_ok=True)
    return path


def read_predictions(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a predictions file, by name."""
    import numpy as np

    try:
        with said(f"Cannot read {path}"), np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (ValueError, EOFError, zipfile.BadZipFile):
        raise StoreError(f"Cannot read {path}: it is not a whole predictions file.") from None


def scan(results: Path, track: str, version: int) -> Scan:
    """Every record of a track; one bad file is a problem in the answer, never an exception."""
    root = root_of(results, "records", track, version)
    records: list[Record] = []
    problems: list[Problem] = []
    if root.exists() and not root.is_dir():
        raise StoreError(f"Cannot read {root}: a file stands where a folder is needed.")
    for path in files_of(root, problems):
        key = key_of(path.relative_to(root), track, version)
        try:
            record = read(path)
        except (RecordError, StoreError) as error:
            cause = error.__cause__
            reason = reason_of(cause) if isinstance(cause, OSError) else str(error)
            problems.append(Problem(path, reason, key))
            continue
        if path == record_path(results, record.key, failed=record.status == "failed"):
            records.append(record)
        else:
            problems.append(Problem(path, f"its content says {_place(record)}, its path does not", key))
    ok = {record.key for record in records if record.status == "ok"}
    kept = [record for record in records if record.status == "ok" or record.key not in ok]
    return Scan(tuple(sorted(kept, key=lambda record: record.key)), tuple(problems))


def ensure_writable(results: Path, track: str, version: int) -> None:
    """Fails now, before hours of training, if a record could not be written later."""
    probe = root_of(results, "records", track, version) / f".probe-{secrets.token_hex(4)}.tmp"
    write_bytes(probe, b"\n")
    probe.unlink(missing_ok=True)


def _npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """An .npz with the same bytes for the same arrays: sorted names, no dates, no pickles."""
    import numpy as np

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(arrays):
            entry = zipfile.ZipInfo(f"{name}.npy")  # its default date is 1980, for everyone
            entry.compress_type = zipfile.ZIP_DEFLATED
            member = io.BytesIO()
            try:
                np.lib.format.write_array(member, np.asarray(arrays[name]), allow_pickle=False)
            except ValueError:
                raise StoreError(f"Predictions '{name}' are Python objects, not values.") from None
            archive.writestr(entry, member.getvalue())
    return buffer.getvalue()


def _ok_record(results: Path, key: Key) -> Record | None:
    path = record_path(results, key)
    if not path.is_file():
        return None
    try:
        record = read(path)
    except NewerSchema as error:
        raise StoreError(f"{path} was {error}.") from None
    except RecordError:
        return None
    return record if record.status == "ok" and record.key == key else None


def _must_agree(there: Record, now: Record, path: Path) -> None:
    old, new = there.scores, now.scores
    differ = [task for task in sorted({*old, *new}) if old.get(task) != new.get(task)]
    what = [f"{task} was {old.get(task)}, is {new.get(task)}" for task in differ[:2]]
    if len(differ) > 2:
        what.append(f"{len(differ) - 2} more tasks differ")
    if there.weights_sha256 != now.weights_sha256:
        what.append("the weights differ")
    if what:
        raise StoreError(
            f"The run did not reproduce {path}: {'; '.join(what)}. The record there was kept; "
            "move it away to accept the new one."
        )


def _move_aside(path: Path) -> None:
    if not path.is_file():
        return
    aside, k = path.with_name(path.name + ".unreadable"), 1
    while aside.exists():
        k += 1
        aside = path.with_name(f"{path.name}.unreadable-{k}")
    with said(f"Cannot move {path} aside"):
        path.rename(aside)


def files_of(root: Path, problems: list[Problem]) -> Iterator[Path]:
    """The files that should be records; hidden ones are nobody's, set-aside ones were dealt with."""

    def unreadable(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            problems.append(Problem(Path(error.filename), reason_of(error)))

    for folder, folders, names in os.walk(root, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and not _ASIDE.fullmatch(name):
                yield Path(folder, name)


def _place(record: Record) -> str:
    name = f"{record.recipe}@{record.backbone} {record.fingerprint} seed {record.seed}"
    return f"{record.status}, {record.track} v{record.track_version}, {name}"
