"""Comparisons as people and programs read them: a table of many, a table of two by task, JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from srlbench.analysis.compare.paired import ALPHA, Comparison
from srlbench.escape import code, escaped, table
from srlbench.stats import label, spread

COLUMNS = ("difference", "95% interval", "p", "can see")
MANY = ("recipe", "against", *COLUMNS, "seeds", "")
WORDS = {"recipe", "against", "95% interval", ""}  # columns that are no numbers


def lines(found: Iterable[Comparison]) -> list[tuple[str, ...]]:
    """A line of MANY for each."""
    return [(each.system, each.against, *_numbers(each), _seeds(each), each.word) for each in found]


def by_task(found: Sequence[Comparison]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and lines of two systems: averages, and the tasks behind each."""
    header = ("", found[0].system, found[0].against, *COLUMNS, " ")
    return header, [(label(each.name), str(each.a), str(each.b), *_numbers(each), each.word) for each in found]


def _numbers(each: Comparison) -> tuple[str, ...]:
    low, high = each.interval
    p = f"{each.p:.3f}" if each.p >= 0.0005 else "<0.001"
    return f"{each.difference.value:+.2f}", f"{low:+.2f} to {high:+.2f}", p, f"{each.visible:.2f}"


def _seeds(each: Comparison) -> str:
    return str(each.a.n) if each.a.n == each.b.n else f"{each.a.n}, {each.b.n}"


def sees(each: Comparison) -> str:
    """What the present seeds could tell at all."""
    sd, df = spread(each.a, each.b)
    how = f"{_seeds(each)} seeds and sd {sd:.2f}" if df else "one seed"
    return f"{label(each.name)}: with {how} this can see {each.visible:.2f} points."


def legend(found: Sequence[Comparison]) -> list[str]:
    """What the columns mean."""
    said = [
        "Points; intervals and p have the chance of items and of seeds in them; p is two-sided, and adjusted for all "
        "pairs that are compared on one average, and for all tasks of one pair (Holm).",
        f"Within noise: p at least {ALPHA:g}. Within margin: a difference for certain, but of no more than "
        f"{found[0].margin:g} points. Can see: the least true difference that would show four times in five.",
    ]
    if any(each.one_seed for each in found):
        said.append("One seed: nobody knows what another would give.")
    return said


def to_markdown(found: Sequence[Comparison], names: Sequence[str], head: str, command: str) -> str:
    """A table for each average."""
    rules = [":---" if column in WORDS else "---:" for column in MANY]
    parts = [f"# Comparisons: {escaped(head)}\n"]
    for name in names:
        if made := lines(each for each in found if each.name == name):
            rows = [(escaped(a), escaped(b), *rest) for a, b, *rest in made]
            parts.append(f"## {escaped(label(name))}\n\n{table(MANY, rules, rows)}\n")
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
        "visible": each.visible,
        "margin": each.margin,
        "word": each.word,
    }
