"""Tracks: the frozen rules of a competition, one TOML file each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from srlbench.errors import UsageError, unknown
from srlbench.recipe import digest

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class TaskRule:
    """One task of a track: its kind, the average it counts for, and the rows it must have."""

    name: str
    kind: str
    group: str
    sha256: str
    rows: Mapping[str, int]


@dataclass(frozen=True)
class Track:
    """Everything a recipe may not choose: text, tasks, backbones, budget, probe, seeds, threads."""

    name: str
    version: int
    summary: str
    protocol: str
    source: str
    backbones: tuple[str, ...]
    seeds: tuple[int, ...]
    threads: int
    training: Mapping[str, Any]
    text: Mapping[str, Mapping[str, Any]]
    probe: Mapping[str, Any]
    tasks: Mapping[str, TaskRule]
    path: Path

    @cached_property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The tasks behind each average, in the track's order."""
        out: dict[str, tuple[str, ...]] = {}
        for task in self.tasks.values():
            out[task.group] = (*out.get(task.group, ()), task.name)
        return out

    @cached_property
    def data_hashes(self) -> dict[str, str]:
        text = {name: str(rule["sha256"]) for name, rule in self.text.items()}
        return {**text, **{task.name: task.sha256 for task in self.tasks.values()}}

    @cached_property
    def protocol_hash(self) -> str:
        """What scores depend on beside the recipe and the data; summary and defaults of training are not in it."""
        return digest({"version": self.version, "protocol": self.protocol, "probe": dict(self.probe)})

    @property
    def default_training(self) -> dict[str, Any]:
        return {key: value for key, value in self.training.items() if key != "checkpoint_steps"}


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def load(name: str) -> Track:
    """A shipped track by name, or anyone's own from a .toml file."""
    if name.endswith(".toml") and Path(name).is_file():
        return read(Path(name))
    if name not in names():
        raise unknown("track", name, names())
    return read(FOLDER / f"{name}.toml")


def read(path: Path) -> Track:
    """A track from its file; every key is required, so that a track says all it fixes."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        tasks = {key: TaskRule(name=key, **rule) for key, rule in raw.pop("tasks").items()}
        backbones, seeds = tuple(raw.pop("backbones")), tuple(raw.pop("seeds"))
        return Track(**raw, tasks=tasks, backbones=backbones, seeds=seeds, path=path)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"Track file {path.name} is not a whole track: {error}.") from error
