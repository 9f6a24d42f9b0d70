"""Checks of an installation: whether its numbers can be trusted. A finding is a name, a verdict and a sentence."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path

from srlbench import backbones, data, records, registry
from srlbench.errors import SrlbenchError
from srlbench.recipe import Augment, Companion, Loss, Post, Rewrite, plugins
from srlbench.records import Record
from srlbench.records.environment import versions
from srlbench.tracks import Track
from srlbench.tracks.resolve import resolved

Finding = tuple[str, bool, str]


def examine(track: Track, results: Path) -> Iterator[Finding]:
    """Findings as they are made, cheap ones first."""
    good = sys.version_info >= (3, 11)
    yield "python", good, f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield from _packages(records.published(track.name, track.version) or ())
    yield _plugins()
    yield "cores", True, f"{os.cpu_count()}, of which a run of track {track.name} uses {track.threads}"
    yield tried("results folder", partial(_writable, results, track))
    for name in backbones.names():
        yield _backbone(name)
    yield tried("data", partial(_data, track))
    yield tried("determinism", partial(_repeat, track))


def _packages(published: tuple[Record, ...]) -> Iterator[Finding]:
    """Other versions than those of the published records are no fault, but explain other last digits."""
    theirs = published[0].environment.get("packages", {}) if published else {}
    ours = versions()
    for name in ("torch", "transformers", "sentence-transformers", "mteb", "scikit-learn", "numpy"):
        mine, known = ours[name], theirs.get(name)
        note = f" (the published records: {known})" if mine and known not in (None, mine) else ""
        yield name, mine is not None, f"{mine or 'not installed'}{note}"


def _plugins() -> Finding:
    """Whether all that other packages add can be used: recipes, and members of every kind."""
    registry.recipes()
    parts = (Augment, Companion, Loss, Post, Rewrite)
    found = [point for part in parts for point in plugins.points(part.KIND.group)]
    for point in found:
        plugins.tried(point, point.load)
    count, said = len(found) + len(plugins.points(registry.GROUP)), plugins.broken()
    return "plug-ins", not said, " ".join(said) or f"{count or 'no'} entry points of other packages"


def tried(name: str, attempt: Callable[[], str]) -> Finding:
    """What an attempt found, or the error that it raised."""
    try:
        return name, True, attempt()
    except SrlbenchError as error:
        return name, False, str(error)


def _writable(results: Path, track: Track) -> str:
    there = results.exists()
    records.ensure_writable(results, track.name, track.version)
    if not there:  # leave no trace of having looked
        for folder in [*list(results.rglob("*"))[::-1], results]:
            if folder.is_dir():
                folder.rmdir()
    return f"{results} can be written"


def _backbone(name: str) -> Finding:
    start = backbones.resolve(name)
    assert start.path is not None
    card = json.loads((start.path / "card.json").read_text(encoding="utf-8"))
    good = card["weights_sha256"] == sha256((start.path / "model.safetensors").read_bytes()).hexdigest()
    sentence = "are those its card speaks of" if good else "are not those its card speaks of; reinstall srlbench"
    return f"backbone {name}", good, f"its weights {sentence}"


def _data(track: Track) -> str:
    for form in track.text:
        data.training_text(track, form)
    for name in track.protocol.tasks:
        data.task(track.protocol, name)
    return f"all {len(track.protocol.tasks) + len(track.text)} sets of track {track.name} have their pinned hashes"


def _repeat(track: Track) -> str:
    from transformers.utils.logging import disable_progress_bar

    from srlbench.training import course
    from srlbench.training.callbacks import Hooks
    from srlbench.training.value import Training

    disable_progress_bar()  # type: ignore[no-untyped-call]
    start = backbones.resolve(track.backbones[0])
    recipe = dataclasses.replace(resolved(registry.recipe("simcse-unsup"), track, start), steps=2)
    hashes = set()
    for _ in range(2):
        with tempfile.TemporaryDirectory() as work:
            training = Training(recipe, backbones.fetch(start), track, 0, Path(work))
            done = course.train(training, Hooks(lambda model: 0.0))
        hashes.add(done.weights_sha256)
    if len(hashes) > 1:
        raise SrlbenchError("two trainings with one seed gave different weights; scores here are not reproducible.")
    return "two short trainings with one seed gave one set of weights"
