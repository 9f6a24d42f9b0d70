"""What evaluating one encoder found: its JSON and CSV, and how it compares with another's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srlbench.errors import UsageError
from srlbench.escape import csv_text
from srlbench.stats import average

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, repr=False)
class Scores:
    """One encoder under one protocol; scores and averages in percent, unrounded."""

    model: str
    protocol: str
    probe: str | None
    scores: Mapping[str, float]
    averages: Mapping[str, float]
    detail: Mapping[str, Mapping[str, Any]]
    data: Mapping[str, str]
    groups: Mapping[str, Sequence[str]]
    source: str
    revision: str | None = None
    pool: str | None = None
    predictions: str | None = None  # the file beside the JSON
    warnings: Sequence[str] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None

    @property
    def kind(self) -> tuple[str, str | None]:
        """Only scores of one kind are compared."""
        return self.protocol, self.probe

    def __repr__(self) -> str:
        said = ", ".join(f"{name} {value:.2f}" for name, value in (self.averages or self.scores).items())
        kind = " ".join(filter(None, self.kind))
        return f"Scores of {self.model} ({kind}): {said}"

    def to_pandas(self) -> pandas.DataFrame:
        """One row a task or average."""
        import pandas

        rows = [*((average(group), value) for group, value in self.averages.items()), *self.scores.items()]
        known = {"model": self.model, "protocol": self.protocol, "probe": self.probe}
        lines = [{**known, "task": name, "score": value} for name, value in rows]
        return pandas.DataFrame(lines, columns=[*known, "task", "score"])


def averages(scores: Mapping[str, float], groups: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Plain means over the groups that are complete: an average over a missing task is missing."""
    return {
        group: sum(scores[name] for name in names) / len(names)
        for group, names in groups.items()
        if names and all(name in scores for name in names)
    }


def plain(found: Sequence[Scores]) -> Any:
    """An object in JSON's own types, or a list of them if there are several protocols or probes."""
    objects = [asdict(each) for each in found]
    return objects[0] if len(objects) == 1 else objects


def to_json(found: Sequence[Scores]) -> str:
    return json.dumps(plain(found), indent=1, ensure_ascii=False) + "\n"


def from_json(path: Path) -> list[Scores]:
    """What `to_json` wrote."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        objects = content if isinstance(content, list) else [content]
        found = [Scores(**each) for each in objects]
        for each in found:
            [float(value) for value in each.scores.values()]
        return found
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror}.") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is not what `srlbench evaluate MODEL --out FILE` writes.") from error


def to_csv(found: Sequence[Scores]) -> str:
    """One row a protocol and probe; a task that was not scored is empty."""
    tasks = list(dict.fromkeys(name for each in found for names in each.groups.values() for name in names))
    groups = list(dict.fromkeys(group for each in found for group in each.groups))
    lines: list[Sequence[object]] = [["model", "protocol", "probe", *tasks, *(f"{group}_avg" for group in groups)]]
    for each in found:
        values = [each.scores.get(name, "") for name in tasks] + [each.averages.get(group, "") for group in groups]
        lines.append([each.model, each.protocol, each.probe or "", *values])
    return csv_text(lines)


def comparable(found: Sequence[Scores], others: Sequence[Scores]) -> list[tuple[Scores, Scores]]:
    """Pairs of one protocol and probe on the same rows; two protocols are never mixed."""
    pairs = [(mine, other) for mine in found for other in others if mine.kind == other.kind]
    for mine, other in pairs:
        for name in mine.scores.keys() & other.scores.keys():
            if mine.data.get(name) != other.data.get(name):
                raise UsageError(f"The two were scored on different rows of {name}; they cannot be compared.")
    return pairs
