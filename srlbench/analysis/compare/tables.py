"""Comparisons as tables (many pairs on one value, or one pair by task), as a page and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from srlbench.analysis.compare.paired import ALPHA, Comparison
from srlbench.analysis.table import Cell, Column, Line, Table, texts
from srlbench.escape import code, escaped
from srlbench.stats import Summary, label, spread

COLUMNS = (
    Column("difference", short="diff."),
    Column("95% interval"),
    Column("p"),
    Column("detectable", spare=1),
)


def many(comparisons: Iterable[Comparison], name: str) -> Table:
    """One line for each pair, on one task or average."""
    columns = [Column("recipe", "left"), Column("against", "left"), *COLUMNS, Column("seeds", spare=2)]
    lines = [
        Line([*texts(c.system, c.against), *numbers(c), Cell(_seeds(c)), word(c)], recipe=c.system) for c in comparisons
    ]
    return Table(name, label(name), [*columns, Column("", "left")], lines)


def by_task(comparisons: Sequence[Comparison], averages: Iterable[str]) -> Table:
    """Two systems: one line for each average and task."""
    kept = set(averages)
    columns = [
        Column("", "left"),
        Column(comparisons[0].system),
        Column(comparisons[0].against),
        *COLUMNS,
        Column("", "left"),
    ]
    lines = [
        Line([Cell(label(c.name)), _score(c.a), _score(c.b), *numbers(c), word(c)],
             "average" if c.name in kept else "")
        for c in comparisons
    ]  # fmt: skip
    return Table("by-task", "", columns, lines)


def numbers(comparison: Comparison) -> list[Cell]:
    """The cells of COLUMNS."""
    low, high = comparison.interval
    p = f"{comparison.p:.3f}" if comparison.p >= 0.0005 else "<0.001"
    return [
        Cell(signed(comparison.difference.value), comparison.difference.value),
        Cell(f"{signed(low)} to {signed(high)}", low),
        Cell(p, comparison.p),
        Cell(f"{comparison.detectable:.2f}", comparison.detectable),
    ]


def word(comparison: Comparison) -> Cell:
    return Cell(comparison.text, mark=comparison.word if comparison.word in ("better", "worse") else "quiet")


def signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}"  # + 0.0: nothing is not -0.00


def _score(summary: Summary) -> Cell:
    return Cell(str(summary), summary.mean, short=f"{summary.mean:.2f}")


def _seeds(comparison: Comparison) -> str:
    return str(comparison.a.n) if comparison.a.n == comparison.b.n else f"{comparison.a.n}, {comparison.b.n}"


def detects(comparison: Comparison) -> str:
    """The smallest true difference that the recorded seeds can detect, as a sentence."""
    sd, df = spread(comparison.a, comparison.b)
    how = f"{_seeds(comparison)} seeds and sd {sd:.2f}" if df else "one seed"
    return (
        f"{label(comparison.name)}: with {how} a true difference of {comparison.detectable:.2f} points is detectable."
    )


def legend(comparisons: Sequence[Comparison]) -> list[str]:
    """What the columns mean."""
    lines = [
        "Points; intervals and p have the chance of items and of seeds in them; p is two-sided, and adjusted for all "
        "pairs that are compared on one average, and for all tasks of one pair (Holm).",
        f"Within noise: p at least {ALPHA:g}. Within margin: a difference for certain, but of no more than "
        f"{comparisons[0].margin:g} points. Detectable: the least true difference that would show four times in five.",
    ]
    if any(each.one_seed for each in comparisons):
        lines.append("One seed: nobody knows what another would give.")
    if any(each.seeds_only for each in comparisons):
        lines.append("Seeds alone: where predictions are not in the folder, intervals and p have no chance of items.")
    return lines


def page(comparisons: Sequence[Comparison], names: Sequence[str], head: str, command: str) -> str:
    """The text of `comparisons.md`: a table for each average."""
    parts = [f"# Comparisons: {escaped(head)}\n"]
    for name in names:
        if mine := [each for each in comparisons if each.name == name]:
            table = many(mine, name)
            parts.append(f"## {escaped(table.title)}\n\n{table.to_markdown()}\n")
    return "\n".join([*parts, *(f"{line}\n" for line in legend(comparisons)), f"Made with {code(command)}.\n"])


def to_json(comparison: Comparison) -> dict[str, Any]:
    low, high = comparison.interval
    difference = comparison.difference
    return {
        "name": comparison.name,
        "system": comparison.system,
        "against": comparison.against,
        "system_score": asdict(comparison.a),
        "against_score": asdict(comparison.b),
        "difference": difference.value,
        "low": low,
        "high": high,
        "se": difference.se,
        "df": None if math.isinf(difference.df) else difference.df,
        "p": comparison.p,
        "visible": comparison.detectable,
        "margin": comparison.margin,
        "word": comparison.word,
        "seeds_only": comparison.seeds_only,
    }
