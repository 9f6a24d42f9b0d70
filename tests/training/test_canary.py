"""The canary: if training itself changed, TRAINING_VERSION must say so, or stale results would pass for current.

The hash of a short training is kept for each machine class, because other processors round differently. After a
change that is meant: raise TRAINING_VERSION, then `python tests/training/test_canary.py` writes the new hash.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
import torch

from srlbench import backbones, registry, tracks
from srlbench.recipe import change
from srlbench.records import environment
from srlbench.tracks.resolve import resolved
from srlbench.training import TRAINING_VERSION, course
from srlbench.training.callbacks import Hooks
from srlbench.training.value import Training

KNOWN = Path(__file__).with_name("canary.json")
HERE = environment()
MACHINE = f"{HERE['cpu']}; {HERE['cpu_capability']}; {HERE['instructions']}; torch {torch.__version__[:6]}"


def sing() -> str:
    """The weights hash of five steps of supervised SimCSE with dropout, a head and a checkpoint on the way."""
    track = tracks.load("embedded")
    tiny = backbones.resolve("tiny")
    recipe = change(resolved(registry.recipe("simcse-sup"), track, tiny), "simcse-sup", {"steps": 5, "lr": 1e-3})
    with tempfile.TemporaryDirectory() as work:
        folder = backbones.fetch(tiny)
        return course.train(Training(recipe, folder, track, 0, Path(work)), Hooks(lambda model: 0.0)).weights_sha256


def test_training_is_what_its_version_says() -> None:
    known = json.loads(KNOWN.read_text(encoding="utf-8"))
    version = str(TRAINING_VERSION)
    if MACHINE not in known.get(version, {}):
        pytest.skip(f"no canary of training version {version} for this machine class ({MACHINE})")
    assert sing() == known[version][MACHINE], (
        "training changed: raise TRAINING_VERSION in srlbench/training/__init__.py"
    )


def test_every_version_has_a_canary_somewhere() -> None:
    assert str(TRAINING_VERSION) in json.loads(KNOWN.read_text(encoding="utf-8"))


if __name__ == "__main__":
    there = json.loads(KNOWN.read_text(encoding="utf-8")) if KNOWN.is_file() else {}
    there.setdefault(str(TRAINING_VERSION), {})[MACHINE] = sing()
    KNOWN.write_text(json.dumps(there, indent=1, sort_keys=True) + "\n", encoding="utf-8")
