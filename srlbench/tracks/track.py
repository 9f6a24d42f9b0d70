"""Tracks: the fixed rules of a comparison, each in one TOML file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from srlbench import variants
from srlbench.errors import UsageError, unknown
from srlbench.recipe import Recipe, digest
from srlbench.recipe.kinds import WORDS, fits
from srlbench.tracks import protocol as protocols
from srlbench.tracks.protocol import Protocol

FOLDER = Path(__file__).parent
# Of what reads a track, and would fail far from it.
KINDS: Mapping[str, type] = {
    "name": str, "summary": str, "source": str, "control": str, "version": int, "threads": int, "training": dict,
    "text": dict, "settings": dict, "search": dict, "once": dict, "regimes": dict, "estimate": dict,
}  # fmt: skip
CHOSEN = "{}.chosen"  # the file of the settings that `srlbench tune` chose, beside the track's file


@dataclass(frozen=True)
class Track:
    """Everything that a recipe may not choose: text, protocol, backbones, budget, seeds, threads."""

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
    estimate: Mapping[str, Any] = field(default_factory=dict)  # for the cost of a run that was never timed
    control: str = "bag-random-weighted"  # the recipe that every other is compared with
    # The settings of every recipe that trains on a backbone: backbone -> settings.
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    # The settings that `srlbench tune` tries, and its seed; the settings it chose: backbone -> recipe -> settings.
    search: Mapping[str, Any] = field(default_factory=dict)
    chosen: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    # Groups of tasks that take long: recipes are scored on them at the first seed alone, variants not at all.
    once: Mapping[str, Sequence[str]] = field(default_factory=dict)  # backbone -> groups
    further: tuple[str, ...] = ()  # backbones whose runs are ranked and judged too, but are made only if they are named
    # The settings of papers, in which their claims are judged beside the track's own: paper -> settings.
    regimes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, kind in KINDS.items():
            if not isinstance(value := getattr(self, key), kind) or isinstance(value, bool):
                raise ValueError(f"{key} = {value!r} is no {kind.__name__}")
        if not re.fullmatch(r"\w[\w. -]{0,99}", self.name):
            raise ValueError(f"name {self.name!r} is more than letters, digits, dots, spaces and -")
        if self.version < 1 or not self.backbones or not self.seeds or self.threads < 1:
            raise ValueError("version and threads are from 1 on, and backbones and seeds are not empty")
        if odd := [seed for seed in self.seeds if type(seed) is not int or not 0 <= seed < 2**32]:
            raise ValueError(f"the seed {odd[0]!r} is no whole number from 0 on, below 2^32")
        _check_training(self.training, self.protocol)
        for form, rule in self.text.items():
            if not isinstance(rule, dict) or type(rule.get("lines")) is not int or rule["lines"] < 1:
                raise ValueError(f"text.{form} says no number of lines")
        if wrong := {group for groups in self.once.values() for group in groups} - {*self.groups}:
            raise ValueError(f"once names {', '.join(sorted(wrong))}, which is none of {', '.join(self.groups)}")

    @property
    def ranked(self) -> tuple[str, ...]:
        """The backbones of the track, and those whose runs are made only if they are named."""
        return (*self.backbones, *self.further)

    def tasks(self, recipe: str, backbone: str, seed: int) -> tuple[str, ...]:
        """The tasks that a run is scored on."""
        whole = seed == self.seeds[0] and not variants.is_variant(recipe)
        rare = () if whole else self.once.get(backbone, ())
        left = {task for group in rare for task in self.groups[group]}
        return tuple(task for task in self.protocol.tasks if task not in left)

    def data_of(self, recipe: str, backbone: str, seed: int) -> dict[str, str]:
        """The hashes of what a run is trained and scored on."""
        kept = {*self.text, *self.tasks(recipe, backbone, seed)}
        return {name: sha256 for name, sha256 in self.data_hashes.items() if name in kept}

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        return self.protocol.groups

    @cached_property
    def data_hashes(self) -> dict[str, str]:
        text = {name: str(rule.get("sha256") or rule["revision"]) for name, rule in self.text.items()}
        return {**text, **self.protocol.data_hashes}

    @cached_property
    def protocol_hash(self) -> str:
        """The hash of the track's version and protocol; its summary and training defaults are not part of it."""
        return digest({"version": self.version, "protocol": self.protocol.hash})

    def cost(self, recipe: Recipe) -> float | None:
        """The estimated seconds of a resolved recipe; None if the track has no numbers for an estimate."""
        if not (rule := self.estimate):
            return None
        views = 3 if recipe.data == "triplets" else 2
        trained = 6 * (recipe.steps or 0) * (recipe.batch_size or 0) * views * rule["tokens"]
        return float((trained + 2 * rule["evaluated_tokens"]) * rule["parameters"] / rule["operations_per_second"])

    @property
    def searched(self) -> list[str]:
        """The backbones on which settings are searched; a backbone may be searched before it has results."""
        return [name for name in self.search if name != "seed"]

    @property
    def development(self) -> str:
        """The name of the score by which settings are chosen."""
        return f"{self.training['select_on']}-dev"


def _listed(raw: dict[str, Any], key: str) -> tuple[Any, ...]:
    value = raw.pop(key, [])
    if not isinstance(value, list):
        raise ValueError(f"{key} = {value!r} is no list")
    return tuple(value)


def _check_training(training: Mapping[str, Any], protocol: Protocol) -> None:
    """Refuse a budget that says too little, or a value of another kind."""
    wanted = {"lr": "float", "batch_size": "int", "max_length": "int", "checkpoint_steps": "int", "select_on": "str"}
    wanted |= {"steps": "int"} if "epochs" not in training else {"epochs": "float"}
    for key, kind in wanted.items():
        if not fits(training.get(key), kind):
            raise ValueError(f"training.{key} = {training.get(key)!r} is not {WORDS[kind]}")
    if training["select_on"] not in protocol.tasks:
        raise ValueError(f"training.select_on = {training['select_on']!r} is none of {', '.join(protocol.tasks)}")
    steps = training.get("observe_steps", ())
    if not isinstance(steps, list | tuple) or not all(type(step) is int for step in steps):
        raise ValueError(f"training.observe_steps = {steps!r} is no list of steps")


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def load(name: str) -> Track:
    """The track with this name, or the user's own track from a .toml file."""
    if name.endswith(".toml") and Path(name).is_file():
        return read(Path(name))
    if name not in names():
        raise unknown("track", name, names())
    return read(FOLDER / f"{name}.toml")


def read(path: Path, protocol: Path | None = None) -> Track:
    """The track in a file; every key without a default is required, so that the file states everything it fixes.

    The key `protocol` names a shipped protocol or a .toml file beside the track; the argument `protocol` replaces it.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        name = str(raw.pop("protocol"))
        protocol_path = protocol or (path.parent / name if name.endswith(".toml") else None)
        rules = protocols.read(protocol_path) if protocol_path else protocols.load(name)
        backbones, seeds, further = (_listed(raw, key) for key in ("backbones", "seeds", "further"))
        chosen_path = path.with_name(CHOSEN.format(path.stem))
        chosen = _chosen(chosen_path) if chosen_path.is_file() else {}
        return Track(**raw, protocol=rules, backbones=backbones, seeds=seeds, path=path, chosen=chosen, further=further)
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"Track file {path.name} is not a complete track: {error}.") from error


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
