"""Recipes beside what their papers print: is the published order found again?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from srlbench.analysis.compare import agreement, discrimination
from srlbench.analysis.compare.agreement import Agreement
from srlbench.analysis.results import Results
from srlbench.analysis.table import Cell, Column, Line, Table, number, texts
from srlbench.recipe import Registered
from srlbench.stats import Summary, average, label, mean_interval, summarise

PRINTED = "paper/google-bert/bert-base-uncased"


@dataclass(frozen=True)
class Method:
    """A recipe with a source, the number that this prints for BERT-base, and ours by track and backbone."""

    recipe: str
    adds: str
    supervised: bool
    printed: float | None
    ours: dict[str, Summary]


@dataclass(frozen=True)
class Order:
    """How far the published order of some methods is found again in one place; None if too few have both numbers."""

    where: str
    methods: str
    agreement: Agreement | None


@dataclass(frozen=True)
class Papers:
    """All methods, the average that is compared, and the order of those with both numbers."""

    average: str
    places: tuple[str, ...]
    methods: tuple[Method, ...]
    orders: tuple[Order, ...]


def papers(results: Sequence[Results]) -> Papers:
    """Every recipe with a source, on each track and backbone that has records; the highest published number first."""
    name = average(next(iter(results[0].track.groups)))
    means: dict[str, dict[str, Summary]] = {}
    recipes: dict[str, Registered] = {}
    for each in results:
        recipes |= each.recipes
        for (backbone, column), scores in sorted(discrimination.scores_by_seed(each).items()):
            if column == name:
                place = f"{each.track.name} v{each.track.version} {backbone}"
                means[place] = {recipe: summarise([*by_seed.values()]) for recipe, by_seed in scores.items()}
    found = [_method(entry, name, means) for entry in recipes.values() if entry.cite or entry.reported]
    found = [method for method in found if method.ours]
    found.sort(key=lambda method: (method.printed is None, -(method.printed or 0.0), method.recipe))
    kinds: dict[str, Callable[[Method], bool]] = {
        "all": lambda method: True,
        "unsupervised, trained": lambda method: not method.supervised and recipes[method.recipe].recipe.trained,
    }
    orders = [
        Order(place, kind, order([method for method in found if chosen(method)], place))
        for place in means
        for kind, chosen in kinds.items()
    ]
    return Papers(name, tuple(means), tuple(found), tuple(orders))


def _method(entry: Registered, name: str, means: dict[str, dict[str, Summary]]) -> Method:
    ours = {place: column[entry.name] for place, column in means.items() if entry.name in column}
    printed = entry.reported.get(PRINTED, {}).get(name)
    return Method(entry.name, entry.summary, entry.recipe.data == "triplets", printed, ours)


def order(methods: Sequence[Method], place: str) -> Agreement | None:
    """The agreement of the published numbers with ours in one place; None if too few methods have both."""
    both = [(each.recipe, each.printed, each.ours[place].mean) for each in methods if place in each.ours]
    printed = {recipe: value for recipe, value, _ in both if value is not None}
    return agreement.agreement(printed, {recipe: mean for recipe, _, mean in both})


def table(found: Papers) -> Table:
    """A line for each method: what it adds, the published number, and ours with the interval of the mean."""
    columns = [Column("recipe", "left"), Column("what it is", "left", spare=1), Column("BERT-base, as printed")]
    columns += [Column(place) for place in found.places]
    lines = []
    for each in found.methods:
        ours = [_ours(each.ours[place]) if place in each.ours else Cell("–") for place in found.places]
        lines.append(Line([*texts(each.recipe), Cell(each.adds, prose=True), number(each.printed, ".2f"), *ours]))
    return Table("papers", "", columns, lines)


def orders(found: Papers) -> Table:
    """The rank correlation of the published numbers with ours, in each place."""
    columns = [Column("", "left"), Column("methods", "left"), Column("n"), Column("Spearman"), Column("95% interval")]
    lines = []
    for each in found.orders:
        cells = texts("–", "", "too few")
        if a := each.agreement:
            cells = [Cell(str(len(a.recipes)), len(a.recipes)), number(a.spearman, "+.2f"),
                     Cell(f"{a.low:+.2f} to {a.high:+.2f}", a.low)]  # fmt: skip
        lines.append(Line([*texts(each.where, each.methods), *cells]))
    return Table("orders", "", columns, lines)


def to_markdown(found: Papers) -> str:
    """Both tables, and what they show."""
    head, made = "# Recipes beside what their papers print", "Made by `srlbench compare --papers`."
    second = f"## Is the published order found again?\n\n{orders(found).to_markdown()}"
    return f"{head}\n\n{table(found).to_markdown()}\n\n{second}\n\n{legend(found)} {made}\n"


def legend(found: Papers) -> str:
    return (
        f"{label(found.average)}: the published one of BERT-base, and ours on each track and backbone: mean, 95% "
        "interval of the mean over seeds, number of seeds. Published numbers are of other text, another encoder and "
        "mostly the best of several runs, so that only their order can be found again. The interval of Spearman's rank "
        "correlation is over methods drawn anew."
    )


def _ours(summary: Summary) -> Cell:
    inside = mean_interval(summary) if summary.sd else None
    between = f", {inside[0]:.2f} to {inside[1]:.2f}" if inside else ""
    return Cell(f"{summary.mean:.2f}{between} ({summary.n})", summary.mean, short=f"{summary.mean:.1f}")
