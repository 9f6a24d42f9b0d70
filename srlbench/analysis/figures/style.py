"""What figures have in common: colours, sizes, the note on intervals, and how a figure is saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from pathlib import Path
from statistics import stdev
from typing import Any

from matplotlib.figure import Figure

Number = float | None
Key = float | str

# Okabe and Ito, without their yellow (too light for a line) and with grey kept for context.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
NOTE, CONTEXT, EMPTY = "#555555", "#D3D3D3", "#E4E4E4"
COLUMN, PAGE = 3.4, 7.0  # inches: one column of a two-column paper, and both
STYLE = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.3,
    "savefig.dpi": 200,
    "svg.hashsalt": "srlbench",
}


def save(figure: Figure, path: Path) -> None:
    """Write without a date or a version, so that the same figure is the same bytes."""
    metadata: dict[str, dict[str, str | None]] = {
        ".svg": {"Date": None, "Creator": "srlbench"},
        ".png": {"Software": "srlbench"},
    }
    if path.suffix not in metadata:
        raise ValueError(f"A figure is written as {' or '.join(metadata)}, not as '{path.suffix}'.")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata=metadata[path.suffix])


def spread(values: Sequence[float]) -> float:
    """The sd over seeds; one seed has none."""
    return stdev(values) if len(values) > 1 else nan


def counts(scores: Mapping[Any, Sequence[Any]]) -> str:
    """A note that says what the intervals are: mean ± sd over n seeds."""
    sizes = sorted({len(values) for values in scores.values()} - {0})
    n = f"n = {sizes[0]}" if len(sizes) == 1 else f"n = {sizes[0]}–{sizes[-1]}" if sizes else "n = 0"
    return f"mean ± sd over seeds, {n}" if sizes and sizes[-1] > 1 else "one seed: no interval"
