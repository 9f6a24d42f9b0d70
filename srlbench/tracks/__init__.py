"""Tracks: the frozen rules of a competition, one TOML file each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from srlbench import protocols
from srlbench.errors import UsageError, unknown
from srlbench.protocols import Protocol
from srlbench.recipe import digest

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Track:
    """Everything a recipe may not choose: text, protocol, backbones, budget, seeds, threads."""

    name: str
    version: int
    summary: str
    protocol: Protocol
    source: str  # of the training text
    backbones: tuple[str, ...]
    seeds: tuple[int, ...]
    threads: int
    training: Mapping[str, Any]
    text: Mapping[str, Mapping[str, Any]]
    path: Path

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        return self.protocol.groups

    @cached_property
    def data_hashes(self) -> dict[str, str]:
        text = {name: str(rule["sha256"]) for name, rule in self.text.items()}
        return {**text, **self.protocol.data_hashes}

    @cached_property
    def protocol_hash(self) -> str:
        """What scores depend on beside the recipe and the data; summary and defaults of training are not in it."""
        return digest({"version": self.version, "protocol": self.protocol.hash})

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


def read(path: Path, protocol: Path | None = None) -> Track:
    """A track from its file; every key is required, so that a track says all it fixes.

    Its protocol is a shipped one by name, a .toml file beside it, or the file given.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        named = str(raw.pop("protocol"))
        beside = protocol or (path.parent / named if named.endswith(".toml") else None)
        rules = protocols.read(beside) if beside else protocols.load(named)
        backbones, seeds = tuple(raw.pop("backbones")), tuple(raw.pop("seeds"))
        return Track(**raw, protocol=rules, backbones=backbones, seeds=seeds, path=path)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"Track file {path.name} is not a whole track: {error}.") from error
