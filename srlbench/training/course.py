"""The whole course of a training: a resolved recipe and a backbone in, an encoder and a training log out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from srlbench.recipe import Post
from srlbench.training import encoder, sparsify, trainer
from srlbench.training.callbacks import Hooks, pruning_masks
from srlbench.training.rng import seed_everything
from srlbench.training.sparsify import Masks
from srlbench.training.value import Training


@dataclass(frozen=True)
class Trained:
    """A trained encoder, the hash of its weights, and its training log."""

    model: SentenceTransformer
    weights_sha256: str
    log: dict[str, Any]
    kept: Masks  # the masks of a sparse encoder: which weights stay


def train(training: Training, hooks: Hooks) -> Trained:
    """Train the encoder; a training with checkpoints resumes from the last one."""
    return _finish(training, *learn(training, hooks))


def trained(training: Training, weights: dict[str, Tensor], log: dict[str, Any], masks: Masks) -> Trained:
    """The trained encoder from the result of `learn` in another process, the first of several ranks."""
    model, _ = _build(training)
    model.load_state_dict(weights)
    return _finish(training, model, log, masks)


def learn(training: Training, hooks: Hooks) -> tuple[SentenceTransformer, dict[str, Any], Masks]:
    """Train the encoder and return it with its log and the masks of a sparse one.

    Every rank does this on its share of the batches. Only the first rank writes files and is observed.
    """
    recipe = training.recipe
    assert hooks.ranks.size == (recipe.world_size or 1)
    model, head = _build(training)
    log: dict[str, Any] = {}
    masks: Masks = {}
    retrain = bool(recipe.sparsity) and recipe.schedule in ("fine-tune", "rewind")
    if recipe.trained:
        first = (training.below("dense"), replace(hooks, watch=None)) if retrain else (training, hooks)
        log, masks = trainer.fit(model, head, *first)
    if recipe.sparsity and not masks:
        masks = pruning_masks(model, training, recipe.sparsity)
    if retrain:
        if recipe.schedule == "rewind":
            model, head = _build(training)
        log, masks = trainer.fit(model, head, training.below("sparse"), hooks, masks)
    return model, log, masks


def _build(training: Training) -> tuple[SentenceTransformer, nn.Module]:
    """The encoder before training and its head; the same seed gives the same weights."""
    seed_everything(training.seed, training.track.threads)
    return encoder.build(training.recipe, training.folder, training.track)


def _finish(training: Training, model: SentenceTransformer, log: dict[str, Any], masks: Masks) -> Trained:
    if training.recipe.sparsity:
        sparsify.apply(model, masks)
        log["sparsity"] = sparsify.counts(masks)
    model = encoder.plain(model)
    if training.recipe.post != "none":
        post = training.recipe.post
        model = encoder.mapped(model.eval(), (Post(post),) if isinstance(post, str) else post, training.track)
    return Trained(model.eval(), encoder.weights_sha256(model), log, masks)
