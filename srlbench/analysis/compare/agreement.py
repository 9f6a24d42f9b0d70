"""How alike two tracks order the same recipes: does the quick one predict the order on the other?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from srlbench import variants
from srlbench.analysis.results import Results
from srlbench.analysis.table import Cell, Column, Line, Table, number, texts
from srlbench.escape import escaped
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
    """The agreement of two columns (recipe -> score); None if they share too few recipes."""
    from scipy.stats import kendalltau, rankdata, spearmanr

    common = tuple(sorted(a.keys() & b.keys()))
    if len(common) < LEAST:
        return None
    x, y = (np.array([column[name] for name in common]) for column in (a, b))
    rng, drawn = np.random.default_rng(0), []
    for _ in range(RESAMPLES):
        at = rng.integers(len(common), size=len(common))
        if len(set(x[at])) > 1 and len(set(y[at])) > 1:
            drawn.append(np.corrcoef(rankdata(x[at]), rankdata(y[at]))[0, 1])
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Agreement(
        common, float(spearmanr(x, y).statistic), float(low), float(high), float(kendalltau(x, y).statistic)
    )


@dataclass(frozen=True)
class Row:
    """The agreement on one average and backbone, over all recipes or those that train; None if too few are in both."""

    where: str
    recipes: str
    agreement: Agreement | None


def agreements(results: Results, other: Results) -> list[Row]:
    """A row for each average that both tracks have and each backbone of the second, over two choices of recipes."""
    averages = [average(group) for group in results.track.groups if group in other.track.groups]
    ours = next(iter(_means(results).values()), {})
    trained = {name: values for name, values in ours.items() if results.recipes[name].recipe.trained}
    rows = []
    for backbone, theirs in _means(other).items():
        for name in averages:
            where = f"{label(name)}, {other.track.name} on {backbone}"
            for which, recipes in (("all recipes", ours), ("recipes that train", trained)):
                rows.append(Row(where, which, agreement(_column(recipes, name), _column(theirs, name))))
    return rows


def _column(recipes: Mapping[str, Mapping[str, float]], name: str) -> dict[str, float]:
    return {recipe: values[name] for recipe, values in recipes.items() if name in values}


def _means(results: Results) -> dict[str, dict[str, dict[str, float]]]:
    """Backbone -> recipe -> mean scores and averages over the seeds."""
    scores: dict[str, dict[str, dict[str, list[float]]]] = {}
    for record in results.fresh:
        if not variants.is_variant(record.recipe):
            own = scores.setdefault(record.backbone, {}).setdefault(record.recipe, {})
            for name, value in with_averages(record.scores, results.track.groups).items():
                own.setdefault(name, []).append(value)
    return {
        backbone: {recipe: {k: fmean(v) for k, v in own.items()} for recipe, own in recipes.items()}
        for backbone, recipes in scores.items()
    }


def table(rows: Sequence[Row]) -> Table:
    """A line for each average, backbone and kind of recipe."""
    columns = [Column("", "left"), Column("recipes", "left")]
    columns += [Column("n"), Column("Spearman"), Column("95% interval"), Column("Kendall", spare=1)]
    lines = []
    for row in rows:
        cells = texts("–", "", "too few in common", "")
        if a := row.agreement:
            cells = [Cell(str(len(a.recipes)), len(a.recipes)), number(a.spearman, "+.2f"),
                     Cell(f"{a.low:+.2f} to {a.high:+.2f}", a.low), number(a.kendall, "+.2f")]  # fmt: skip
        lines.append(Line([*texts(row.where, row.recipes), *cells]))
    return Table("agreements", "", columns, lines)


def to_markdown(rows: Sequence[Row], track: str, other: str) -> str:
    """A page with the table."""
    head = f"# How alike tracks {escaped(track)} and {escaped(other)} order the recipes"
    return f"{head}\n\n{table(rows).to_markdown()}\n"
