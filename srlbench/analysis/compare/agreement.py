"""Whether two tracks order the same recipes alike: is the quick one a fair predictor of the other?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from srlbench import variants
from srlbench.analysis.results import Results
from srlbench.analysis.table import Cell, Column, Line, Table, number, texts
from srlbench.stats import average, label, with_averages

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


def agreements(results: Results, other: Results) -> list[tuple[str, str, Agreement | None]]:
    """Of each average that both tracks have and each backbone of the second: how alike the recipes are ordered.

    Once over all recipes in common, once over those that train.
    """
    averages = [average(group) for group in results.track.groups if group in other.track.groups]
    first, second = (_means(each) for each in (results, other))
    trains = {name for name, entry in results.recipes.items() if entry.recipe.trained}
    found = []
    for backbone, theirs in second.items():
        ours = next(iter(first.values()), {})
        for name in averages:
            a, b = (
                {recipe: values[name] for recipe, values in side.items() if name in values} for side in (ours, theirs)
            )
            where = f"{label(name)}, {other.track.name} on {backbone}"
            found.append((where, "all recipes", agreement(a, b)))
            kept = {recipe: value for recipe, value in a.items() if recipe in trains}
            found.append((where, "recipes that train", agreement(kept, b)))
    return found


def _means(results: Results) -> dict[str, dict[str, dict[str, float]]]:
    """Backbone -> recipe -> mean scores and averages over the seeds."""
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for record in results.fresh:
        if not variants.is_variant(record.recipe):
            own = found.setdefault(record.backbone, {}).setdefault(record.recipe, {})
            for name, value in with_averages(record.scores, results.track.groups).items():
                own.setdefault(name, []).append(value)
    return {
        backbone: {recipe: {k: fmean(v) for k, v in own.items()} for recipe, own in recipes.items()}
        for backbone, recipes in found.items()
    }


def table(found: Sequence[tuple[str, str, Agreement | None]]) -> Table:
    """A line for each average, backbone and kind of recipe."""
    columns = [Column("", "left"), Column("recipes", "left")]
    columns += [Column("n"), Column("Spearman"), Column("95% interval"), Column("Kendall", spare=1)]
    lines = []
    for where, which, each in found:
        cells = texts("–", "", "too few in common", "")
        if each:
            cells = [Cell(str(len(each.recipes)), len(each.recipes)), number(each.spearman, "+.2f"),
                     Cell(f"{each.low:+.2f} to {each.high:+.2f}", each.low), number(each.kendall, "+.2f")]  # fmt: skip
        lines.append(Line([*texts(where, which), *cells]))
    return Table("agreements", "", columns, lines)
