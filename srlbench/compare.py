"""Recipes against each other on the same items: paired differences, with the chance of items and of seeds in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srlbench.markdown import code, escaped, table
from srlbench.stats import holm, label

RESAMPLES, BLOCK = 10_000, 1000

Floats = NDArray[np.float64]
Predictions = Mapping[str, Mapping[int, Mapping[str, NDArray[Any]]]]  # system -> seed -> task -> one value an item
Gold = Mapping[str, NDArray[Any]]  # task -> the true value of each item
Pair = tuple[str, str]
Score = Callable[[Floats], Floats]  # shares of the items, (resamples, items) -> (resamples, systems)


@dataclass(frozen=True)
class Comparison:
    """How much better one system is than another, in points of an average, and how sure that is."""

    system: str
    against: str
    value: float
    low: float  # of the 95% interval
    high: float
    p: float  # two-sided, adjusted for all comparisons made together (Holm)
    seeds: tuple[int, int]

    @property
    def word(self) -> str:
        if self.p >= 0.05:
            return "tied"
        return "better" if self.value > 0 else "worse"


def compare(
    pairs: Sequence[Pair], predictions: Predictions, gold: Gold, correlated: bool, resamples: int = RESAMPLES
) -> list[Comparison]:
    """Every pair of systems on the mean over the tasks, by one bootstrap of items and seeds.

    Each resample draws the items of every task and the seeds anew, the same for both systems of a pair: one seed is
    one order of the data. correlated: a task's score is Spearman's correlation with gold, of the ranks that the items
    have among all of them; else accuracy.
    """
    columns = [(system, seed) for system, seeds in predictions.items() for seed in sorted(seeds)]
    drawn, whole = np.zeros((resamples, len(columns))), np.zeros(len(columns))
    for number, (task, truth) in enumerate(gold.items()):
        rng = np.random.default_rng([0, number])
        found = np.stack([predictions[system][seed][task] for system, seed in columns])
        n = len(truth)
        score = _correlations(found, truth) if correlated else _accuracies(found, truth)
        for first in range(0, resamples, BLOCK):
            rows = slice(first, min(first + BLOCK, resamples))
            counts = rng.multinomial(n, np.full(n, 1 / n), size=rows.stop - first) / n
            drawn[rows] += 100 * score(counts) / len(gold)
        whole += 100 * score(np.full((1, n), 1 / n))[0] / len(gold)
    places = {system: [i for i, (name, _) in enumerate(columns) if name == system] for system in predictions}
    means = {system: _redrawn(drawn[:, at]) for system, at in places.items()}
    spans = [_difference(means[a] - means[b]) for a, b in pairs]
    adjusted = holm([p for _, _, p in spans])
    gains = [float(whole[places[a]].mean() - whole[places[b]].mean()) for a, b in pairs]
    seeds = [(len(places[a]), len(places[b])) for a, b in pairs]
    return [
        Comparison(a, b, gain, low, high, p, n)
        for (a, b), gain, (low, high, _), p, n in zip(pairs, gains, spans, adjusted, seeds, strict=True)
    ]


def _correlations(found: NDArray[Any], truth: NDArray[Any]) -> Score:
    """Of each system with the truth; the items keep the ranks they have among all."""
    from scipy.stats import rankdata

    def standing(values: NDArray[Any]) -> Floats:
        ranks = rankdata(values, axis=-1)
        spread = ranks.std(axis=-1, keepdims=True)
        return np.asarray((ranks - ranks.mean(axis=-1, keepdims=True)) / np.where(spread > 0, spread, 1))

    x, g = standing(found), standing(truth)

    def score(counts: Floats) -> Floats:
        mean_x, mean_g = counts @ x.T, (counts @ g)[:, None]
        of_x, of_g = counts @ (x * x).T - mean_x**2, (counts @ (g * g))[:, None] - mean_g**2
        both = counts @ (x * g).T - mean_x * mean_g
        return np.asarray(both / np.sqrt(np.maximum(of_x * of_g, 1e-12)))

    return score


def _accuracies(found: NDArray[Any], truth: NDArray[Any]) -> Score:
    right = (found == truth).astype(float)
    return lambda counts: np.asarray(counts @ right.T)


def _redrawn(scores: Floats) -> Floats:
    """The mean over as many seeds, drawn anew in each resample; the same draws for all that have as many.

    scores: (resamples, seeds) -> (resamples,).
    """
    chosen = np.random.default_rng([1, scores.shape[1]]).integers(scores.shape[1], size=scores.shape)
    return np.asarray(np.take_along_axis(scores, chosen, axis=1).mean(axis=1))


def _difference(drawn: Floats) -> tuple[float, float, float]:
    """95% interval, and the two-sided p of no difference."""
    low, high = np.quantile(drawn, (0.025, 0.975))
    tail = min((drawn <= 0).sum(), (drawn >= 0).sum())
    return float(low), float(high), min(1.0, 2 * float(tail + 1) / (len(drawn) + 1))


def to_markdown(found: Mapping[str, Sequence[Comparison]], head: str, command: str) -> str:
    """A table for each average, the surest and largest first."""
    parts = [f"# Comparisons: {escaped(head)}\n"]
    for name, comparisons in found.items():
        rows = [
            [
                escaped(c.system),
                escaped(c.against),
                f"{c.value:+.2f}",
                f"{c.low:+.2f} to {c.high:+.2f}",
                spelled_p(c.p),
                _n(c.seeds),
                c.word,
            ]
            for c in comparisons
        ]
        header = ["recipe", "against", "difference", "95% interval", "p", "seeds", ""]
        rules = [":---", ":---", "---:", ":---", "---:", "---:", ":---"]
        parts.append(f"## {escaped(label(name))}\n\n{table(header, rules, rows)}\n")
    parts.append(
        f"Points of the average, items and seeds drawn anew {RESAMPLES:,} times, the same for both sides; "
        "p is two-sided and adjusted for all the comparisons of a table (Holm); tied: p at least 0.05.\n\n"
        f"Made with {code(command)}.\n"
    )
    return "\n".join(parts)


def spelled_span(found: Comparison) -> str:
    return f"{found.low:+.2f} to {found.high:+.2f}"


def spelled_p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.0005 else "<0.001"


def _n(seeds: tuple[int, int]) -> str:
    return str(seeds[0]) if seeds[0] == seeds[1] else f"{seeds[0]}, {seeds[1]}"
