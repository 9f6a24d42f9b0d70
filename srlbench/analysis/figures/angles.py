"""Simulation maps: gradient dissipation and ratio over the angles of positive and negative pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, pi
from pathlib import Path
from textwrap import fill
from typing import Any

from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure

from srlbench.analysis.figures.style import COLUMN, EMPTY, NOTE, STYLE, save

Table = Sequence[Sequence[float]]

TICKS = {
    "dissipation": {0.0: "0", 0.5: "0.5", 1.0: "1"},
    "ratio": {1 / 8: "1/8", 1 / 4: "1/4", 1 / 2: "1/2", 1.0: "1", 2.0: "2", 4.0: "4", 8.0: "8"},
}


def maps(losses: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Simulation maps: a row for each loss, dissipation and ratio side by side, one scale for each column.

    losses: by loss, "positive" and "negative" (the axes, radians), "dissipation" and "ratio" (rows: positive).
    """
    with rc_context(STYLE):
        rows = len(losses)
        figure = Figure(figsize=(COLUMN + 0.6, 0.75 + 1.15 * rows), layout="constrained")
        axes = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False)
        ratios = [v for loss in losses.values() for v in _finite(loss["ratio"]) if v > 0]
        reach = min(max([2.0, *ratios, *(1 / v for v in ratios)]), 8.0)
        scales = [
            ("dissipation", "Gradient dissipation", colormaps["cividis"], Normalize(0, 1), (0.0, 1.0)),
            ("ratio", "Ratio", colormaps["PuOr_r"], LogNorm(1 / reach, reach), (1 / reach, reach)),
        ]
        for column, (key, title, palette, norm, ends) in enumerate(scales):
            for ax, (name, loss) in zip(axes[:, column], losses.items(), strict=True):
                drawn = _cells(ax, loss, key, palette, norm)
                if not column:
                    ax.set_ylabel(f"{_broken(name)}\n" + r"$\mu_\mathrm{pos}$ (rad)")
            axes[0, column].set_title(title)
            axes[-1, column].set_xlabel(r"$\mu_\mathrm{neg}$ (rad)")
            extend = _extend([v for loss in losses.values() for v in _finite(loss[key])], *ends)
            bar = figure.colorbar(drawn, ax=axes[:, column], location="bottom", aspect=22, extend=extend, pad=0.02)
            bar.set_ticks(list(TICKS[key]), labels=list(TICKS[key].values()))
            bar.ax.minorticks_off()
            bar.ax.set_xlim(*ends)
        if any(not isfinite(v) for loss in losses.values() for v in _flat(loss["ratio"])):
            figure.supxlabel("hatched: too little gradient is left to have a ratio", fontsize=7, color=NOTE)
        save(figure, path)


def _flat(table: Table) -> list[float]:
    return [float(value) for row in table for value in row]


def _finite(table: Table) -> list[float]:
    return [value for value in _flat(table) if isfinite(value)]


def _extend(values: Sequence[float], low: float, high: float) -> str:
    """The ends of a colour bar beyond which there are values, as matplotlib names them."""
    under, over = min(values, default=low) < low - 1e-6, max(values, default=high) > high + 1e-6
    return {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}[under, over]


def _cells(ax: Axes, loss: Mapping[str, Any], key: str, palette: Colormap, norm: Normalize) -> Any:
    ax.patch.set(facecolor=EMPTY, hatch="/////", edgecolor="#BDBDBD", linewidth=0)
    across, upwards = loss["negative"], loss["positive"]
    # A ratio below zero has no logarithm; it belongs to the lowest colour and not to the hatching.
    shown = [[max(v, 1e-12) if key == "ratio" and isfinite(v) else v for v in row] for row in loss[key]]
    drawn = ax.pcolormesh(across, upwards, shown, cmap=palette, norm=norm, rasterized=True)
    # The outer half of the outermost cells lies beyond the simulated range, by another width for each grid.
    ax.set(xlim=(across[0], across[-1]), ylim=(upwards[0], upwards[-1]))
    ax.set_xticks([pi / 20, pi / 2, pi], labels=["π/20", "π/2", "π"])
    ax.set_yticks([pi / 20, pi / 4, pi / 2], labels=["π/20", "π/4", "π/2"])
    return drawn


def _broken(name: str) -> str:
    """A name in lines that fit beside a row, broken after underscores."""
    return fill(name.replace("_", "_ "), 15, break_long_words=False).replace("_ ", "_")
