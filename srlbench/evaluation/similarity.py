"""Spearman correlation of cosines: over all pairs, and as the mean and the weighted mean over subsets."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import spearmanr


def spearman(predicted: ArrayLike, gold: ArrayLike) -> float:
    """The rank correlation in percent; if one side is constant and it is undefined, 0 with a warning."""
    a, b = np.asarray(predicted, dtype=np.float64), np.asarray(gold, dtype=np.float64)
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        side = "gold score" if len(b) < 2 or np.ptp(b) == 0 else "similarity"
        warnings.warn(f"every pair has the same {side}: no rank correlation, counted as 0", Undefined, stacklevel=2)
        return 0.0
    return 100 * float(spearmanr(a, b).statistic)


class Undefined(UserWarning):
    """The warning that a score is undefined and was set to its chance value."""


def aggregates(cosine: ArrayLike, gold: ArrayLike, subset: ArrayLike) -> dict[str, Any]:
    """The correlations that papers call "all", "mean" and "wmean", in percent, and those of the subsets."""
    x, y, names = np.asarray(cosine), np.asarray(gold), np.asarray(subset)
    rows = {name: names == name for name in dict.fromkeys(names.tolist())}
    parts = {name: spearman(x[flags], y[flags]) for name, flags in rows.items()}
    sizes = [int(flags.sum()) for flags in rows.values()]
    scores = list(parts.values())
    return {
        "all": spearman(x, y),
        "mean": float(np.mean(scores)),
        "wmean": float(np.average(scores, weights=sizes)),
        "subsets": parts,
    }


def cosines(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """The cosine of each pair of rows, 0 for a zero vector; in double precision, so that rounding makes no ties."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    norms = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    out: NDArray[np.float64] = (x * y).sum(axis=1) / np.where(norms > 0, norms, 1)
    return out
