"""Learning dynamics: the components of losses' gradients, and measures of settings, against the training step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil, inf
from pathlib import Path
from textwrap import fill

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from srlbench.analysis.figures.curves import BEYOND, Curve, Series, draw, extent, line_style, over_seeds
from srlbench.analysis.figures.style import COLOURS, COLUMN, CONTEXT, NOTE, PAGE, STYLE, counts, save

MOST_LINES = 8  # more lines than this in one panel cannot be told apart
REACH = {"dissipation": (0.0, 1.25), "ratio": (-1.0, 6.0)}  # a line that leaves it is cut
LABELS = {"dissipation": "gradient dissipation", "ratio": "ratio", "unexplained": "unexplained share"}


def dynamics(
    runs: Mapping[str, Sequence[Series]], path: Path, *, panels: Sequence[str] = ("dissipation", "ratio")
) -> None:
    """Each loss's components against the training step: mean and sd over its runs, one a seed.

    runs: by loss, one mapping a seed of "step" and of each panel to equally long sequences; None where undefined.
    Up to eight losses share their panels; more get one small panel each, with the others in grey behind it.
    """
    with rc_context(STYLE):
        drawn = _together if len(runs) <= MOST_LINES else _apart
        save(drawn({name: over_seeds(seeds, panels) for name, seeds in runs.items()}, panels, counts(runs)), path)


def _scale(ax: Axes, panel: str, values: Iterable[float]) -> None:
    """Set the y limits: they include 0, and REACH cuts values that would flatten everything else."""
    low, high = REACH.get(panel, (-inf, inf))
    inside = [min(max(value, low), high) for value in values] or [0.0, 1.0]
    if panel == "ratio":
        ax.axhline(1, color="#888888", linewidth=0.6, zorder=1)
    margin = 0.06 * (max(inside) - min(0.0, *inside))
    ax.set_ylim(min([0.0, *inside]) - (margin if min(inside) < 0 else 0), max([1e-3, *inside]) + margin)
    ax.yaxis.set_major_locator(MaxNLocator(4))


def _together(curves: Mapping[str, Curve], panels: Sequence[str], note: str) -> Figure:
    """One panel below the other, with every loss in each."""
    rows = ceil(len(curves) / 3)
    figure = Figure(figsize=(COLUMN, 0.35 + 1.5 * len(panels) + 0.16 * rows), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    beyond = False
    for ax, panel in zip(axes, panels, strict=True):
        _scale(ax, panel, extent(curves.values(), panel))
        for place, (name, curve) in enumerate(curves.items()):
            beyond |= draw(ax, curve[panel], name, line_style(place))
        ax.set_ylabel(LABELS.get(panel, panel))
    axes[-1].set_xlabel("training step")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, handlelength=2.4)
    axes[0].set_title(note + BEYOND * beyond, fontsize=7, color=NOTE, loc="right")
    return figure


def _apart(curves: Mapping[str, Curve], panels: Sequence[str], note: str) -> Figure:
    """For each component a block of small panels, one for each loss, with the other losses in grey."""
    columns = 5
    rows = ceil(len(curves) / columns)
    height = 0.7 + 0.95 * rows  # inches of a block; margins are set by hand, so that the blocks stand in line
    figure = Figure(figsize=(PAGE, height * len(panels)))
    blocks = figure.subfigures(len(panels), 1, squeeze=False)[:, 0]
    for number, (block, panel) in enumerate(zip(blocks, panels, strict=True)):
        beyond = _block(block, curves, panel, COLOURS[number % len(COLOURS)], rows, columns)
        notes = f"{note}; grey: the other losses{BEYOND * beyond}"
        name = LABELS.get(panel, panel)
        block.subplots_adjust(0.075, 0.42 / height, 0.99, 1 - 0.4 / height, wspace=0.12, hspace=0.48)
        block.suptitle(f"{name.capitalize()} ({notes})", fontsize=8, y=1 - 0.08 / height)
        block.supxlabel("training step", fontsize=8, y=0.06 / height)
        block.supylabel(name, fontsize=8, x=0.005)
    return figure


def _block(block: SubFigure, curves: Mapping[str, Curve], panel: str, colour: str, rows: int, columns: int) -> bool:
    """A panel for each loss. Returns whether something lies beyond the axis."""
    axes = block.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    _scale(axes[0, 0], panel, extent(curves.values(), panel))
    for ax in axes.flat[len(curves) :]:
        ax.remove()
    beyond = False
    for place, (name, ax) in enumerate(zip(curves, axes.flat)):
        for other in curves:
            if other != name:
                ax.plot(*curves[other][panel][:2], color=CONTEXT, linewidth=0.6, zorder=1.5)
        if panel == "ratio" and place:
            ax.axhline(1, color="#888888", linewidth=0.6, zorder=1)
        beyond |= draw(ax, curves[name][panel], name, {"color": colour, "linestyle": "-"})
        ax.set_title(name, fontsize=7, pad=2)
        ax.tick_params(labelsize=6, length=2)
        ax.xaxis.set_major_locator(MaxNLocator(3))
        if place + columns >= len(curves):  # nothing stands below it
            ax.tick_params(labelbottom=True)
    return beyond


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
    """The number of columns that leaves the fewest places of a page empty."""
    return panels if panels < 4 else min((4, 3), key=lambda columns: -panels % columns)


def _measure(ax: Axes, curves: Mapping[str, Curve], key: str) -> None:
    """One measure, on an axis that fits its values."""
    ends = extent(curves.values(), key)
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    size = max(abs(low), abs(high), 1e-12)
    margin = 0.06 * (high - low if high - low > 1e-6 * size else size)  # a constant needs room too
    ax.set_ylim(low - margin, high + margin)
    ax.yaxis.set_major_locator(MaxNLocator(5, min_n_ticks=3, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(ScalarFormatter(useOffset=False))
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    for place, (name, curve) in enumerate(curves.items()):
        draw(ax, curve[key], name, line_style(place))
    if not ends:
        ax.text(0.5, 0.5, "undefined", transform=ax.transAxes, ha="center", va="center", fontsize=7, color=NOTE)
        ax.set_yticks([])
