"""How well a track tells recipes apart: by the spread of seeds beside that of recipes, and by pairs that differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from statistics import fmean, variance

from srlbench import variants
from srlbench.analysis.results import Results
from srlbench.analysis.table import Cell, Column, Line, Table, number, texts
from srlbench.stats import average, label, summarise, welch, with_averages

ALPHA = 0.05
LEAST = 4  # recipes, below which these numbers say nothing
UNTRAINED = ("untrained-mean", "input-words")  # the backbone itself, with and without layers
UNLEARNT = 3.0  # points below the backbone itself; whoever is told apart by that is no use to anybody
Scores = Mapping[str, Mapping[int, float]]  # recipe -> seed -> score


@dataclass(frozen=True)
class Discrimination:
    """What the seeds say about the order of some recipes.

    reliability: the share of the variance of one score that is of the recipe, and not of the seed (ICC(1)).
    apart: the pairs of recipes whose means differ by Welch's t-test at 5%.
    kendall: the mean rank correlation of the recipes under one seed with those under another.
    """

    recipes: tuple[str, ...]
    seeds: tuple[int, ...]
    sd_of_seeds: float
    sd_of_recipes: float
    reliability: float
    apart: int
    pairs: int
    kendall: float


@dataclass(frozen=True)
class Row:
    """The discrimination of one track, backbone and average; None if it has too few recipes or seeds."""

    track: str
    backbone: str
    average: str
    discrimination: Discrimination | None
    unlearnt: tuple[str, ...] = ()  # recipes that are left out, because they are far below their backbone


def discrimination(scores: Scores) -> Discrimination | None:
    """The discrimination of recipes over the seeds that all of them have."""
    from scipy.stats import kendalltau

    several = {name: by_seed for name, by_seed in scores.items() if len(by_seed) > 1}
    if len(several) < LEAST:
        return None
    seeds = tuple(sorted(set.intersection(*map(set, several.values()))))
    if len(seeds) < 2:
        return None
    table = {name: [by_seed[seed] for seed in seeds] for name, by_seed in several.items()}
    within = fmean(variance(values) for values in table.values())
    between = variance([fmean(values) for values in table.values()])
    # The mean square between recipes is n times the variance of their means, in a one-way analysis of variance.
    n = len(seeds)
    reliability = (n * between - within) / (n * between + (n - 1) * within) if between or within else 0.0
    tests = [welch(summarise(a), summarise(b)) for a, b in combinations(table.values(), 2)]
    columns = [*zip(*table.values(), strict=True)]
    orders = [float(kendalltau(a, b).statistic) for a, b in combinations(columns, 2)]
    return Discrimination(
        tuple(table), seeds, sqrt(within), sqrt(between), reliability,
        sum(test is not None and test.p < ALPHA for test in tests), len(tests), fmean(orders),
    )  # fmt: skip


def discriminations(results: Sequence[Results]) -> list[Row]:
    """A row for each track, backbone and average, over the unsupervised recipes that train and learn something."""
    rows = []
    for each in results:
        unsupervised = {name for name, entry in each.recipes.items() if entry.recipe.data == "twins"}
        names, scores = [*map(average, each.track.groups)], scores_by_seed(each)
        for backbone in each.track.ranked:
            first = scores[backbone, names[0]]
            itself = next((fmean(first[name].values()) for name in UNTRAINED if name in first), 0.0)
            low = {name for name in unsupervised & first.keys() if fmean(first[name].values()) < itself - UNLEARNT}
            for name in names:
                found = {k: v for k, v in scores[backbone, name].items() if k in unsupervised - low}
                where = f"{each.track.name} v{each.track.version}", backbone, name
                rows.append(Row(*where, discrimination(found), tuple(sorted(low))))
    return rows


def scores_by_seed(results: Results) -> dict[tuple[str, str], dict[str, dict[int, float]]]:
    """Backbone and average -> recipe -> seed -> score."""
    found: dict[tuple[str, str], dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for record in results.fresh:
        if not variants.is_variant(record.recipe):
            for name, value in with_averages(record.scores, results.track.groups).items():
                found[record.backbone, name][record.recipe][record.seed] = value
    return found


def table(rows: Sequence[Row]) -> Table:
    """A line for each track, backbone and average."""
    columns = [Column("", "left"), Column("recipes"), Column("seeds"), Column("sd of seeds"),
               Column("sd of recipes"), Column("ICC(1)"), Column("told apart"), Column("Kendall")]  # fmt: skip
    lines = []
    for row in rows:
        cells = texts("–", "–", "–", "–", "–", "too few", "–")
        if d := row.discrimination:
            cells = [Cell(str(len(d.recipes)), len(d.recipes)), Cell(str(len(d.seeds)), len(d.seeds)),
                     number(d.sd_of_seeds, ".2f"), number(d.sd_of_recipes, ".2f"), number(d.reliability, ".2f"),
                     Cell(f"{d.apart} of {d.pairs}", d.apart / d.pairs),
                     number(d.kendall, ".2f")]  # fmt: skip
        lines.append(Line([*texts(f"{row.track} {row.backbone}, {label(row.average)}"), *cells]))
    return Table("discrimination", "", columns, lines)


def to_markdown(rows: Sequence[Row]) -> str:
    """A page with the table, and what its columns mean."""
    head, made = "# How well the tracks tell recipes apart", "Made by `srlbench compare --tracks`."
    return f"{head}\n\n{table(rows).to_markdown()}\n\n{legend(rows)} {made}\n"


def legend(rows: Sequence[Row]) -> str:
    """What the columns mean, and which recipes are left out."""
    text = (
        "Of the unsupervised recipes that train. ICC(1), the reliability: the share of the variance of one score that "
        "is of the recipe and not of the seed. Told apart: pairs whose means over the seeds differ by Welch's t-test "
        "at 5%. Kendall: the rank correlation of the recipes under one seed with those under another, on average."
    )
    left = {f"{name} on {row.backbone}": None for row in rows for name in row.unlearnt}
    return text + (f" Left out, for {UNLEARNT:g} points below the untrained backbone: {', '.join(left)}." * bool(left))
