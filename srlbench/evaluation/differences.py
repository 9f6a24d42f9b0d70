"""Two files of `srlbench evaluate` against each other, task by task under one protocol and probe."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from srlbench.errors import UsageError
from srlbench.escape import escaped, table
from srlbench.evaluation.scores import Scores, comparable, from_json

Pairs = Sequence[tuple[Scores, Scores]]


def are_scores(sides: Sequence[str]) -> bool:
    """Whether files of `srlbench evaluate` are to be compared; a mixture with anything else is refused."""
    files = [side for side in sides if side.endswith(".json") and _holds_scores(Path(side))]
    if files and len(files) < max(len(sides), 2):
        raise UsageError(f"{files[0]} is a file of `srlbench evaluate`: compare it with one other such file.")
    return bool(files)


def _holds_scores(path: Path) -> bool:
    """Whether a file holds scores of an encoder; a record is something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    first = content[0] if isinstance(content, list) and content else content
    return isinstance(first, Mapping) and {"model", "protocol", "averages"} <= first.keys()


def pairs(a: Path, b: Path, *more: Path) -> list[tuple[Scores, Scores]]:
    """What two files have in common, protocol by protocol and probe by probe."""
    if more:
        raise UsageError("Two are compared at a time: give two files of `srlbench evaluate`.")
    mine, other = from_json(a), from_json(b)
    if not (found := comparable(mine, other)):
        raise UsageError(f"Nothing to compare: {a} is of {_kinds(mine)}, {b} of {_kinds(other)}.")
    return found


def _kinds(found: Sequence[Scores]) -> str:
    said = (f"protocol {each.protocol}" + (f" with the {each.probe} probe" if each.probe else "") for each in found)
    return " and ".join(dict.fromkeys(said))


def plain(found: Pairs) -> list[dict[str, Any]]:
    """The differences in JSON's own types."""
    return [
        {
            "protocol": mine.protocol,
            "probe": mine.probe,
            "system": mine.model,
            "against": other.model,
            "tasks": _values(mine.scores, other.scores),
            "averages": _values(mine.averages, other.averages),
        }
        for mine, other in found
    ]


def _values(mine: Mapping[str, float], other: Mapping[str, float]) -> dict[str, dict[str, float]]:
    both = (name for name in mine if name in other)
    return {
        name: {"system": mine[name], "against": other[name], "difference": mine[name] - other[name]} for name in both
    }


def to_markdown(found: Pairs) -> str:
    """A table for each protocol and probe; averages last."""
    parts = ["# Differences"]
    for mine, other in found:
        tasks = _values(mine.scores, other.scores)
        means = _values(mine.averages, other.averages)
        named = {**tasks, **{f"{name} average": value for name, value in means.items()}}
        rows = [
            [escaped(name), f"{each['system']:.2f}", f"{each['against']:.2f}", f"{each['difference']:+.2f}"]
            for name, each in named.items()
        ]
        header = ["task", escaped(mine.model), escaped(other.model), "difference"]
        parts += [f"## {escaped(_kinds([mine]))}", table(header, [":---", *["---:"] * 3], rows)]
    return "\n\n".join([*parts, "One encoder each, so there is no interval."]) + "\n"
