"""Training, scoring and pre-training on a GPU: what they need one for to be seen; `tox -e gpu` runs them there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_backbones import make

from srlbench import backbones, registry, tracks
from srlbench.data import language
from srlbench.evaluation import external
from srlbench.evaluation.encoding import embed
from srlbench.recipe import change
from srlbench.tracks.resolve import resolved
from srlbench.training import course
from srlbench.training.callbacks import Hooks
from srlbench.training.value import Training

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
TEXTS = [*language.sentences(200, seed=8)]


@pytest.mark.parametrize(
    "settings", [{}, {"precision": "bf16"}, {"micro_batch": 5}, {"gradient_checkpointing": True}], ids=str
)
@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_a_training_gives_the_same_weights_twice(
    kind: str, settings: dict[str, Any], quick_track: Path, tmp_path: Path
) -> None:
    track, start = tracks.read(quick_track), backbones.resolve(str(make(kind, tmp_path / kind)))
    asked = {"pool": "mean", "word_dropout": 0.2, "steps": 6, "batch_size": 16, **settings}
    recipe = change(resolved(registry.recipe("simcse-unsup"), track, start), "simcse-unsup", asked)
    made = [
        course.train(Training(recipe, backbones.fetch(start), track, 0, tmp_path / str(turn)), Hooks(lambda model: 0.0))
        for turn in range(2)
    ]
    assert made[0].weights_sha256 == made[1].weights_sha256
    assert {parameter.device.type for parameter in made[0].model.parameters()} == {"cuda"}


def test_vectors_do_not_depend_on_what_is_encoded_beside_them_and_are_those_of_a_cpu(tmp_path: Path) -> None:
    folder = str(make("bert", tmp_path / "bert"))
    on_gpu, on_cpu = (external.load(folder, "mean")[0].to(device) for device in ("cuda", "cpu"))
    vectors = embed(on_gpu, TEXTS)
    assert all((embed(on_gpu, [text])[0] == vector).all() for text, vector in zip(TEXTS[:5], vectors))
    np.testing.assert_allclose(vectors, embed(on_cpu, TEXTS), atol=1e-4)
