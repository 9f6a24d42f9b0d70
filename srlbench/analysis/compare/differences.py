"""Two files of `srlbench evaluate` against each other, task by task under one protocol and probe."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from srlbench.analysis.table import Cell, Column, Line, Table, number
from srlbench.errors import UsageError
from srlbench.escape import escaped
from srlbench.evaluation.scores import Scores, comparable, from_json

Pairs = Sequence[tuple[Scores, Scores]]
FORMS = (".2f", ".2f", "+.2f")  # of two scores and their difference


def are_scores(sides: Sequence[str]) -> bool:
    """Whether the sides are files of `srlbench evaluate`; a mixture with anything else is refused."""
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
    """The scores of two files, paired by protocol and probe."""
    if more:
        raise UsageError("Two are compared at a time: give two files of `srlbench evaluate`.")
    first, second = from_json(a), from_json(b)
    if not (found := comparable(first, second)):
        raise UsageError(f"Nothing to compare: {a} is of {_kinds(first)}, {b} of {_kinds(second)}.")
    return found


def _kinds(results: Sequence[Scores]) -> str:
    kinds = (
        f"protocol {result.protocol}" + (f" with the {result.probe} probe" if result.probe else "")
        for result in results
    )
    return " and ".join(dict.fromkeys(kinds))


def plain(pairs: Pairs) -> list[dict[str, Any]]:
    """The differences in JSON's own types."""
    return [
        {
            "protocol": first.protocol,
            "probe": first.probe,
            "system": first.model,
            "against": second.model,
            "tasks": _values(first.scores, second.scores),
            "averages": _values(first.averages, second.averages),
        }
        for first, second in pairs
    ]


def _values(first: Mapping[str, float], second: Mapping[str, float]) -> dict[str, dict[str, float]]:
    both = (name for name in first if name in second)
    return {
        name: {"system": first[name], "against": second[name], "difference": first[name] - second[name]}
        for name in both
    }


def to_markdown(pairs: Pairs) -> str:
    """A table for each protocol and probe; averages last."""
    parts = ["# Differences"]
    for first, second in pairs:
        tasks = _values(first.scores, second.scores)
        means = _values(first.averages, second.averages)
        named = {**tasks, **{f"{name} average": value for name, value in means.items()}}
        lines = [
            Line([Cell(name), *(number(value, form) for value, form in zip(row.values(), FORMS, strict=True))])
            for name, row in named.items()
        ]
        columns = [Column("task", "left"), *map(Column, (first.model, second.model, "difference"))]
        table = Table("differences", _kinds([first]), columns, lines)
        parts += [f"## {escaped(table.title)}", table.to_markdown()]
    return "\n\n".join([*parts, "One encoder each, so there is no interval."]) + "\n"
