"""Jobs, which an engine takes, and events, which it gives back. Nothing here imports torch, nor does the driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srlbench.records import Key, Record

Report = Callable[[str, int, int], None]  # of a stage, what is done and of how much


@dataclass(frozen=True)
class Observation:
    """How often a run is measured while it trains, and by which methods; its scores do not depend on it."""

    every: int | None = None  # steps between two measurements; None: the track's own
    explain: bool = False  # compute the weights of words by Shapley values too


AS_USUAL = Observation()


@dataclass(frozen=True)
class Job:
    """One run to be executed: its key, its settings, and the working folder of its process."""

    key: Key
    protocol: str
    track: str  # a name or file that loads as the key's track
    work: Path
    backbone: str  # a name, folder or pinned revision that resolves to the key's backbone
    keep_encoder: bool = False
    recipe_files: tuple[Path, ...] = ()
    command: str = ""
    observation: Observation = AS_USUAL
    scored: bool = True  # on the tasks; else only on the track's development set, to choose settings by
    world_size: int = 1  # processes, each on a device of its own, that it takes to train it
    entry: bytes | None = None  # the recipe, packed, if the run's process does not find it by its name
    data: Path | None = None  # the path of the real text; None: that of the environment, or the Hub

    def record(self, **content: Any) -> Record:
        """A record of this run."""
        k = self.key
        return Record(
            track=k.track,
            track_version=k.version,
            protocol=self.protocol,
            recipe=k.recipe,
            backbone=k.backbone,
            seed=k.seed,
            fingerprint=k.fingerprint,
            command=self.command,
            **content,
        )

    def failed(self, error: Mapping[str, str], seconds: float) -> Outcome:
        record = self.record(status="failed", error=dict(error), timings={"total_s": seconds})
        return Outcome(record, {})


@dataclass(frozen=True)
class Share:
    """What a run takes of a cluster's machine; None: the track's threads, and one GPU where the cluster has any."""

    cpus: float | None = None
    gpus: float | None = None


ANY = Share()


@dataclass(frozen=True)
class Outcome:
    """A finished run: its record, and the arrays of its predictions."""

    record: Record
    predictions: Mapping[str, Any]


@dataclass(frozen=True)
class Progress:
    """The progress of a run: in a stage, `done` of `of`."""

    stage: str
    done: int
    of: int


@dataclass(frozen=True)
class Lost:
    """A run that starts again because its process or machine was lost: the reason, and the number of the attempt."""

    reason: str
    attempt: int
    of: int


@dataclass(frozen=True)
class Crew:
    """The state of a cluster: its machines, and the runs in progress and waiting."""

    machines: int
    running: int
    queued: int


@dataclass(frozen=True)
class Event:
    """News of one job: its progress, a new attempt, or its outcome; from a cluster, also the state of that."""

    job: Job
    news: Progress | Lost | Outcome
    crew: Crew | None = None

    @property
    def failed(self) -> bool:
        return isinstance(self.news, Outcome) and self.news.record.status == "failed"
