"""Every registered recipe, found by the registry: builds, trains, repeats itself, and differs by seed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from srlbench import backbones, registry, tracks
from srlbench.recipe import resolve
from srlbench.runs.fingerprint import fingerprint
from srlbench.tracks.resolve import resolved
from srlbench.training import course, encoder
from srlbench.training.callbacks import Hooks
from srlbench.training.value import Training

TINY = backbones.resolve("tiny")
NAMES = sorted(name for name, entry in registry.recipes().items() if entry.recipe.needs != "decoder")
SEEDLESS = {
    "input-words",
    "input-words-weighted",
    "untrained-cls",
    "untrained-mean",
    "untrained-first-last",
    "whitening",
    "whitening-64",
    "all-but-the-top",
    "sif",
    "sif-whitening",
}


def hash_of(name: str, track: tracks.Track, seed: int, work: Path) -> tuple[str, dict[str, object]]:
    recipe = resolved(registry.recipe(name), track, TINY)
    done = course.train(Training(recipe, backbones.fetch(TINY), track, seed, work), Hooks(lambda model: 0.0))
    return done.weights_sha256, done.log


# Those that have a road of their own; the rest differs in losses and parts, which have tests, and is in `tox -e slow`.
OFTEN = {
    "bag-random", "bag-random-weighted", "marked-words", "input-words", "input-words-weighted", "untrained-cls",
    "untrained-first-last", "untrained-mean", "whitening", "whitening-64", "sif", "simcse-unsup", "simcse-sup",
    "esimcse", "rankcse",
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in OFTEN else pytest.mark.slow) for name in NAMES]
)
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
    assert len(prints) == len(registry.recipes())


BERT, ROBERTA = "google-bert/bert-base-uncased", "FacebookAI/roberta-base"
SHIPPED = {  # arXiv 2402.18281, scripts/application: lr, and what the loss is given, for BERT and for RoBERTa
    "mhe": ((1e-5, {"weight": 20.0, "t": 0.5}), (1e-6, {"weight": 20.0, "t": 0.5})),
    "mhs": ((5e-6, {"weight": 1.0}), (1e-6, {"weight": 1.0})),
    "vicreg-uncentred": ((1e-5, {"weight": 30.0}), (1e-6, {"weight": 30.0})),
    "barlow-twins-normalised": ((1e-5, {"weight": 30.0}), (1e-6, {"weight": 30.0})),
    "modified-mhe": (
        (1e-5, {"weight": 1.0, "margin": 0.30, "temperature": 0.05, "ratio": 1.75}),
        (1e-5, {"weight": 1.0, "margin": 0.30, "temperature": 0.05, "ratio": 1.25}),
    ),
    "modified-mhs": (
        (1e-5, {"weight": 1.0, "margin": 0.30, "ratio": 1.75}), (1e-5, {"weight": 1.0, "margin": 0.27, "ratio": 1.00})
    ),
    "modified-vicreg": (
        (1e-5, {"weight": 1.0, "margin": 0.30, "temperature": 0.05, "ratio": 1.50}),
        (1e-5, {"weight": 1.0, "margin": 0.37, "temperature": 0.05, "ratio": 1.25}),
    ),
    "modified-barlow-twins": (
        (1e-5, {"weight": 1.0, "margin": 0.30, "temperature": 0.05, "ratio": 1.50}),
        (1e-5, {"weight": 1.0, "margin": 0.37, "temperature": 0.05, "ratio": 1.25}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED)
def test_settings_on_the_paper_track_are_the_papers(name: str) -> None:
    heads = ("linear-train-only", "tanh-linear-train-only")
    for backbone, size, head, (lr, arguments) in zip((BERT, ROBERTA), (128, 512), heads, SHIPPED[name], strict=True):
        found = resolve(registry.recipe(name).recipe, name, {}, "paper", f"paper/{backbone}")
        assert (found.batch_size, found.lr, found.head) == (size, lr, head)
        assert (found.pool, found.freeze, found.select) == ("cls", "embeddings", "dev")
        assert found.loss and found.loss.arguments == arguments


def test_a_training_head_of_the_paper_is_small_and_linear() -> None:
    torch.manual_seed(0)
    plain, behind = (encoder._head(kind, 256) for kind in ("linear-train-only", "tanh-linear-train-only"))
    assert isinstance(plain, torch.nn.Linear)
    assert plain.weight.std().item() == pytest.approx(6e-3, rel=0.05) and plain.bias.std().item() > 3e-3
    assert [type(part) for part in behind] == [torch.nn.Tanh, torch.nn.Linear]  # type: ignore[call-overload]
