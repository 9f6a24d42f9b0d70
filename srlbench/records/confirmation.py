"""Confirmations: the result of running a record again on some machine, as a JSON file that people can contribute."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

from srlbench.errors import StoreError
from srlbench.escape import utf8
from srlbench.records.environment import machine_class
from srlbench.records.files import read_bytes, write_bytes
from srlbench.records.paths import folder_of, record_path, track_folder
from srlbench.records.record import Key, Record
from srlbench.records.schema import NewerSchema, RecordError, parse
from srlbench.records.store import Problem, files_of, read

Word = Literal["bitwise equal", "within its interval", "outside", "differs"]
SCHEMA = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """The confirmation of a record: the verdict, the person, the time, and the rerun that it is based on."""

    record_sha256: str  # of the file that was run again
    verdict: Word
    reason: str
    difference: float  # the largest difference of a score or average, in points
    who: str  # the name that the person gave; never read from the machine
    when: str  # ISO 8601, UTC
    rerun: Record  # scores, weights and environment, without the log and diagnostics
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if self.verdict not in get_args(Word):
            raise RecordError(f"'verdict' is none of {', '.join(get_args(Word))}")
        if not all(isinstance(text, str) for text in (self.record_sha256, self.reason, self.who, self.when)):
            raise RecordError("'record_sha256', 'reason', 'who' and 'when' are not all texts")
        if not _SHA256.fullmatch(self.record_sha256):
            raise RecordError("'record_sha256' is not 64 hexadecimal digits")
        if isinstance(self.difference, bool) or not isinstance(self.difference, (int, float)):
            raise RecordError("'difference' is not a number")
        if not 0 <= self.difference <= 200:  # true for NaN too
            raise RecordError("'difference' is not one of two percentages")
        if self.rerun.status != "ok":
            raise RecordError("'rerun' failed, which confirms nothing")
        _check_time(self.when)

    def to_json(self) -> bytes:
        """The confirmation as JSON in UTF-8; a stray surrogate in a name is written as its JSON escape."""
        content = {f.name: getattr(self, f.name) for f in fields(self)} | {"rerun": self.rerun.as_plain()}
        text = json.dumps({"schema": SCHEMA} | content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        return utf8(text)

    @classmethod
    def from_json(cls, text: bytes) -> Confirmation:
        """The confirmation in a text; raises RecordError with the reason if there is none."""
        content: Any = parse(text)
        if not isinstance(content, dict) or not {"schema", "record_sha256"} <= content.keys():
            raise RecordError("no confirmation of a record")
        if type(schema := content["schema"]) is not int or schema < 1:
            raise RecordError("'schema' is not a version number")
        if schema > SCHEMA:
            raise NewerSchema(f"written by a newer srlbench (schema {schema}, this one reads up to {SCHEMA})")
        if odd := sorted(content.keys() ^ {f.name for f in fields(cls)}):
            raise RecordError(f"lacks, or should not have, {', '.join(map(repr, odd))}")
        return cls(**content | {"rerun": Record.from_plain(content["rerun"])})


@dataclass(frozen=True)
class Confirmed:
    """The numbers of a row's confirmations, of the bitwise equal ones among them, and of reruns outside."""

    count: int = 0
    bitwise: int = 0
    outside: int = 0

    def __str__(self) -> str:
        confirmed = f"{self.count} ({self.bitwise} bitwise)" if self.count else ""
        outside = f"{self.outside} outside" if self.outside else ""
        return ", ".join(filter(None, (confirmed, outside)))


NONE = Confirmed()


def tally(confirmed: Iterable[Confirmation]) -> Confirmed:
    """The counts of confirmations; each seed, name and machine class counts once, with its latest verdict."""
    latest = {
        (one.rerun.seed, one.who, *machine_class(one.rerun.environment).values()): one.verdict
        for one in sorted(confirmed, key=lambda one: one.when)
    }
    words = Counter(latest.values())
    bitwise = words["bitwise equal"]
    return Confirmed(bitwise + words["within its interval"], bitwise, words["outside"])


def confirm(results: Path, confirmation: Confirmation) -> Path:
    """Write a confirmation to its file; the name contains a hash of the content, so it replaces no other."""
    content = confirmation.to_json()
    path = _path(results, confirmation.rerun.key, content)
    write_bytes(path, content)
    return path


def confirmations(results: Path, track: str, version: int) -> tuple[list[Confirmation], list[Problem]]:
    """The confirmations of records whose files have not changed since, and the files that are no confirmation."""
    root = track_folder(results, track, version) / "confirmations"
    found: list[Confirmation] = []
    problems: list[Problem] = []
    for path in files_of(root, problems):
        try:
            content = read_bytes(path)
            confirmation = Confirmation.from_json(content)
            if path != _path(results, confirmation.rerun.key, content):
                raise RecordError("its content is not what its path says, or was changed since")
            if _counts(results, confirmation):
                found.append(confirmation)
        except (RecordError, StoreError) as error:
            problems.append(Problem.of(path, error))
    return found, problems


def digits(record: Record) -> tuple[str | None, dict[str, float]]:
    """The values that must be the same in two bitwise equal runs, beside their predictions."""
    return record.weights_sha256, record.scores


def _counts(results: Path, confirmation: Confirmation) -> bool:
    """Whether the record is still the file that was run again."""
    path = record_path(results, confirmation.rerun.key)
    if not path.is_file() or sha256(read_bytes(path)).hexdigest() != confirmation.record_sha256:
        return False
    if confirmation.verdict == "bitwise equal" and digits(read(path)) != digits(confirmation.rerun):
        raise RecordError("it says bitwise equal, but its digits are not those of the record")
    return True


def _path(results: Path, key: Key, content: bytes) -> Path:
    name = f"seed-{key.seed}-{sha256(content).hexdigest()[:12]}.json"
    return folder_of(results, "confirmations", key) / name


def _check_time(text: str) -> None:
    try:
        offset = datetime.fromisoformat(text).utcoffset()
    except ValueError:
        offset = None
    if offset != timedelta(0):
        raise RecordError("'when' is not a time in UTC")
