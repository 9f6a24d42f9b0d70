"""What a tracker is given of a run: all of it comes from the record."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from srlbench import records, tracks
from srlbench.errors import UsageError
from srlbench.records import Record, address
from srlbench.stats import with_averages

LOSS, DEV, DYNAMICS, SCORES, TIMES = "loss", "dev", "dynamics", "scores", "seconds"
Values = dict[str, float]


@dataclass(frozen=True)
class Run:
    """A record, the file it is in, and the scores with their averages."""

    record: Record
    path: Path
    scores: Mapping[str, float]

    @property
    def name(self) -> str:
        return str(address.of(self.record))

    @property
    def group(self) -> str:
        """The track and its version; runs of different ones are not comparable."""
        return f"{self.record.track}-v{self.record.track_version}"

    @property
    def identity(self) -> str:
        """A short text that no other run has."""
        return sha256("/".join(map(str, self.record.key)).encode()).hexdigest()[:16]

    @property
    def config(self) -> dict[str, Any]:
        """What was run: the resolved recipe, its fingerprint, its weights and its environment."""
        r = self.record
        return {
            "recipe": r.recipe, "backbone": r.backbone, "seed": r.seed, "track": r.track, "version": r.track_version,
            "protocol": r.protocol, "fingerprint": r.fingerprint, "weights_sha256": r.weights_sha256,
            "command": r.command, "settings": r.resolved, "data": r.data, "environment": r.environment,
        }  # fmt: skip

    @cached_property
    def points(self) -> list[tuple[int, Values]]:
        """The losses, development scores and dynamics by step, in the order of the steps."""
        points: dict[int, Values] = defaultdict(dict)
        losses, steps = self.record.training.get("losses") or (), self.record.training.get("steps") or 0
        every = max(1, steps // 50) if len(losses) < steps else 1  # a long training records fifty or so
        for place, loss in enumerate(losses):
            points[1 + place * every] |= dict(_numbers(loss, LOSS))
        for step, score in self.record.training.get("dev") or ():
            points[int(step)] |= dict(_numbers(score, DEV))
        for look in self.record.diagnostics.get("dynamics") or ():
            points[int(look["step"])] |= dict(_numbers({k: v for k, v in look.items() if k != "step"}, DYNAMICS))
        return sorted((step, values) for step, values in points.items() if values)

    @property
    def last(self) -> int:
        """The last step."""
        return max([int(self.record.training.get("steps") or 0), *(step for step, _ in self.points)])

    @property
    def summary(self) -> Values:
        """The scores in percent, what the stages took, and the peak of memory."""
        times = {key.removesuffix("_s"): value for key, value in self.record.timings.items()}
        memory = {} if self.record.peak_memory_mb is None else {"peak_memory_mb": float(self.record.peak_memory_mb)}
        return {**dict(_numbers(self.scores, SCORES)), **dict(_numbers(times, TIMES)), **memory}


def of(path: Path) -> Run:
    """The run whose record is in a file of a results folder."""
    record = records.read(path)
    return Run(record, path, _scores(path, record))


def _scores(path: Path, record: Record) -> Mapping[str, float]:
    """The scores and averages; the groups of tasks are those of the rules that lie beside the records."""
    if (home := records.home(path, record)) is None:
        return record.scores
    rules = records.track_folder(home, record.track, record.track_version)
    try:
        track = tracks.read(rules / "track.toml", rules / "protocol.toml")
    except UsageError:
        return record.scores
    return {**record.scores, **with_averages(record.scores, track.groups)}


def flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested mappings, under names with dots."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flat(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _numbers(value: Any, name: str) -> Iterator[tuple[str, float]]:
    """The finite numbers of nested mappings, under names with slashes."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers(inner, f"{name}/{key}")
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        yield name, float(value)
