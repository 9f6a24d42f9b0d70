"""Tracks: the frozen rules of a competition, one TOML file each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from srlbench.errors import UsageError, unknown
from srlbench.recipe import Recipe, digest
from srlbench.tracks import protocol as protocols
from srlbench.tracks.protocol import Protocol

FOLDER = Path(__file__).parent
CHOSEN = "{}.chosen"  # what `srlbench tune` chose for a track, beside its file


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
    estimate: Mapping[str, Any] = field(default_factory=dict)  # of what a run costs that nobody timed
    control: str = "bag-random-weighted"  # what every recipe is compared with
    # What every recipe that trains does another way on a backbone: backbone -> settings.
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    # What each recipe may be tuned over, and on which seed; what was chosen: backbone -> recipe -> its settings.
    search: Mapping[str, Any] = field(default_factory=dict)
    chosen: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        return self.protocol.groups

    @cached_property
    def data_hashes(self) -> dict[str, str]:
        text = {name: str(rule.get("sha256") or rule["revision"]) for name, rule in self.text.items()}
        return {**text, **self.protocol.data_hashes}

    @cached_property
    def protocol_hash(self) -> str:
        """What scores depend on beside the recipe and the data; summary and defaults of training are not in it."""
        return digest({"version": self.version, "protocol": self.protocol.hash})

    def cost(self, recipe: Recipe) -> float | None:
        """Seconds that a resolved recipe is likely to take, where the track says what to reckon with."""
        if not (rule := self.estimate):
            return None
        views = 3 if recipe.data == "triplets" else 2
        trained = 6 * (recipe.steps or 0) * (recipe.batch_size or 0) * views * rule["tokens"]
        return float((trained + 2 * rule["evaluated_tokens"]) * rule["parameters"] / rule["operations_per_second"])

    @property
    def searched(self) -> list[str]:
        """The backbones that settings are searched on; a search may come before a backbone's rows do."""
        return [name for name in self.search if name != "seed"]

    @property
    def development(self) -> str:
        """The score that settings are chosen by."""
        return f"{self.training['select_on']}-dev"


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
    """A track from its file; every key without a default is required, so that a track says all it fixes.

    Its protocol is a shipped one by name, a .toml file beside it, or the file given.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        named = str(raw.pop("protocol"))
        beside = protocol or (path.parent / named if named.endswith(".toml") else None)
        rules = protocols.read(beside) if beside else protocols.load(named)
        backbones, seeds = tuple(raw.pop("backbones")), tuple(raw.pop("seeds"))
        beside_it = path.with_name(CHOSEN.format(path.stem))
        chosen = _chosen(beside_it) if beside_it.is_file() else {}
        return Track(**raw, protocol=rules, backbones=backbones, seeds=seeds, path=path, chosen=chosen)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"Track file {path.name} is not a whole track: {error}.") from error


def _chosen(path: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """The settings that a search chose; TOML has no word for nothing, so `none` is it."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        backbone: {
            recipe: {key: None if value == "none" else value for key, value in settings.items()}
            for recipe, settings in recipes.items()
        }
        for backbone, recipes in tables.items()
    }
