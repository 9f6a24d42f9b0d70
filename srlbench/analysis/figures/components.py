"""Learning dynamics of losses: the components of their gradients against the training step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil, inf
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from srlbench.analysis.figures.curves import BEYOND, Curve, Series, draw, looks, over_seeds, reached
from srlbench.analysis.figures.style import COLOURS, COLUMN, CONTEXT, NOTE, PAGE, STYLE, counts, save

TOGETHER = 8  # more lines than this in one panel cannot be told apart
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
        drawn = _together if len(runs) <= TOGETHER else _apart
        save(drawn({name: over_seeds(seeds, panels) for name, seeds in runs.items()}, panels, counts(runs)), path)


def _scale(ax: Axes, panel: str, values: Iterable[float]) -> None:
    """A ratio is read against one, the rest against zero; what is far outside of the usual is cut, not shrunk to."""
    low, high = REACH.get(panel, (-inf, inf))
    found = [min(max(value, low), high) for value in values] or [0.0, 1.0]
    if panel == "ratio":
        ax.axhline(1, color="#888888", linewidth=0.6, zorder=1)
    margin = 0.06 * (max(found) - min(0.0, *found))
    ax.set_ylim(min([0.0, *found]) - (margin if min(found) < 0 else 0), max([1e-3, *found]) + margin)
    ax.yaxis.set_major_locator(MaxNLocator(4))


def _together(curves: Mapping[str, Curve], panels: Sequence[str], said: str) -> Figure:
    """The panels one above the other, every loss in each."""
    rows = ceil(len(curves) / 3)
    figure = Figure(figsize=(COLUMN, 0.35 + 1.5 * len(panels) + 0.16 * rows), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    beyond = False
    for ax, panel in zip(axes, panels, strict=True):
        _scale(ax, panel, reached(curves.values(), panel))
        for place, (name, curve) in enumerate(curves.items()):
            beyond |= draw(ax, curve[panel], name, looks(place))
        ax.set_ylabel(LABELS.get(panel, panel))
    axes[-1].set_xlabel("training step")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, handlelength=2.4)
    axes[0].set_title(said + BEYOND * beyond, fontsize=7, color=NOTE, loc="right")
    return figure


def _apart(curves: Mapping[str, Curve], panels: Sequence[str], said: str) -> Figure:
    """For each panel a block of small multiples, one a loss, over the means of all losses in grey."""
    columns = 5
    rows = ceil(len(curves) / columns)
    height = 0.7 + 0.95 * rows  # inches of a block; margins are set by hand, so that the blocks stand in line
    figure = Figure(figsize=(PAGE, height * len(panels)))
    blocks = figure.subfigures(len(panels), 1, squeeze=False)[:, 0]
    for number, (block, panel) in enumerate(zip(blocks, panels, strict=True)):
        beyond = _block(block, curves, panel, COLOURS[number % len(COLOURS)], rows, columns)
        notes = f"{said}; grey: the other losses{BEYOND * beyond}"
        name = LABELS.get(panel, panel)
        block.subplots_adjust(0.075, 0.42 / height, 0.99, 1 - 0.4 / height, wspace=0.12, hspace=0.48)
        block.suptitle(f"{name.capitalize()} ({notes})", fontsize=8, y=1 - 0.08 / height)
        block.supxlabel("training step", fontsize=8, y=0.06 / height)
        block.supylabel(name, fontsize=8, x=0.005)
    return figure


def _block(block: SubFigure, curves: Mapping[str, Curve], panel: str, colour: str, rows: int, columns: int) -> bool:
    """A panel for each loss. Whether something lies beyond the axis."""
    axes = block.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    _scale(axes[0, 0], panel, reached(curves.values(), panel))
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
