"""Learning dynamics of settings: many measures against the training step, a small panel each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from textwrap import fill

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from srlbench.analysis.figures.curves import Curve, Series, draw, looks, over_seeds, reached
from srlbench.analysis.figures.style import COLUMN, NOTE, PAGE, STYLE, counts, save


def measures(runs: Mapping[str, Sequence[Series]], path: Path, *, panels: Mapping[str, str], name: str) -> None:
    """Many measures against the training step, a small panel each with a line for each setting: mean and sd over runs.

    runs: as of `dynamics`, by setting. panels: by key, its title. name: of what the settings are settings of.
    """
    curves = {setting: over_seeds(seeds, list(panels)) for setting, seeds in runs.items()}
    columns = _columns(len(panels))
    rows = ceil(len(panels) / columns)
    width = COLUMN if columns == 1 else PAGE
    entries = max(1, min(len(runs), int(72 * width / (46 + 4.2 * max(map(len, runs), default=0)))))
    with rc_context({**STYLE, "lines.linewidth": 1.1}):
        height = 0.6 + 0.16 * ceil(len(runs) / entries) + (1.95 if columns < 3 else 1.45) * rows
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(rows, columns, sharex=True, squeeze=False)
        for ax in axes.flat[len(panels) :]:
            ax.remove()
        for place, (key, ax) in enumerate(zip(panels, axes.flat)):
            _measure(ax, curves, key)
            ax.set_title(fill(panels[key], int(15 * width / columns)), loc="left", fontsize=7.5)
            ax.tick_params(labelbottom=place + columns >= len(panels))
        title = f"{name} ({counts(runs)})"
        handles = axes[0, 0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside upper center", ncols=entries, handlelength=2.4, title=title)
        figure.supxlabel("training step", fontsize=8)
        save(figure, path)


def _columns(panels: int) -> int:
    """Of a page: those that leave the fewest places empty."""
    return panels if panels < 4 else min((4, 3), key=lambda columns: -panels % columns)


def _measure(ax: Axes, curves: Mapping[str, Curve], key: str) -> None:
    """One measure, with the axis that its values need."""
    found = reached(curves.values(), key)
    low, high = min(found, default=0.0), max(found, default=1.0)
    size = max(abs(low), abs(high), 1e-12)
    margin = 0.06 * (high - low if high - low > 1e-6 * size else size)  # a constant needs room too
    ax.set_ylim(low - margin, high + margin)
    ax.yaxis.set_major_locator(MaxNLocator(5, min_n_ticks=3, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(ScalarFormatter(useOffset=False))
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    for place, (name, curve) in enumerate(curves.items()):
        draw(ax, curve[key], name, looks(place))
    if not found:
        ax.text(0.5, 0.5, "undefined", transform=ax.transAxes, ha="center", va="center", fontsize=7, color=NOTE)
        ax.set_yticks([])
