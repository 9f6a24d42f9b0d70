"""Grids over settings: a sweep over a recipe's own, and the search that a track declares for every recipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from srlbench import registry, variants
from srlbench.errors import UsageError
from srlbench.recipe import Registered
from srlbench.runs.plan import Options, Plan, plan
from srlbench.runs.suite import Suite
from srlbench.tracks import Track

FOLDER = "search"  # of the results: its records are scored on the development set alone


def sweep(recipe: str, settings: Sequence[str], files: tuple[Path, ...]) -> list[Registered]:
    """The recipe as registered, then its variants at every point of a grid like `temperature=0.01,0.05`."""
    entry = registry.recipe(recipe, files)
    if variants.is_variant(entry.name):
        raise UsageError(f"Sweep {variants.base(recipe)}, and give what differs with --set.")
    return [entry, *(variants.variant(entry, changes) for changes in variants.grid(settings))]


def ensure_declared(track: Track) -> None:
    """Raise an error if a track has no search."""
    if not track.search:
        raise UsageError(f"Track {track.name} declares no search: its recipes say their settings themselves.")


def axes(track: Track, backbone: str) -> dict[str, list[Any]]:
    """The values of each setting that the track declares for a backbone."""
    ensure_declared(track)
    if not (found := track.search.get(backbone)):
        raise UsageError(f"Track {track.name} declares no search for the backbone '{backbone}'.")
    return dict(found)


def grid(track: Track, backbone: str) -> list[dict[str, Any]]:
    """The points that the track declares for a backbone: lists of values, all combinations."""
    return list(variants.grid([f"{key}={','.join(map(str, each))}" for key, each in axes(track, backbone).items()]))


def points(recipes: Sequence[Registered], track: Track, backbone: str) -> Iterator[Registered]:
    """Every trained recipe at every point of the grid."""
    for entry in recipes:
        if entry.recipe.trained:
            yield from (variants.variant(entry, changes) for changes in grid(track, backbone))


def searched(names: Sequence[str], files: tuple[Path, ...]) -> list[Registered]:
    """The recipes to be tuned: those named, or all that train."""
    if not names:
        return [entry for entry in registry.recipes(files).values() if entry.recipe.trained]
    entries = [registry.recipe(name, files) for name in dict.fromkeys(names)]
    for entry in entries:
        if variants.is_variant(entry.name) or not entry.recipe.trained:
            raise UsageError(f"'{entry.name}' has nothing to be tuned; recipes that train have.")
    return entries


def plan_search(recipes: Sequence[Registered], track: Track, backbones: Sequence[str], options: Options) -> Plan:
    """The runs of the search that a track declares, on some backbones or all that it names."""
    ensure_declared(track)
    options = replace(options, results=options.results / FOLDER, keep_encoders=False)
    plans = [
        plan(Suite(track, tuple(points(recipes, track, name)), (name,), (int(track.search["seed"]),), False), options)
        for name in backbones or track.searched
    ]
    return replace(plans[0], runs=tuple(run for each in plans for run in each.runs))
