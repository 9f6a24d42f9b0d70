"""From cosines to Spearman: over all pairs together, and as the mean and the weighted mean over subsets."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import spearmanr


def spearman(predicted: ArrayLike, gold: ArrayLike) -> float:
    """Rank correlation in percent; 0, with a warning, where one side is constant and it is not defined."""
    a, b = np.asarray(predicted, dtype=np.float64), np.asarray(gold, dtype=np.float64)
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        side = "gold score" if len(b) < 2 or np.ptp(b) == 0 else "similarity"
        warnings.warn(f"every pair has the same {side}: no rank correlation, counted as 0", Undefined, stacklevel=2)
        return 0.0
    return 100 * float(spearmanr(a, b).statistic)


class Undefined(UserWarning):
    """A score that is not defined and was set to its chance value."""


def aggregates(cosine: ArrayLike, gold: ArrayLike, subset: ArrayLike) -> dict[str, Any]:
    """What papers call "all", "mean" and "wmean", in percent, and the subsets behind the last two."""
    x, y, names = np.asarray(cosine), np.asarray(gold), np.asarray(subset)
    places = {name: names == name for name in dict.fromkeys(names.tolist())}
    parts = {name: spearman(x[at], y[at]) for name, at in places.items()}
    sizes = [int(at.sum()) for at in places.values()]
    scores = list(parts.values())
    return {
        "all": spearman(x, y),
        "mean": float(np.mean(scores)),
        "wmean": float(np.average(scores, weights=sizes)),
        "subsets": parts,
    }


def cosines(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cosine of each pair of rows, 0 with a zero vector; in double precision, so that ties are real ones."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    norms = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    out: NDArray[np.float64] = (x * y).sum(axis=1) / np.where(norms > 0, norms, 1)
    return out
