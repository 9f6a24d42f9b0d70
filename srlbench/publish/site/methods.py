"""All recipes by family, each with the number that its paper prints beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from srlbench.analysis.compare.papers import PRINTED, legend, orders, papers
from srlbench.analysis.leaderboard.tables import score
from srlbench.analysis.table import Cell, Column, Line, Table, number
from srlbench.publish.site.contents import Definition, TrackResults, backbones_of, recipe_page
from srlbench.publish.site.papers import citations


def content(every: Sequence[TrackResults], definitions: Mapping[str, Definition]) -> dict[str, Any]:
    """A table for each family of recipes, and how far the published order is found again."""
    found = papers([results.results for results in every])
    families: dict[str, list[str]] = {}
    for name, known in definitions.items():
        families.setdefault(known.entry.family, []).append(name)
    places = [(results, backbone) for results in every for backbone in backbones_of([results])]
    tables = [
        _family(family, names, definitions, places, every[0].board.scope.primary) for family, names in families.items()
    ]
    return {"families": tables, "orders": orders(found), "legend": legend(found)}


def _family(
    family: str,
    names: Sequence[str],
    definitions: Mapping[str, Definition],
    places: Sequence[tuple[TrackResults, str]],
    primary: str,
) -> Table:
    columns = [Column("recipe", "left"), Column("what it is", "left"), Column("paper", "left"), Column("as printed")]
    columns += [Column(f"{results.rules.name} {backbone}") for results, backbone in places]
    lines = []
    for name in names:
        entry = definitions[name].entry
        cited = citations().get(entry.cite or "")
        ours = [_ours(results, name, backbone) for results, backbone in places]
        printed = number(entry.reported.get(PRINTED, {}).get(primary), ".2f")
        source = f"{cited.authors.split(',')[0]} {cited.year}" if cited else ""
        cells = [Cell(name, link=recipe_page(name)), Cell(entry.summary, prose=True), Cell(source), printed, *ours]
        lines.append(Line(cells, recipe=name, kind=definitions[name].kind))
    return Table(f"family-{family}", family.replace("_", " "), columns, lines)


def _ours(results: TrackResults, recipe: str, backbone: str) -> Cell:
    row = results.row(recipe, backbone)
    return score(row, results.board.scope.primary) if row else Cell("–")
