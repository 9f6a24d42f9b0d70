"""Measures along a swept parameter, a small panel each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from statistics import fmean

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from srlbench.analysis.figures.style import COLOURS, NOTE, PAGE, STYLE, counts, save, spread

Points = Mapping[float, Sequence[float]]  # value of the parameter -> one number a seed


def along(found: Mapping[str, Points], path: Path, *, name: str, log: bool = False) -> None:
    """Mean and sd over seeds of each measure (by its title) along the parameter `name`.

    On a logarithmic axis the value 0, which has no place there, is a line across with its own band.
    """
    rows, columns = (1, len(found)) if len(found) < 4 else (-(-len(found) // 2), 2)
    with rc_context(STYLE):
        figure = Figure(figsize=(PAGE, 0.5 + 1.7 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, sharex=True, squeeze=False)
        for ax in axes.flat[len(found) :]:
            ax.remove()
        for ax, (title, points) in zip(axes.flat, found.items()):
            kept = {x: [v for v in values if isfinite(v)] for x, values in sorted(points.items())}
            _panel(ax, {x: values for x, values in kept.items() if values}, name, log)
            ax.set_title(title, loc="left")
        figure.supxlabel(name, fontsize=8)
        said = counts({x: values for points in found.values() for x, values in points.items()})
        handles = axes[0, 0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside upper center", ncols=2, handlelength=2.4, title=said)
        save(figure, path)


def _panel(ax: Axes, points: Points, name: str, log: bool) -> None:
    curve = {x: values for x, values in points.items() if x or not log}
    xs, means = list(curve), [fmean(values) for values in curve.values()]
    sds = [sd if isfinite(sd := spread(values)) else 0.0 for values in curve.values()]
    ax.plot(xs, means, color=COLOURS[0], marker="o", markersize=3.5, label=name, zorder=3)
    low, high = ([m + side * sd for m, sd in zip(means, sds)] for side in (-1, 1))
    ax.fill_between(xs, low, high, color=COLOURS[0], alpha=0.18, linewidth=0)
    if log and (none := points.get(0.0)):
        mean, sd = fmean(none), spread(none)
        ax.axhline(mean, color=COLOURS[1], linestyle=(0, (5, 1.5)), label=f"{name} = 0", zorder=2)
        if isfinite(sd):
            ax.axhspan(mean - sd, mean + sd, color=COLOURS[1], alpha=0.12, linewidth=0)
    if log:
        ax.set_xscale("log")
    if len(xs) <= 10:
        ax.set_xticks(xs, labels=[f"{x:g}" for x in xs], minor=False)
        ax.minorticks_off()
    ax.tick_params(labelbottom=True)
    ax.yaxis.set_major_locator(MaxNLocator(5, min_n_ticks=3))
    if not points:
        ax.text(0.5, 0.5, "undefined", transform=ax.transAxes, ha="center", va="center", fontsize=7, color=NOTE)
