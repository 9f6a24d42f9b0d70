"""The baseline: reviewed expectations that fresh records are checked against, kept as readable TOML."""

from __future__ import annotations

import json
import math
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srlbench.errors import UsageError
from srlbench.records import Record
from srlbench.stats import Groups, Summary, average, summarise, with_averages

AVERAGE_MARGIN, TASK_MARGIN = 0.5, 1.5  # points a change must exceed to matter in practice

HEADER = """\
# What `srlbench check` expects. Written by `srlbench check --accept WHY`; margins may be edited by hand
# and are kept by the next accept. mean, sd (n - 1) and n are over seeds; margin is in points, and a
# smaller change, however certain, is not called a regression.
"""


@dataclass(frozen=True)
class Expected:
    """What one value should be, and how far from it still does not matter."""

    summary: Summary
    margin: float


@dataclass(frozen=True)
class Entry:
    """The expectations of one recipe on one backbone, and the fingerprint of the records behind them."""

    fingerprint: str
    cells: Mapping[str, Expected]


@dataclass(frozen=True)
class Baseline:
    """The accepted expectations of one track, version and protocol."""

    track: str
    version: int
    protocol: str
    accepted: str
    reason: str
    entries: Mapping[tuple[str, str], Entry]  # (recipe, backbone) ->


