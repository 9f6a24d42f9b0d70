"""Records: everything that is known about one run, as one JSON object."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple

from srlbench.records.private import hidden
from srlbench.records.schema import SCHEMA, RecordError, migrate, parse

FINGERPRINT = re.compile(r"[0-9a-f]{16}")


class Key(NamedTuple):
    """The unique key of a run."""

    track: str
    version: int
    recipe: str
    backbone: str
    fingerprint: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class Record:
    """One run: its settings, its results, and its environment."""

    status: Literal["ok", "failed"]
    track: str
    track_version: int
    protocol: str
    recipe: str
    backbone: str
    seed: int
    fingerprint: str
    asked: dict[str, Any] = field(default_factory=dict)  # the recipe's name and overrides, as the user typed them
    resolved: dict[str, Any] = field(default_factory=dict)  # the recipe with every setting
    weights_sha256: str | None = None
    predictions_sha256: str | None = None  # of the predictions themselves, whose file has their ranks
    scores: dict[str, float] = field(default_factory=dict)  # task -> percentage, full precision
    results: list[Any] = field(default_factory=list)  # mteb's own TaskResult objects
    diagnostics: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)  # summary of the training log
    data: dict[str, Any] = field(default_factory=dict)  # content hashes
    environment: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)  # stage -> seconds
    peak_memory_mb: float | None = None
    command: str = ""
    error: dict[str, Any] | None = None  # type and message of a failed run
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        _check_types(self)
        _check_names(self)
        _check_scores(self)
        if self.status == "failed" and not (self.error and {"type", "message"} <= self.error.keys()):
            raise RecordError("a failed record needs an 'error' with 'type' and 'message'")
        if self.status == "ok" and self.error is not None:
            raise RecordError("an ok record carries an 'error'")

    @property
    def key(self) -> Key:
        return Key(self.track, self.track_version, self.recipe, self.backbone, self.fingerprint, self.seed)

    def measured(self, path: str) -> float | None:
        """The number at a dotted path of the diagnostics, or None; list items are 0, 1, … or -1, -2, … from the end."""
        value: Any = self.diagnostics
        for part in path.split("."):
            try:
                value = value[int(part)] if isinstance(value, list) else value[part]
            except (KeyError, IndexError, TypeError, ValueError):
                return None
        return float(value) if _finite(value) else None

    def to_json(self) -> str:
        """The record as one line of JSON, with fields in schema order; numbers that are not finite become null."""
        return json.dumps(self.as_plain(), separators=(",", ":"), ensure_ascii=False, allow_nan=False) + "\n"

    def as_plain(self) -> dict[str, Any]:
        """The record in JSON types, without secrets and the home folder in what a user or a library wrote."""
        order = ["schema", *(f.name for f in fields(self) if f.name != "schema")]
        plain = {name: _plain(getattr(self, name), name) for name in order}
        error = self.error and {k: hidden(v) if isinstance(v, str) else v for k, v in plain["error"].items()}
        return plain | {"command": hidden(self.command), "error": error}

    @classmethod
    def from_json(cls, text: str | bytes) -> Record:
        """The record in a text; raises RecordError with the reason if there is none."""
        return cls.from_plain(parse(text))

    @classmethod
    def from_plain(cls, content: Any) -> Record:
        """The record from JSON types."""
        if not isinstance(content, dict) or "schema" not in content:
            raise RecordError("not an srlbench record (no 'schema')")
        content = migrate(content)
        known = {f.name for f in fields(cls)}
        if missing := sorted(known - content.keys()):
            raise RecordError(f"lacks {_list(missing)}")
        if extra := sorted(content.keys() - known):
            raise RecordError(f"has unknown {_list(extra)}")
        return cls(**content)


_NUMBER = (int, float)
_TYPES: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("status", "track", "protocol", "recipe", "backbone", "fingerprint", "command"), (str,)),
    **dict.fromkeys(("schema", "track_version", "seed"), (int,)),
    **dict.fromkeys(
        ("asked", "resolved", "scores", "diagnostics", "training", "data", "environment", "timings"), (dict,)
    ),
    "results": (list,),
    **dict.fromkeys(("weights_sha256", "predictions_sha256"), (str, type(None))),
    "peak_memory_mb": (*_NUMBER, type(None)),
    "error": (dict, type(None)),
}


# What verbs read inside of these fields.
_INSIDE: tuple[tuple[str, str, type], ...] = (
    ("environment", "packages", dict), ("environment", "settings", dict), ("training", "losses", list),
    ("training", "dev", list), ("diagnostics", "dynamics", list), ("diagnostics", "words", dict),
)  # fmt: skip


def _finite(value: Any) -> bool:
    """Whether a value of JSON is a number that a float can hold."""
    return isinstance(value, _NUMBER) and abs(value) < 1e300  # also of an integer of hundreds of digits


def _check_types(record: Record) -> None:
    for name, types in _TYPES.items():
        value = getattr(record, name)
        if not isinstance(value, types) or isinstance(value, bool):
            raise RecordError(f"'{name}' is {_short(value)}, not {' or '.join(_type_name(t) for t in types)}")
    if record.schema != SCHEMA:
        raise RecordError(f"'schema' is {record.schema}, not {SCHEMA}")
    for stage, amount in [("peak memory", record.peak_memory_mb or 0), *record.timings.items()]:
        if not _finite(amount):
            raise RecordError(f"'timings' of {stage!r} is {_short(amount)}, not a number")
    for name, inner, kind in _INSIDE:
        value = getattr(record, name).get(inner)
        if value is not None and not isinstance(value, kind):
            raise RecordError(f"'{name}.{inner}' is {_short(value)}, not {_type_name(kind)}")


def _check_names(record: Record) -> None:
    if record.status not in ("ok", "failed"):
        raise RecordError(f"'status' is {record.status!r}, not 'ok' or 'failed'")
    for name in ("track", "protocol", "recipe", "backbone"):
        value = getattr(record, name)
        # Names become folders. A leading dot would hide a folder or leave the results folder.
        if not value or value.startswith(".") or not value.isprintable():
            raise RecordError(f"'{name}' is {value!r}, which is no name")
    if not FINGERPRINT.fullmatch(record.fingerprint):
        raise RecordError(f"'fingerprint' is {_short(record.fingerprint)}, not 16 hexadecimal digits")
    if record.seed < 0 or record.track_version < 1:
        raise RecordError(f"seed {record.seed} of track version {record.track_version} cannot be")


def _check_scores(record: Record) -> None:
    if record.status == "ok" and not record.scores:
        raise RecordError("an ok record has no scores")
    for task, score in record.scores.items():
        if isinstance(score, bool) or not isinstance(score, _NUMBER):
            raise RecordError(f"the score of {task} is {_short(score)}, not a number")
        if not abs(score) <= 100:  # true for NaN too
            raise RecordError(f"the score of {task} is {score}, not a percentage")


def _plain(value: Any, where: str) -> Any:
    """The value in JSON types; a stray NaN or numpy scalar must not cost a finished run its record."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(inner, f"{where}.{key}") for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner, where) for inner in value]
    for method in ("tolist", "isoformat"):  # numpy and torch values; dates
        if hasattr(value, method):
            return _plain(getattr(value, method)(), where)
    raise RecordError(f"'{where}' holds a {type(value).__name__}, which JSON cannot carry")


def _list(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _type_name(kind: type) -> str:
    words = {str: "a text", int: "a whole number", float: "a number", dict: "an object", list: "a list"}
    return words.get(kind, "null")
