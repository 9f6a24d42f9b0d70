"""Every registered recipe, found by the registry: builds, trains, repeats itself, and differs by seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from srlbench import backbones, registry, tracks
from srlbench.fingerprint import fingerprint, resolved
from srlbench.training import trainer

TINY = backbones.resolve("tiny")
NAMES = sorted(registry.recipes())
SEEDLESS = {"untrained-cls", "untrained-mean", "untrained-first-last", "whitening"}


def hash_of(name: str, track: tracks.Track, seed: int, work: Path) -> tuple[str, dict[str, object]]:
    recipe = resolved(registry.recipe(name), track, TINY)
    done = trainer.train(recipe, backbones.fetch(TINY), track, seed, work, lambda model: 0.0, lambda *news: None)
    return done.weights_sha256, done.log


@pytest.mark.parametrize("name", NAMES)
def test_repeats_itself_and_differs_by_seed(name: str, quick_track: Path, tmp_path: Path) -> None:
    track = tracks.read(quick_track)
    first, log = hash_of(name, track, 0, tmp_path / "a")
    again, _ = hash_of(name, track, 0, tmp_path / "b")
    other, _ = hash_of(name, track, 1, tmp_path / "c")
    assert first == again
    assert (first == other) == (name in SEEDLESS)
    if registry.recipe(name).recipe.trained:
        assert log["steps"] == 8


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_is(name: str) -> None:
    entry = registry.recipe(name)
    assert entry.summary.endswith("."), "the first docstring line is shown in `srlbench list`"
    assert name == name.lower() and "_" not in name


def test_fingerprints_tell_recipes_apart() -> None:
    track = tracks.load("embedded")
    prints = {fingerprint(entry, track, TINY) for entry in registry.recipes().values()}
    assert len(prints) == len(NAMES)
