"""Scoring an encoder that was trained elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from sentence_transformers import SentenceTransformer

from srlbench.errors import UsageError
from srlbench.evaluation.evaluate import evaluate
from srlbench.tracks import Track
from srlbench.training.rng import seed_everything


def scores(model: str, track: Track, tasks: Sequence[str] | None) -> dict[str, float]:
    """Scores in percent of a sentence-transformers folder or Hub name."""
    seed_everything(0, track.threads)
    try:
        encoder = SentenceTransformer(model, device="cpu")
    except Exception as error:
        said = str(error).partition("\n")[0]
        raise UsageError(f"'{model}' is not a sentence-transformers model that can be loaded: {said}") from error
    return evaluate(encoder, track, name="external", revision="none", seed=0, tasks=tasks).scores
