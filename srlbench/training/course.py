"""The course of a training: from a resolved recipe and a backbone to an encoder and the log of how it came to be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer
from torch import Tensor

from srlbench.recipe import Recipe
from srlbench.tracks import Track
from srlbench.training import encoder, sparsify, trainer
from srlbench.training.callbacks import DevScore, Report, Watch, sparsest
from srlbench.training.ranks import ALONE, Ranks
from srlbench.training.rng import seed_everything
from srlbench.training.sparsify import Masks


@dataclass(frozen=True)
class Trained:
    """An encoder and the log of how it came to be."""

    model: SentenceTransformer
    weights_sha256: str
    log: dict[str, Any]
    kept: Masks  # of a sparse encoder


def train(
    recipe: Recipe,
    folder: Path,
    track: Track,
    seed: int,
    work: Path,
    dev_score: DevScore,
    report: Report,
    watch: Watch | None = None,
) -> Trained:
    """Train a resolved recipe from the backbone in `folder`; checkpoints in `work` are resumed from."""
    return _concluded(recipe, track, *learn(recipe, folder, track, seed, work, dev_score, report, watch))


def trained(
    recipe: Recipe, folder: Path, track: Track, seed: int, weights: dict[str, Tensor], log: dict[str, Any], kept: Masks
) -> Trained:
    """What the first of several ranks learnt, in another process."""
    seed_everything(seed, track.threads)
    model, _ = encoder.build(recipe, folder, track)
    model.load_state_dict(weights)
    return _concluded(recipe, track, model, log, kept)


def learn(
    recipe: Recipe,
    folder: Path,
    track: Track,
    seed: int,
    work: Path,
    dev_score: DevScore,
    report: Report,
    watch: Watch | None = None,
    ranks: Ranks = ALONE,
) -> tuple[SentenceTransformer, dict[str, Any], Masks]:
    """The encoder as training leaves it, its log, and what stays of a sparse one.

    Each of several ranks does this on its share of the batches; the first alone writes and is watched.
    """
    assert ranks.size == (recipe.world_size or 1)
    seed_everything(seed, track.threads)
    model, head = encoder.build(recipe, folder, track)
    fit = partial(trainer.fit, recipe=recipe, track=track, seed=seed, dev_score=dev_score, report=report, ranks=ranks)
    log: dict[str, Any] = {}
    kept: Masks = {}
    again = bool(recipe.sparsity) and recipe.schedule in ("fine-tune", "rewind")
    if recipe.trained:
        log, kept = fit(model, head, work=work / "dense" if again else work, watch=None if again else watch)
    if recipe.sparsity and not kept:
        kept = sparsest(model, recipe, track, seed, recipe.sparsity)
    if again:
        if recipe.schedule == "rewind":
            seed_everything(seed, track.threads)
            model, head = encoder.build(recipe, folder, track)
        log, kept = fit(model, head, work=work / "sparse", watch=watch, kept=kept)
    return model, log, kept


def _concluded(recipe: Recipe, track: Track, model: SentenceTransformer, log: dict[str, Any], kept: Masks) -> Trained:
    if recipe.sparsity:
        sparsify.apply(model, kept)
        log["sparsity"] = sparsify.counts(kept)
    model = encoder.plain(model)
    if recipe.post == "whitening":
        model = encoder.whiten(model.eval(), track)
    return Trained(model.eval(), encoder.weights_sha256(model), log, kept)
