"""The tables of `analysis.leaderboard` on a page: their recipes lead to pages of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from srlbench.analysis.leaderboard import tables
from srlbench.analysis.table import Line, Table
from srlbench.publish.site.contents import TrackResults, recipe_page


def linked(results: TrackResults, found: Iterable[Table]) -> list[Table]:
    """Tables whose lines lead to the pages of their recipes, and say the kind that they are filtered by."""
    return [
        replace(table, lines=[_linked(results, line, table.header) for line in table.lines])
        for table in found
        if table.lines
    ]


def _linked(results: TrackResults, line: Line, header: int) -> Line:
    cells = list(line.cells)
    cells[header] = replace(cells[header], link=recipe_page(line.recipe))
    return replace(line, cells=cells, kind=results.kind(line.recipe))


def heads(results: TrackResults, name: str, rows: int = 6) -> list[Table]:
    """The first rows on each backbone."""
    found = []
    for place, table in enumerate(linked(results, tables.averages(results.board))):
        short = table.only(p for p, column in enumerate(table.columns) if not column.wide and column.spare < 2)
        title = f"{results.title}: {table.title}"
        found.append(replace(short, name=f"{name}-{place}", title=title, lines=short.lines[:rows]))
    return found


def listed(seeds: Sequence[int]) -> str:
    """Seeds as the command line takes them."""
    whole = len(seeds) > 1 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]}-{seeds[-1]}" if whole else ",".join(map(str, seeds))
