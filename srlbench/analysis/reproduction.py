"""The verdict on a record that was run again: its text, its exit code and its confirmation.

The other seeds tell how much a value varies. A value is within its interval if one more seed would fall there in 95
of 100 cases: mean ± t · sd · √(1 + 1/n) over the recorded seeds, and never less than SAME to either side, because seeds
without spread agree on one machine's last digits, not on another's. Only averages decide: of fourteen tasks one falls
outside in every other rerun, so tasks are only named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from srlbench import records
from srlbench.analysis.leaderboard.rows import SAME
from srlbench.errors import NOTHING_COMPARABLE, OK, REGRESSED
from srlbench.records import Confirmation, Record, address, digits, machine_class
from srlbench.records.confirmation import Word
from srlbench.runs.rerun import Recorded, Rerun
from srlbench.stats import Groups, average, label, next_interval, summarise, with_averages

EXIT: Mapping[Word, int] = {
    "bitwise equal": OK,
    "within its interval": OK,
    "outside": REGRESSED,
    "differs": NOTHING_COMPARABLE,
}


@dataclass(frozen=True)
class Value:
    """A score or average, recorded and run again."""

    name: str
    recorded: float
    rerun: float
    interval: tuple[float, float] | None  # of one more seed

    @property
    def difference(self) -> float:
        return self.rerun - self.recorded

    @property
    def outside(self) -> bool:
        return self.interval is not None and not self.interval[0] <= self.rerun <= self.interval[1]

    def __str__(self) -> str:
        span = f"; one more seed: {self.interval[0]:.2f} to {self.interval[1]:.2f}" if self.interval else ""
        return f"{label(self.name)} {self.rerun:.2f}, recorded {self.recorded:.2f} ({self.difference:+.3g}){span}"


@dataclass(frozen=True)
class Reproduction:
    """The verdict on a rerun, and the values that it rests on."""

    record: Record
    rerun: Record
    word: Word
    values: tuple[Value, ...]  # averages, then tasks
    predictions: bool | None  # whether they are equal; None if none are recorded

    @property
    def exit_code(self) -> int:
        return EXIT[self.word]

    @property
    def name(self) -> str:
        return str(address.of(self.record))

    @property
    def largest(self) -> Value | None:
        return max(self.values, key=lambda value: abs(value.difference), default=None)

    @property
    def reason(self) -> str:
        if self.word == "bitwise equal":
            also = "all predictions" if self.predictions else "no predictions are recorded"
            n = len(self.rerun.scores)
            return f"weights, {n} score{'s' * (n != 1)}, {also}"
        parts = [
            "the weights differ" if self.record.weights_sha256 != self.rerun.weights_sha256 else "the same weights"
        ]
        if odd := sorted(self.record.scores.keys() ^ self.rerun.scores.keys()):
            parts.append(f"other tasks ({', '.join(odd)})")
        if self.largest and self.largest.difference:
            parts.append(f"largest difference {label(self.largest.name)} {self.largest.difference:+.3g}")
        else:
            parts.append("no score differs" + ("" if self.predictions is not False else ", but predictions do"))
        if self.word == "differs" and not odd:
            parts.append("fewer than two seeds are recorded, so there is nothing to judge by but the digits")
        return "; ".join(parts)

    @property
    def machine(self) -> str:
        """How the two machines compare, and so whether the digits had to agree."""
        theirs, mine = self.record.environment, self.rerun.environment
        here = machine_class(mine)
        other = [part for part, value in machine_class(theirs).items() if here[part] != value]
        if self.word == "bitwise equal":
            return f"Another machine class ({', '.join(other)})." if other else "The same machine class."
        if other:
            return f"Another machine class ({', '.join(other)}): digits need not agree."
        if versions := _versions(theirs.get("packages"), mine.get("packages")):
            return f"The same machine class, but other versions: {versions}."
        return "The same machine class and versions, yet other digits: that should not be; please report it."


def plain(verdict: Reproduction) -> dict[str, Any]:
    """The verdict in JSON's own types."""
    values = [asdict(value) | {"difference": value.difference, "outside": value.outside} for value in verdict.values]
    return {
        "run": verdict.name,
        "verdict": verdict.word,
        "reason": verdict.reason,
        "machine": verdict.machine,
        "exit_code": verdict.exit_code,
        "predictions_equal": verdict.predictions,
        "values": values,
    }


def of(rerun: Rerun) -> Reproduction:
    """The verdict on a record that was run again."""
    recorded = rerun.recorded
    return judge(recorded.record, rerun.again, rerun.seeds, recorded.track.groups, rerun.predictions)


def judge(
    record: Record, again: Record, seeds: Sequence[Record], groups: Groups, predictions: bool | None
) -> Reproduction:
    """The verdict; `seeds` are the records of all seeds, the one that was run again among them.

    predictions: whether all are equal; None if none are recorded.
    """
    ours, theirs = (_values(run, groups) for run in (again, record))
    of_seeds = [_values(run, groups) for run in seeds]
    values = []
    for name in theirs:
        if name in ours:
            row = summarise([scores[name] for scores in of_seeds if name in scores])
            values.append(Value(name, theirs[name], ours[name], next_interval(row, least=SAME)))
    # Where nothing is averaged, as in a search, the scores decide themselves.
    deciding = {*map(average, groups)} & theirs.keys() or theirs.keys()
    judged = [value for value in values if value.name in deciding]
    word: Word = "within its interval"
    if digits(record) == digits(again) and predictions is not False:
        word = "bitwise equal"
    elif any(value.outside for value in judged):
        word = "outside"
    elif len(judged) < len(deciding) or any(value.interval is None for value in judged):
        word = "differs"
    return Reproduction(record, again, word, tuple(values), predictions)


def confirm(recorded: Recorded, verdict: Reproduction, who: str, out: Path) -> Path:
    """Write the confirmation to the results folder `out`."""
    brief = replace(verdict.rerun, asked={}, resolved={}, results=[], diagnostics={}, training={}, data={})
    confirmation = Confirmation(
        record_sha256=recorded.sha256,
        verdict=verdict.word,
        reason=verdict.reason,
        difference=abs(verdict.largest.difference) if verdict.largest else 0.0,
        who=who,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        rerun=brief,
    )
    return records.confirm(out, confirmation)


def to_lines(verdict: Reproduction) -> list[str]:
    """The verdict; the values outside of their intervals (or, without intervals, those that differ); the machine."""
    lines = [f"{verdict.word}  {verdict.name}  {verdict.reason}"]
    for value in verdict.values:
        if value.outside or (verdict.word == "differs" and value.difference):
            lines.append(f"    {value}")
    return [*lines, verdict.machine]


def _values(record: Record, groups: Groups) -> dict[str, float]:
    return with_averages(record.scores, groups) | record.scores


def _versions(theirs: object, mine: object) -> str:
    if not isinstance(theirs, Mapping) or not isinstance(mine, Mapping):
        return ""
    odd = [name for name in sorted(mine) if theirs.get(name) != mine[name]]
    return ", ".join(f"{name} {mine[name]} (recorded {theirs.get(name)})" for name in odd)
