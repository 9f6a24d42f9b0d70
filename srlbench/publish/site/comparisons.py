"""The comparisons of `analysis.compare` as pages show them: nothing is calculated here, nor in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from srlbench.analysis.compare.paired import Comparison
from srlbench.analysis.compare.tables import numbers, word
from srlbench.analysis.leaderboard.board import names
from srlbench.analysis.table import Cell
from srlbench.publish.site.contents import TrackResults
from srlbench.stats import label


def cells(found: Comparison | None) -> list[Cell]:
    """The difference, its interval and the word for it."""
    if found is None:
        return [Cell("–"), Cell(""), Cell("")]
    difference, interval, *_ = numbers(found)
    return [difference, interval, word(found)]


def embedded(every: Sequence[TrackResults]) -> list[dict[str, Any]]:
    """What the page of comparisons chooses from: of each track its rows, and of each pair the lines to be shown."""
    return [_track(results) for results in every]


def _track(results: TrackResults) -> dict[str, Any]:
    order = names(results.board.scope.groups)
    both = [turned for each in (*results.pairs, *results.compared) for turned in (each, each.turned)]
    rows = sorted({each.system for each in both})
    pairs: dict[str, dict[str, list[str]]] = {}
    for each in both:
        lines = pairs.setdefault(f"{rows.index(each.system)} {rows.index(each.against)}", {})
        said = [str(each.a), str(each.b), *(cell.text for cell in numbers(each)), each.word]
        lines.setdefault(each.name, [label(each.name), *said])  # what a pair says alone comes first
    return {
        "title": f"{results.title}, {results.board.scope.protocol}",
        "rows": rows,
        "averages": [label(name) for name in order if name.endswith("_avg")],
        "pairs": {pair: [lines[name] for name in order if name in lines] for pair, lines in pairs.items()},
        "uncompared": results.uncompared,
    }
