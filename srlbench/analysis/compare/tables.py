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


def many(found: Iterable[Comparison], name: str) -> Table:
    """One line for each pair, on one task or average."""
    columns = [Column("recipe", "left"), Column("against", "left"), *COLUMNS, Column("seeds", spare=2)]
    lines = [
        Line([*texts(each.system, each.against), *numbers(each), Cell(_seeds(each)), word(each)], recipe=each.system)
        for each in found
    ]
    return Table(name, label(name), [*columns, Column("", "left")], lines)


def by_task(found: Sequence[Comparison], averages: Iterable[str]) -> Table:
    """Two systems: one line for each average and task."""
    kept = set(averages)
    columns = [Column("", "left"), Column(found[0].system), Column(found[0].against), *COLUMNS, Column("", "left")]
    lines = [
        Line([Cell(label(each.name)), _score(each.a), _score(each.b), *numbers(each), word(each)],
             "average" if each.name in kept else "")
        for each in found
    ]  # fmt: skip
    return Table("by-task", "", columns, lines)


def numbers(each: Comparison) -> list[Cell]:
    """The cells of COLUMNS."""
    low, high = each.interval
    p = f"{each.p:.3f}" if each.p >= 0.0005 else "<0.001"
    return [
        Cell(signed(each.difference.value), each.difference.value),
        Cell(f"{signed(low)} to {signed(high)}", low),
        Cell(p, each.p),
        Cell(f"{each.detectable:.2f}", each.detectable),
    ]


def word(each: Comparison) -> Cell:
    return Cell(each.word, mark=each.word if each.word in ("better", "worse") else "quiet")


def signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}"  # + 0.0: nothing is not -0.00


def _score(found: Summary) -> Cell:
    return Cell(str(found), found.mean, short=f"{found.mean:.2f}")


def _seeds(each: Comparison) -> str:
    return str(each.a.n) if each.a.n == each.b.n else f"{each.a.n}, {each.b.n}"


def detects(each: Comparison) -> str:
    """The smallest true difference that the recorded seeds can detect, as a sentence."""
    sd, df = spread(each.a, each.b)
    how = f"{_seeds(each)} seeds and sd {sd:.2f}" if df else "one seed"
    return f"{label(each.name)}: with {how} a true difference of {each.detectable:.2f} points is detectable."


def legend(found: Sequence[Comparison]) -> list[str]:
    """What the columns mean."""
    said = [
        "Points; intervals and p have the chance of items and of seeds in them; p is two-sided, and adjusted for all "
        "pairs that are compared on one average, and for all tasks of one pair (Holm).",
        f"Within noise: p at least {ALPHA:g}. Within margin: a difference for certain, but of no more than "
        f"{found[0].margin:g} points. Detectable: the least true difference that would show four times in five.",
    ]
    if any(each.one_seed for each in found):
        said.append("One seed: nobody knows what another would give.")
    return said


def page(found: Sequence[Comparison], names: Sequence[str], head: str, command: str) -> str:
    """The text of `comparisons.md`: a table for each average."""
    parts = [f"# Comparisons: {escaped(head)}\n"]
    for name in names:
        if mine := [each for each in found if each.name == name]:
            table = many(mine, name)
            parts.append(f"## {escaped(table.title)}\n\n{table.to_markdown()}\n")
    return "\n".join([*parts, *(f"{said}\n" for said in legend(found)), f"Made with {code(command)}.\n"])


def to_json(each: Comparison) -> dict[str, Any]:
    low, high = each.interval
    found = each.difference
    return {
        "name": each.name,
        "system": each.system,
        "against": each.against,
        "system_score": asdict(each.a),
        "against_score": asdict(each.b),
        "difference": found.value,
        "low": low,
        "high": high,
        "se": found.se,
        "df": None if math.isinf(found.df) else found.df,
        "p": each.p,
        "visible": each.detectable,
        "margin": each.margin,
        "word": each.word,
    }
