"""What is asked of an engine and what it gives back; light, because the driver never imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srlbench.records import Key, Record


@dataclass(frozen=True)
class Look:
    """How closely a run is looked at; its scores do not depend on it."""

    every: int | None = None  # steps between two looks at the training; None: the track's own
    explain: bool = False  # weigh words by Shapley values too


AS_USUAL = Look()


@dataclass(frozen=True)
class Job:
    """One run to be made: which it is, and where its process may work."""

    key: Key
    protocol: str
    track: str  # a name or file that loads as the key's track
    work: Path
    backbone: str  # a name, folder or pinned revision that resolves to the key's backbone
    keep_encoder: bool = False
    recipe_files: tuple[Path, ...] = ()
    command: str = ""
    look: Look = AS_USUAL
    scored: bool = True  # on the tasks; else only on the track's development set, to choose settings by
    world_size: int = 1  # processes, each on a device of its own, that it takes to train it
    entry: bytes | None = None  # the recipe, packed, if the run's process does not find it by its name
    data: Path | None = None  # where the real text lies; None: as the environment says, or the Hub's

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
    """What each run takes of a cluster's machine; None: the track's threads, and one GPU where the cluster has any."""

    cpus: float | None = None
    gpus: float | None = None


ANY = Share()


@dataclass(frozen=True)
class Outcome:
    """A finished run: its record, and the arrays of what was predicted."""

    record: Record
    predictions: Mapping[str, Any]


@dataclass(frozen=True)
class Progress:
    """How far a run is: in `stage`, `done` of `of`."""

    stage: str
    done: int
    of: int


@dataclass(frozen=True)
class Lost:
    """A run whose process or machine was lost, and that begins again: why, and which of how many attempts it was."""

    reason: str
    attempt: int
    of: int


@dataclass(frozen=True)
class Crew:
    """How a cluster stands: its machines, the runs under way, and those that wait."""

    machines: int
    running: int
    queued: int


@dataclass(frozen=True)
class Event:
    """News of one job: it got further, begins again, or is finished; from a cluster, also how that stands."""

    job: Job
    news: Progress | Lost | Outcome
    crew: Crew | None = None

    @property
    def failed(self) -> bool:
        return isinstance(self.news, Outcome) and self.news.record.status == "failed"
