"""Whether two tracks order the same recipes alike: is the quick one a fair predictor of the other?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 5000
LEAST = 4  # recipes in common, below which an order says nothing


@dataclass(frozen=True)
class Agreement:
    """The rank correlation of two columns of mean scores over the recipes that both have."""

    recipes: tuple[str, ...]
    spearman: float
    low: float  # of the 95% interval, recipes drawn anew
    high: float
    kendall: float


def agreement(a: Mapping[str, float], b: Mapping[str, float]) -> Agreement | None:
    """None if too few recipes are in both."""
    from scipy.stats import kendalltau, spearmanr

    common = tuple(sorted(a.keys() & b.keys()))
    if len(common) < LEAST:
        return None
    x, y = (np.array([column[name] for name in common]) for column in (a, b))
    rng, drawn = np.random.default_rng(0), []
    for _ in range(RESAMPLES):
        at = rng.integers(len(common), size=len(common))
        if len(set(x[at])) > 1 and len(set(y[at])) > 1:
            drawn.append(_rank_correlation(x[at], y[at]))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Agreement(
        common, float(spearmanr(x, y).statistic), float(low), float(high), float(kendalltau(x, y).statistic)
    )


def _rank_correlation(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> float:
    from scipy.stats import rankdata

    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])
