"""Measures and scores over swept parameters: small panels, lines with error bars, or a heat map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from pathlib import Path
from statistics import fmean
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from srlbench.analysis.figures.curves import line_style
from srlbench.analysis.figures.style import COLOURS, COLUMN, EMPTY, NOTE, PAGE, STYLE, Key, counts, save, spread

MARKERS = "osD^vPX"
Table = Mapping[tuple[Any, Any], list[float]]
Points = Mapping[float, Sequence[float]]  # value of the parameter -> one number a seed


def along(measures: Mapping[str, Points], path: Path, *, name: str, log: bool = False) -> None:
    """Mean and sd over seeds of each measure (by its title) along the parameter `name`.

    On a logarithmic axis the value 0, which has no place there, is a line across with its own band.
    """
    rows, columns = (1, len(measures)) if len(measures) < 4 else (-(-len(measures) // 2), 2)
    with rc_context(STYLE):
        figure = Figure(figsize=(PAGE, 0.5 + 1.7 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, sharex=True, squeeze=False)
        for ax in axes.flat[len(measures) :]:
            ax.remove()
        for ax, (title, points) in zip(axes.flat, measures.items()):
            kept = {x: [v for v in values if isfinite(v)] for x, values in sorted(points.items())}
            _panel(ax, {x: values for x, values in kept.items() if values}, name, log)
            ax.set_title(title, loc="left")
        figure.supxlabel(name, fontsize=8)
        note = counts({x: values for points in measures.values() for x, values in points.items()})
        handles = axes[0, 0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside upper center", ncols=2, handlelength=2.4, title=note)
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


def grid(
    scores: Mapping[tuple[Key, Key], Sequence[float]],
    path: Path,
    *,
    names: tuple[str, str],
    score: str,
    heat: bool | None = None,
    log: bool = False,
) -> None:
    """Scores over a swept parameter (the key's first part) and a second: one line for each value, or a heat map.

    scores: one for each seed; bars and ± are their sd. heat: None chooses it where both parameters have three or more
    numeric values. log: the first parameter's axis is logarithmic.
    """
    first, second = ([*dict.fromkeys(key[part] for key in scores)] for part in (0, 1))
    numeric = not any(isinstance(value, str) for value in (*first, *second))
    if heat is None:
        heat = numeric and min(len(first), len(second)) >= 3
    table = {key: [v for v in values if isfinite(v)] for key, values in scores.items()}
    across, upwards = (sorted(part) if numeric else part for part in (first, second))
    size = (max(COLUMN, 0.9 + 0.52 * len(first)), 0.9 + 0.36 * len(second)) if heat else (COLUMN, 2.5)
    with rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        ax = figure.subplots()
        if heat:
            figure.colorbar(_heat(ax, table, across, upwards), ax=ax, label=score, aspect=15)
        else:
            _lines(ax, table, across, upwards, names[1], log)
            if len(second) > 1 or isinstance(second[0], str):
                figure.legend(loc="outside upper center", ncols=3, handlelength=2.6)
        ax.set_xlabel(names[0])
        ax.set_ylabel(names[1] if heat else score)
        ax.set_title(counts(table), fontsize=7, color=NOTE, loc="right")
        save(figure, path)


def _lines(ax: Axes, table: Table, first: Sequence[Any], second: Sequence[Any], name: str, log: bool) -> None:
    """One line with error bars for each value of the second parameter, whose name is `name`."""
    numeric = not any(isinstance(value, str) for value in first)
    for place, value in enumerate(second):
        points = [(x if numeric else n, table[x, value]) for n, x in enumerate(first) if table.get((x, value))]
        xs, means = [x for x, _ in points], [fmean(values) for _, values in points]
        sds = [sd if isfinite(sd := spread(values)) else 0.0 for _, values in points]
        title = f"{name} = {value:g}" if not isinstance(value, str) else value
        look = {**line_style(place), "marker": MARKERS[place % len(MARKERS)]}
        ax.errorbar(xs, means, yerr=sds, label=title, markersize=3.5, capsize=2, elinewidth=0.8, **look)
    if log and numeric:
        ax.set_xscale("log")
    if numeric and len(first) <= 8:
        ax.set_xticks(first, labels=[f"{x:g}" for x in first], minor=False)
        ax.minorticks_off()
    elif not numeric:
        ax.set_xticks(range(len(first)), labels=list(map(str, first)))


def _heat(ax: Axes, table: Table, first: Sequence[Any], second: Sequence[Any]) -> AxesImage:
    """The first parameter across, the second upwards; the mean in each cell, its sd below."""
    means = [[fmean(v) if (v := table.get((x, y))) else nan for x in first] for y in second]
    ax.patch.set(facecolor=EMPTY, hatch="/////", edgecolor="#BDBDBD", linewidth=0)
    drawn = ax.imshow(means, cmap="cividis", origin="lower", aspect="auto")
    for row, y in enumerate(second):
        for column, x in enumerate(first):
            values = table.get((x, y))
            if not values:
                continue
            dark = drawn.norm(means[row][column]) < 0.5
            text = f"{means[row][column]:.1f}" + (f"\n±{spread(values):.1f}" if len(values) > 1 else "")
            ax.text(column, row, text, ha="center", va="center", fontsize=6.5, color="white" if dark else "black")
    ax.set_xticks(range(len(first)), labels=[_short(x) for x in first])
    ax.set_yticks(range(len(second)), labels=[_short(y) for y in second])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return drawn


def _short(value: Key) -> str:
    return value if isinstance(value, str) else f"{value:g}"
