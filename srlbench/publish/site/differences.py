"""Two rows seed by seed: one seed is one order of the data, so what they differ by is taken within it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from srlbench.analysis.claims.evidence import Missing, interval, minus
from srlbench.analysis.leaderboard.board import Row, names
from srlbench.publish.site.contents import Cell, TrackResults
from srlbench.stats import Difference

Between = tuple[float, tuple[float, float] | None, int]  # mean, 95% interval, seeds


def between(results: TrackResults, row: Row, other: Row, name: str) -> Between | None:
    """`row` minus `other` at the seeds both have."""
    sides = [{s: v[name] for s, v in results.scores(each).items() if name in v} for each in (row, other)]
    try:
        found, span = interval(minus(*sides))
    except Missing:
        return None
    return found.mean, span, found.n


def cells(found: Between | None) -> tuple[Cell, Cell]:
    """The difference, and its interval."""
    if found is None:
        return Cell("–"), Cell("")
    mean, span, n = found
    if span is None:
        return Cell(signed(mean), mean), Cell("one seed")
    clear = "more" if span[0] > 0 else "less" if span[1] < 0 else ""
    return Cell(signed(mean), mean, mark=clear), Cell(f"{signed(span[0])} to {signed(span[1])} ({n})", span[0])


def signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", "−")  # + 0.0: nothing is −0.00


def embedded(every: Sequence[TrackResults]) -> dict[str, Any]:
    """What the comparison page takes from the records: every run's scores, by track, row and seed."""
    tracks: list[dict[str, Any]] = [
        {
            "title": f"{results.title}, {results.board.scope.protocol}",
            "names": names(results.board.scope.groups),
            "rows": [
                {"name": row.name + (f" ({row.state})" if row.state != "ranked" else ""), "seeds": _rounded(scores)}
                for row in results.board.rows
                if (scores := results.scores(row))
            ],
        }
        for results in every
    ]
    longest = max((len(row["seeds"]) for track in tracks for row in track["rows"]), default=1)
    # Student's quantile, by degrees of freedom from 1 on.
    quantiles = [round(Difference(0.0, 1.0, df).interval()[1], 6) for df in range(1, max(longest, 2))]
    return {"tracks": tracks, "quantiles": quantiles}


def _rounded(scores: Mapping[int, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {str(seed): {name: round(v, 6) for name, v in values.items()} for seed, values in scores.items()}
