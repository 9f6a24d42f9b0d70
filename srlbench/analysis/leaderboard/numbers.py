"""The leaderboard as numbers of full precision: CSV, and the lines of a data frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from srlbench.analysis.leaderboard.board import MEASURES, Leaderboard, names
from srlbench.escape import csv_text
from srlbench.stats import Summary

if TYPE_CHECKING:
    import pandas


def to_csv(board: Leaderboard) -> str:
    """One row a recipe x backbone x fingerprint, full precision; `pandas.read_csv` needs no options."""
    return csv_text(_lines(board))


def to_pandas(board: Leaderboard) -> pandas.DataFrame:
    """The same lines; what is an empty cell there is missing here."""
    import pandas

    header, *lines = _lines(board)
    return pandas.DataFrame(lines, columns=[*map(str, header)])


def _lines(board: Leaderboard) -> list[Sequence[object]]:
    """The header, then the rows."""
    columns = names(board.scope.groups)
    told = [name for name in columns if any(name in (row.reported or {}) for row in board.rows)]
    lines: list[Sequence[object]] = [
        ["track", "version", "protocol", "recipe", "backbone", "fingerprint", "state", "rank", "seeds"]
        + ["failed_seeds", "deterministic", "reproduction"]
        + [f"{name}_{part}" for name in columns for part in ("mean", "sd", "n")]
        + [f"{name}_reported" for name in told]
        + [f"{name}_{part}" for name in MEASURES for part in ("mean", "sd", "n")]
        + (["confirmed", "confirmed_bitwise", "reruns_outside"] if board.confirmed else [])
    ]
    for row in board.rows:
        line: list[object] = [board.scope.track, board.scope.version, board.scope.protocol]
        line += [row.recipe, row.backbone, row.fingerprint]
        line += [row.state, row.rank, " ".join(map(str, row.seeds)), " ".join(map(str, row.failed))]
        line += [row.deterministic, row.reproduction if row.reproduction != "–" else None]
        for name in columns:
            cell = row.cells[name]
            line += [cell.mean, cell.sd, cell.n] if isinstance(cell, Summary) else [None, None, 0]
        line += [(row.reported or {}).get(name) for name in told]
        for name in MEASURES:
            taken = row.measures.get(name)
            line += [taken.mean, taken.sd, taken.n] if taken else [None, None, 0]
        line += [row.confirmed.count, row.confirmed.bitwise, row.confirmed.outside] if board.confirmed else []
        lines.append(line)
    return lines
