"""The course of a training: from a resolved recipe and a backbone to an encoder and the log of how it came to be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from srlbench.training import encoder, sparsify, trainer
from srlbench.training.callbacks import Hooks, sparsest
from srlbench.training.rng import seed_everything
from srlbench.training.sparsify import Masks
from srlbench.training.value import Training


@dataclass(frozen=True)
class Trained:
    """An encoder and the log of how it came to be."""

    model: SentenceTransformer
    weights_sha256: str
    log: dict[str, Any]
    kept: Masks  # of a sparse encoder


def train(training: Training, hooks: Hooks) -> Trained:
    """The encoder that a training ends with; its checkpoints are resumed from."""
    return _concluded(training, *learn(training, hooks))


def trained(training: Training, weights: dict[str, Tensor], log: dict[str, Any], kept: Masks) -> Trained:
    """What the first of several ranks learnt, in another process."""
    model, _ = _built(training)
    model.load_state_dict(weights)
    return _concluded(training, model, log, kept)


def learn(training: Training, hooks: Hooks) -> tuple[SentenceTransformer, dict[str, Any], Masks]:
    """The encoder as training leaves it, its log, and what stays of a sparse one.

    Each of several ranks does this on its share of the batches; the first alone writes and is watched.
    """
    recipe = training.recipe
    assert hooks.ranks.size == (recipe.world_size or 1)
    model, head = _built(training)
    log: dict[str, Any] = {}
    kept: Masks = {}
    again = bool(recipe.sparsity) and recipe.schedule in ("fine-tune", "rewind")
    if recipe.trained:
        first = (training.below("dense"), replace(hooks, watch=None)) if again else (training, hooks)
        log, kept = trainer.fit(model, head, *first)
    if recipe.sparsity and not kept:
        kept = sparsest(model, training, recipe.sparsity)
    if again:
        if recipe.schedule == "rewind":
            model, head = _built(training)
        log, kept = trainer.fit(model, head, training.below("sparse"), hooks, kept)
    return model, log, kept


def _built(training: Training) -> tuple[SentenceTransformer, nn.Module]:
    """The encoder before training and its head, the same for the same seed."""
    seed_everything(training.seed, training.track.threads)
    return encoder.build(training.recipe, training.folder, training.track)


def _concluded(training: Training, model: SentenceTransformer, log: dict[str, Any], kept: Masks) -> Trained:
    if training.recipe.sparsity:
        sparsify.apply(model, kept)
        log["sparsity"] = sparsify.counts(kept)
    model = encoder.plain(model)
    if training.recipe.post == "whitening":
        model = encoder.whiten(model.eval(), training.track)
    return Trained(model.eval(), encoder.weights_sha256(model), log, kept)
