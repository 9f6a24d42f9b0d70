"""Pictures of one recipe: how its training went, and what its score does along a setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from math import inf, isfinite, log10
from statistics import fmean, stdev

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from srlbench.publish.site.svg import NOTE, SERIES, STYLE, set_titles, sheet

Along = Mapping[float, Sequence[float]]  # step or setting -> one value a seed
Ends = tuple[float, float]
WIDE = 7.4
BAND = "mean over the seeds, with one standard deviation"


def training(panels: Mapping[str, Along]) -> Figure:
    """Small panels over the training steps; the next call draws on the same figure."""
    figure, axes = _panels(len(panels))
    for ax, (title, along) in zip(axes, panels.items(), strict=True):
        for artist in (*ax.lines, *ax.collections, *ax.texts):
            artist.remove()
        (left, right), (low, high) = _line(ax, along)
        ax.set_xlim(left - 0.05 * (right - left), right + 0.05 * (right - left))
        flat = high - low < 1e-6 * max(abs(low), abs(high), 1e-9)  # a constant needs room
        margin = 0.5 if flat else 0.06 * (high - low)
        ax.set_ylim(low - margin, high + margin)
        set_titles(ax, title)
    return figure


@cache
def _panels(count: int) -> tuple[Figure, list[Axes]]:
    """So many empty panels: three quarters of the time of a small picture go into its axes, so they are made once."""
    columns = 4
    down = -(-count // columns)
    height = 0.25 + 1.3 * down
    margins = {"left": 0.055, "right": 0.99, "top": 1 - 0.24 / height, "bottom": 0.24 / height}
    with sheet(WIDE, height, down, columns, hspace=0.5, wspace=0.28, **margins) as (figure, axes):
        for ax in axes.flat[count:]:
            ax.remove()
        for ax in axes.flat[:count]:
            ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))
            ax.yaxis.set_major_locator(MaxNLocator(3))
            ax.ticklabel_format(useOffset=False)
        return figure, list(axes.flat[:count])


def setting(panels: Mapping[str, Along], key: str, log: bool) -> Figure:
    """Scores along a setting of the recipe; 0, which a logarithmic axis has no place for, is a line across."""
    margins = {"left": 0.07, "right": 0.99, "top": 0.88, "bottom": 0.2}
    with sheet(WIDE, 2.1, 1, len(panels), wspace=0.34, **margins) as (figure, axes):
        for ax, (title, along) in zip(axes[0], panels.items(), strict=True):
            kept = {x: values for x, values in along.items() if x or not log}
            _line(ax, kept, "o")
            if log and (none := along.get(0.0)):
                ax.axhline(fmean(none), color=SERIES[1], dashes=(4, 2), linewidth=1)
                ax.annotate(f"{key} = 0", (1, fmean(none)), (-2, 3), xycoords=("axes fraction", "data"),
                            textcoords="offset points", ha="right", fontsize=7.5, color=SERIES[1])  # fmt: skip
            if log:
                ax.set_xscale("log")
            ax.set_xticks(list(kept), labels=_apart(list(kept), log))
            ax.minorticks_off()
            set_titles(ax, title, key)
            ax.yaxis.set_major_locator(MaxNLocator(4))
        return figure


def _apart(values: Sequence[float], log: bool) -> list[str]:
    """The values that have room below an axis; the others are marks without a number."""
    places = [log10(x) if log else x for x in values]
    reach = places[-1] - places[0] if len(places) > 1 else 1.0
    said: list[str] = []
    end = -inf
    for x, place in zip(values, places, strict=True):
        text, middle = f"{x:g}", (place - places[0]) / reach
        half = 0.024 * len(text)  # of a number's width, in widths of the axis
        said.append(text if middle - half > end else "")
        end = middle + half + 0.03 if said[-1] else end
    return said


def _line(ax: Axes, along: Along, marker: str = "") -> tuple[Ends, Ends]:
    """Mean and sd over the seeds; how far they reach across and up."""
    found = {x: kept for x, values in sorted(along.items()) if (kept := [v for v in values if isfinite(v)])}
    if not found:
        ax.text(0.5, 0.5, "undefined", transform=ax.transAxes, ha="center", va="center", color=NOTE)
        return (0.0, 1.0), (0.0, 1.0)
    xs, means = list(found), [fmean(values) for values in found.values()]
    sds = [stdev(values) if len(values) > 1 else 0.0 for values in found.values()]
    low, high = ([m + side * sd for m, sd in zip(means, sds, strict=True)] for side in (-1, 1))
    with rc_context(STYLE):
        ax.plot(xs, means, marker=marker, markersize=4, color=SERIES[0])
        if any(sds):
            ax.fill_between(xs, low, high, color=SERIES[0], alpha=0.18, linewidth=0)
    return (xs[0], xs[-1] if len(xs) > 1 else xs[0] + 1), (min(low), max(high))
