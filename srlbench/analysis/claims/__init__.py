"""The claims of papers; a function judges each by the records of a track: supported, contradicted, inconclusive."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from srlbench.analysis.claims.evidence import BySeed, Evidence, Missing, interval

Word = Literal["supported", "contradicted", "inconclusive", "no evidence"]


@dataclass(frozen=True)
class Finding:
    """The verdict on one claim: an effect with its interval, the number of seeds, and the numbers it comes from."""

    word: Word
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    unit: str = "points"
    detail: str = ""

    @property
    def effect_text(self) -> str:
        """The effect with its unit, for tables."""
        if self.effect is None:
            return "–"
        return f"{self.effect:+.{self._digits}f}" + (f" {self.unit}" if self.unit else "")

    @property
    def interval_text(self) -> str:
        """The interval of the effect, for tables."""
        return "–" if self.low is None else f"{self.low:+.{self._digits}f} to {self.high:+.{self._digits}f}"

    @property
    def _digits(self) -> int:
        return 2 if self.unit == "points" else 3


@dataclass(frozen=True)
class Claim:
    """One sentence of a paper, and the function that judges it by the records of a track."""

    paper: str
    name: str
    text: str
    test: str  # what is compared with what, and when the verdict falls
    judge: Callable[[Evidence], Finding]

    def verdict(self, evidence: Evidence) -> Finding:
        try:
            return self.judge(evidence)
        except Missing as missing:
            return Finding("no evidence", detail=str(missing))


_collected: list[Claim] = []


def claim(
    paper: str, text: str, name: str | None = None
) -> Callable[[Callable[[Evidence], Finding]], Callable[[Evidence], Finding]]:
    """Register a function as the judge of a claim; its docstring says how it judges, and its name is the claim's."""

    def register(judge: Callable[[Evidence], Finding]) -> Callable[[Evidence], Finding]:
        test = " ".join((inspect.getdoc(judge) or "").split())
        _collected.append(Claim(paper, name or judge.__name__.replace("_", "-"), text, test, judge))
        return judge

    return register


def claim_of(paper: str, text: str, name: str, judge: Callable[..., Finding], **arguments: Any) -> None:
    """Register a claim whose judge also judges other claims: `arguments` say which one this is."""
    bound = partial(judge, **arguments)
    bound.__doc__ = judge.__doc__
    claim(paper, text, name)(bound)


def above_zero(values: BySeed, detail: str, unit: str = "points") -> Finding:
    """Supported if the interval lies above zero, contradicted if below, else inconclusive; so is one seed."""
    summary, between = interval(values)
    if between is None:
        return Finding("inconclusive", summary.mean, n=summary.n, unit=unit, detail=f"one seed; {detail}")
    low, high = between
    word: Word = "supported" if low > 0 else "contradicted" if high < 0 else "inconclusive"
    return Finding(word, summary.mean, low, high, summary.n, unit, detail)


def means(parts: Mapping[str, BySeed], digits: int, sign: str = "") -> str:
    """Text: each name with its mean over the seeds."""
    return ", ".join(f"{name} {interval(values)[0].mean:{sign}.{digits}f}" for name, values in parts.items())


def claims() -> Sequence[Claim]:
    """Every claim of every paper, in the papers' own order; one file a paper."""
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in ("judge", "page")):
        importlib.import_module(f"{__name__}.{module}")
    return tuple(_collected)
