"""A confirmation: what running a record again gave on some machine, as one JSON file that can be contributed."""

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
from srlbench.records.environment import machine_class
from srlbench.records.files import reason_of, said, write_bytes
from srlbench.records.paths import folder_of, record_path, root_of
from srlbench.records.record import Key, NewerSchema, Record, RecordError, parse
from srlbench.records.store import Problem, files_of, read

Word = Literal["bitwise equal", "within its interval", "outside", "differs"]
SCHEMA = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """A record that was run again: the verdict, by whom, when, and the rerun it rests on."""

    record_sha256: str  # of the file that was run again
    verdict: Word
    reason: str
    difference: float  # the largest of a score or average, in points
    who: str  # as they called themselves; never read from the machine
    when: str  # ISO 8601, UTC
    rerun: Record  # scores, weights and conditions; without its log and diagnostics
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
        if not 0 <= self.difference <= 200:  # nor is NaN
            raise RecordError("'difference' is not one of two percentages")
        if self.rerun.status != "ok":
            raise RecordError("'rerun' failed, which confirms nothing")
        _check_time(self.when)

    def to_json(self) -> bytes:
        """UTF-8, in which a stray surrogate (of a name that was none) stands as JSON's own escape of it."""
        content = {f.name: getattr(self, f.name) for f in fields(self)} | {"rerun": self.rerun.as_plain()}
        text = json.dumps({"schema": SCHEMA} | content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        return text.encode("utf-8", "backslashreplace")

    @classmethod
    def from_json(cls, text: bytes) -> Confirmation:
        """The confirmation in `text`; RecordError says in one clause what is wrong with it."""
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
    """How often a row was confirmed, how often to the bit, and how often a rerun fell outside."""

    count: int = 0
    bitwise: int = 0
    outside: int = 0

    def __str__(self) -> str:
        said = f"{self.count} ({self.bitwise} bitwise)" if self.count else ""
        against = f"{self.outside} outside" if self.outside else ""
        return ", ".join(filter(None, (said, against)))


NONE = Confirmed()


def tally(found: Iterable[Confirmation]) -> Confirmed:
    """Each seed, name and machine class counts once, with its latest verdict: to repeat oneself adds nothing."""
    latest = {
        (each.rerun.seed, each.who, *machine_class(each.rerun.environment).values()): each.verdict
        for each in sorted(found, key=lambda each: each.when)
    }
    words = Counter(latest.values())
    bitwise = words["bitwise equal"]
    return Confirmed(bitwise + words["within its interval"], bitwise, words["outside"])


def confirm(results: Path, made: Confirmation) -> Path:
    """Puts a confirmation in its place; named by its content, it replaces no other."""
    content = made.to_json()
    path = _path(results, made.rerun.key, content)
    write_bytes(path, content)
    return path


def confirmations(results: Path, track: str, version: int) -> tuple[list[Confirmation], list[Problem]]:
    """Those of records that are still the very file that was run again, and the files there that are none."""
    root = root_of(results, "confirmations", track, version)
    found: list[Confirmation] = []
    problems: list[Problem] = []
    for path in files_of(root, problems):
        try:
            content = _bytes(path)
            made = Confirmation.from_json(content)
            if path != _path(results, made.rerun.key, content):
                raise RecordError("its content is not what its path says, or was changed since")
            if _counts(results, made):
                found.append(made)
        except (RecordError, StoreError) as error:
            cause = error.__cause__
            problems.append(Problem(path, reason_of(cause) if isinstance(cause, OSError) else str(error)))
    return found, problems


def digits(record: Record) -> tuple[str | None, dict[str, float]]:
    """What two runs must share to be bitwise equal, their predictions apart."""
    return record.weights_sha256, record.scores


def _counts(results: Path, made: Confirmation) -> bool:
    """Whether the record is there as it was run again."""
    path = record_path(results, made.rerun.key)
    if not path.is_file() or sha256(_bytes(path)).hexdigest() != made.record_sha256:
        return False
    if made.verdict == "bitwise equal" and digits(read(path)) != digits(made.rerun):
        raise RecordError("it says bitwise equal, but its digits are not those of the record")
    return True


def _bytes(path: Path) -> bytes:
    with said(f"Cannot read {path}"):
        return path.read_bytes()


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
