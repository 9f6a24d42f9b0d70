"""Verdicts: the result of the regression check for each recipe, as an exit code and as text."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Literal

from srlbench.errors import NOTHING_COMPARABLE, OK, REGRESSED, RUN_FAILED
from srlbench.escape import line
from srlbench.stats import Summary, label

if TYPE_CHECKING:
    from rich.text import Text

Word = Literal["failed", "regressed", "drifted", "inconclusive", "better", "not comparable", "ok"]
WORDS: tuple[Word, ...] = ("failed", "regressed", "drifted", "inconclusive", "better", "not comparable", "ok")
COMPARED = {"regressed", "drifted", "inconclusive", "better", "ok"}


@dataclass(frozen=True)
class Change:
    """One value, fresh against expected."""

    name: str
    fresh: Summary
    expected: Summary
    margin: float
    difference: float
    interval: tuple[float, float] | None  # 95%, for this value alone
    p: float | None  # two-sided, before Holm; None where no noise was estimated
    word: Word
    needs: int | None = None  # seeds on both sides that would tell a fall of this size from noise

    def __str__(self) -> str:
        low_high = f" [{self.interval[0]:+.2f}, {self.interval[1]:+.2f}]" if self.interval else ""
        return (
            f"{label(self.name)} {self.fresh}, expected {self.expected}: "
            f"{self.difference:+.2f}{low_high}, margin {self.margin:g}"
        )


@dataclass(frozen=True)
class Verdict:
    """The result of the check for one recipe on one backbone."""

    recipe: str
    backbone: str
    word: Word
    reason: str
    changes: tuple[Change, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.recipe}@{self.backbone}"

    @property
    def evidence(self) -> tuple[Change, ...]:
        """The values that the verdict rests on: those that are not ok."""
        return tuple(change for change in self.changes if change.word != "ok")


@dataclass(frozen=True)
class Report:
    """All verdicts, gravest first, and notes on files that belong to no recipe."""

    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()
    strict: float | None = None  # points; an inconclusive recipe that fell further fails the check

    @property
    def suspected(self) -> list[str]:
        """The inconclusive recipes that fell further than a strict check allows."""
        if self.strict is None:
            return []
        doubted = [verdict for verdict in self.verdicts if verdict.word == "inconclusive"]
        return [v.name for v in doubted if any(change.difference < -self.strict for change in v.evidence)]

    @property
    def exit_code(self) -> int:
        """A failed run comes before a regression: the check is not complete until it is run again, and a
        regression will still be there then. Inconclusive alone passes, unless the check is strict."""
        words = {verdict.word for verdict in self.verdicts}
        if "failed" in words:
            return RUN_FAILED
        if words & {"regressed", "drifted"} or self.suspected:
            return REGRESSED
        return OK if words & COMPARED else NOTHING_COMPARABLE


def to_lines(report: Report) -> list[str]:
    """The report as plain lines: one for each recipe, then an indented one for each value that is not ok."""
    names = [line(verdict.name) for verdict in report.verdicts]
    width = max(map(len, names), default=0)
    lines = []
    for name, verdict in zip(names, report.verdicts, strict=True):
        lines.append(f"{verdict.word:<14}  {name:<{width}}  {line(verdict.reason)}")
        lines += [f"    {change.word:<12} {line(str(change))}" for change in verdict.evidence]
    lines += [f"note: {line(note)}" for note in report.notes]
    return [*lines, summary(report)]


def summary(report: Report) -> str:
    """How many recipes have which verdict, and the exit code."""
    counts = Counter(verdict.word for verdict in report.verdicts)
    text = ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word]) or "nothing to compare"
    if report.suspected:
        text += f"; inconclusive, and more than {report.strict:g} points down: {', '.join(map(line, report.suspected))}"
    return f"{text} (exit {report.exit_code})"


def to_terminal(report: Report, width: int | None = None) -> Text:
    """The same lines with their words in colour; what is longer than the terminal goes on below, indented."""
    from rich.text import Text

    lines = to_lines(report)
    if width:
        wrapped = (wrap(line, width, subsequent_indent=" " * 8, break_on_hyphens=False) for line in lines)
        lines = [part for parts in wrapped for part in parts]
    text = Text("\n".join(lines))
    colours = ("bold red", "bold red", "bold magenta", "bold yellow", "green", "dim", "green")
    for word, colour in zip(WORDS, colours, strict=True):
        text.highlight_regex(rf"(?m)^ *{word} +", colour)
    return text