def load(path: Path) -> Baseline:
    """Read a baseline file; a UsageError says what is wrong with it."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        advice = "Write one with `srlbench check --accept WHY`."
        raise UsageError(f"There is no baseline at {path}. {advice}") from None
    except OSError as error:
        raise UsageError(f"Cannot read the baseline {path}: {error.strerror}.") from None
    except ValueError as error:  # not TOML, or not text
        raise UsageError(f"The baseline {path} is not valid TOML: {error}.") from None
    try:
        head = {name: _typed(content, name, str) for name in ("track", "protocol", "accepted", "reason")}
        tables = content.get("recipe", {})
        entries = {_pair(name): _entry(name, table) for name, table in tables.items()}
        return Baseline(version=_typed(content, "version", int), entries=entries, **head)
    except ValueError as error:
        raise UsageError(f"The baseline {path} is not usable: {error}.") from None


def accept(
    records: Iterable[Record],
    current: Mapping[tuple[str, str], str],
    groups: Groups,
    *,
    reason: str,
    date: str,
    previous: Baseline | None = None,
) -> str:
    """The text of a new baseline, from the records with current fingerprints.

    A recipe without fresh records keeps its previous expectations; one that is no longer registered
    leaves. Anything incomplete is refused: an expectation nobody measured would be worse than none.
    """
    if not reason.strip():
        raise UsageError("A baseline needs a reason: say why these numbers are to be expected.")
    fresh: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        pair = (record.recipe, record.backbone)
        if current.get(pair) == record.fingerprint:
            fresh[pair].append(record)
    if not fresh:
        raise UsageError("Nothing to accept: no record has a current fingerprint. Run the recipes first.")
    kinds = {(r.track, r.track_version, r.protocol) for found in fresh.values() for r in found}
    if len(kinds) > 1:
        mixed = " and ".join(f"{t} v{v} {p}" for t, v, p in sorted(kinds))
        raise UsageError(f"One baseline cannot hold {mixed}.")
    track, version, protocol = kinds.pop()
    if previous and (previous.track, previous.version, previous.protocol) != (track, version, protocol):
        previous = None
    old = {pair: entry for pair, entry in (previous.entries if previous else {}).items() if pair in current}
    new = {pair: _measured(pair, found, groups, old.get(pair)) for pair, found in fresh.items()}
    return to_toml(Baseline(track, version, protocol, date, reason.strip(), {**old, **new}))


def _measured(pair: tuple[str, str], records: Sequence[Record], groups: Groups, old: Entry | None) -> Entry:
    name = "@".join(pair)
    if failed := [record.seed for record in records if record.status == "failed"]:
        raise UsageError(f"Cannot accept {name}: seed {failed[0]} failed. Run it again first.")
    values = [with_averages(record.scores, groups) for record in records]
    left = [left_out(record, groups) for record in records]
    averages, cells = list(map(average, groups)), {}
    for cell in [*averages, *(task for tasks in groups.values() for task in tasks)]:
        for record, value, out in zip(records, values, left, strict=True):
            if cell not in value and cell not in out:
                raise UsageError(f"Cannot accept {name}: seed {record.seed} has no {cell}. Run all tasks first.")
        found = [value[cell] for value in values if cell in value]
        if not found:
            continue
        known = old.cells.get(cell) if old else None
        margin = known.margin if known else AVERAGE_MARGIN if cell in averages else TASK_MARGIN
        cells[cell] = Expected(summarise(found), margin)
    return Entry(records[0].fingerprint, cells)


def left_out(record: Record, groups: Groups) -> set[str]:
    """The tasks and averages that a run was not to be scored on, for its track scores them at the first seed alone."""
    left = {task for tasks in groups.values() for task in tasks if record.data and task not in record.data}
    return left | {average(group) for group, tasks in groups.items() if left.intersection(tasks)}


def to_toml(baseline: Baseline) -> str:
    """The baseline as text: sorted, aligned, the same for the same numbers."""
    lines = [HEADER]
    for name in ("track", "version", "protocol", "accepted", "reason"):
        value = getattr(baseline, name)
        lines.append(f"{name} = {_quoted(value) if isinstance(value, str) else value}")
    for pair, entry in sorted(baseline.entries.items()):
        lines += ["", f"[recipe.{_quoted('@'.join(pair))}]", f'fingerprint = "{entry.fingerprint}"']
        width = max((len(_quoted(name)) for name in entry.cells), default=0)
        for name, cell in entry.cells.items():
            s = cell.summary
            sd = "" if s.sd is None else f"sd = {s.sd:.6f}, "
            numbers = f"mean = {s.mean:.6f}, {sd}n = {s.n}, margin = {cell.margin!r}"
            lines.append(f"{_quoted(name):<{width}} = {{ {numbers} }}")
    return "\n".join(lines) + "\n"


def _entry(name: str, table: Any) -> Entry:
    if not isinstance(table, dict):
        raise ValueError(f"'{name}' is not a table")
    fingerprint = _typed(table, "fingerprint", str, name)
    cells = ((cell, value) for cell, value in table.items() if cell != "fingerprint")
    return Entry(fingerprint, {cell: _expected(f"{cell} of {name}", value) for cell, value in cells})


def _expected(where: str, value: Any) -> Expected:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is not a table of mean, sd, n and margin")
    if extra := sorted(value.keys() - {"mean", "sd", "n", "margin"}):
        raise ValueError(f"{where} has an unknown '{extra[0]}'")
    n = _typed(value, "n", int, where)
    mean, margin = (_typed(value, key, float, where) for key in ("mean", "margin"))
    sd = _typed(value, "sd", float, where) if n > 1 or "sd" in value else None
    if n < 1 or margin < 0 or (sd or 0) < 0 or (sd is None) != (n == 1):
        raise ValueError(f"{where} has an n, sd or margin that cannot be")
    return Expected(Summary(mean, sd, n), margin)


def _typed(table: Mapping[str, Any], key: str, kind: type, where: str = "its head") -> Any:
    value: Any = table.get(key)
    if value is None:
        raise ValueError(f"{where} has no '{key}'")
    if kind is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if kind is float or type(value) is not kind:
        raise ValueError(f"'{key}' of {where} is {value!r}")
    return value


def _pair(name: str) -> tuple[str, str]:
    recipe, at, backbone = name.partition("@")  # a backbone may carry an @ of its own (a revision)
    if not (recipe and at and backbone):
        raise ValueError(f"'{name}' is not recipe@backbone")
    return recipe, backbone


def _quoted(text: str) -> str:
    """A TOML string: JSON's escapes are TOML's, but for one character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
