"""What papers claim, each claim a function of the records of a track: supported, contradicted or inconclusive."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from srlbench.claims.evidence import Evidence, Missing

Word = Literal["supported", "contradicted", "inconclusive", "no evidence"]
LEVEL = 0.95  # of every interval


@dataclass(frozen=True)
class Finding:
    """The verdict on one claim: an effect with its interval, how many seeds it rests on, and what lies behind it."""

    word: Word
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    unit: str = "points"
    detail: str = ""

    def __str__(self) -> str:
        if self.effect is None:
            return "–"
        unit = f" {self.unit}" if self.unit else ""
        digits = 2 if self.unit == "points" else 3
        between = "" if self.low is None else f" [{self.low:+.{digits}f}, {self.high:+.{digits}f}]"
        return f"{self.effect:+.{digits}f}{between}{unit}"


@dataclass(frozen=True)
class Claim:
    """One sentence of a paper and the function that looks whether a track bears it out."""

    paper: str
    name: str
    text: str
    test: str  # what is compared with what, and when the verdict falls
    judge: Callable[[Evidence], Finding]

    def look(self, evidence: Evidence) -> Finding:
        try:
            return self.judge(evidence)
        except Missing as missing:
            return Finding("no evidence", detail=str(missing))


_collected: list[Claim] = []


def claim(paper: str, text: str) -> Callable[[Callable[[Evidence], Finding]], Callable[[Evidence], Finding]]:
    """Register a function as the judge of a claim; its docstring says how it judges."""

    def register(judge: Callable[[Evidence], Finding]) -> Callable[[Evidence], Finding]:
        test = " ".join((inspect.getdoc(judge) or "").split())
        _collected.append(Claim(paper, judge.__name__.replace("_", "-"), text, test, judge))
        return judge

    return register


def claims() -> Sequence[Claim]:
    """Every claim of every paper, in the papers' own order; one file a paper."""
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}")
    return tuple(_collected)
