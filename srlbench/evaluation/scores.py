"""The scores of one evaluated encoder: their JSON and CSV, and their comparison with those of another encoder."""

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
    """The scores of one encoder under one protocol; scores and averages are in percent, unrounded."""

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
    weights_sha256: str | None = None
    pool: str | None = None
    layers: int | None = None
    attention: str | None = None
    precision: str | None = None
    predictions: str | None = None  # the name of the file beside the JSON
    warnings: Sequence[str] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None

    @property
    def kind(self) -> tuple[str, str | None]:
        """The protocol and the probe; only scores of the same kind are compared."""
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
    """The mean of each group whose tasks all have a score."""
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
    """The scores in a file that `to_json` wrote."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        objects = content if isinstance(content, list) else [content]
        scores = [Scores(**fields) for fields in objects]
        for one in scores:
            [float(value) for value in one.scores.values()]
        return scores
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror}.") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is not what `srlbench evaluate MODEL --out FILE` writes.") from error


def to_csv(scores: Sequence[Scores]) -> str:
    """The scores as CSV: one row for each protocol and probe; a task without a score has an empty cell."""
    tasks = list(dict.fromkeys(name for one in scores for names in one.groups.values() for name in names))
    groups = list(dict.fromkeys(group for one in scores for group in one.groups))
    lines: list[Sequence[object]] = [["model", "protocol", "probe", *tasks, *(f"{group}_avg" for group in groups)]]
    for one in scores:
        values = [one.scores.get(name, "") for name in tasks] + [one.averages.get(group, "") for group in groups]
        lines.append([one.model, one.protocol, one.probe or "", *values])
    return csv_text(lines)


def comparable(scores: Sequence[Scores], others: Sequence[Scores]) -> list[tuple[Scores, Scores]]:
    """The pairs of scores with the same protocol and probe; it is an error if their rows differ."""
    pairs = [(mine, other) for mine in scores for other in others if mine.kind == other.kind]
    for mine, other in pairs:
        for name in mine.scores.keys() & other.scores.keys():
            if mine.data.get(name) != other.data.get(name):
                raise UsageError(f"The two were scored on different rows of {name}; they cannot be compared.")
    return pairs
