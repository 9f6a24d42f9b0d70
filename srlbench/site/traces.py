"""Pictures of one recipe: how its training went, and what its score does along a setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite, log10
from statistics import fmean, stdev

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from srlbench.site.svg import NOTE, SERIES, entitle, inline, sheet

Along = Mapping[float, Sequence[float]]  # step or setting -> one value a seed
WIDE = 7.4
BAND = "mean over the seeds, with one standard deviation"


def training(name: str, said: tuple[str, str], panels: Mapping[str, Along]) -> Markup:
    """Small panels over the training steps."""
    columns = 4
    down = -(-len(panels) // columns)
    height = 0.25 + 1.3 * down
    margins = {"left": 0.055, "right": 0.99, "top": 1 - 0.24 / height, "bottom": 0.24 / height}
    with sheet(WIDE, height, down, columns, hspace=0.5, wspace=0.28, **margins) as (figure, axes):
        for place, ax in enumerate(axes.flat):
            if place >= len(panels):
                ax.remove()
                continue
            title, along = list(panels.items())[place]
            _line(ax, along)
            entitle(ax, title)
            _few(ax)
        return inline(figure, name, *said)


def setting(name: str, said: tuple[str, str], panels: Mapping[str, Along], key: str, log: bool) -> Markup:
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
            entitle(ax, title, key)
            ax.yaxis.set_major_locator(MaxNLocator(4))
        return inline(figure, name, *said)


def _apart(values: Sequence[float], log: bool) -> list[str]:
    """The values that have room below an axis; the others are marks without a number."""
    places = [log10(x) if log else x for x in values]
    gap = 0.14 * (places[-1] - places[0]) if places else 0.0
    said, last = [], -inf
    for x, place in zip(values, places, strict=True):
        said.append(f"{x:g}" if place - last >= gap else "")
        last = place if said[-1] else last
    return said


def _line(ax: Axes, along: Along, marker: str = "") -> None:
    found = {x: kept for x, values in sorted(along.items()) if (kept := [v for v in values if isfinite(v)])}
    if not found:
        ax.text(0.5, 0.5, "undefined", transform=ax.transAxes, ha="center", va="center", color=NOTE)
        return
    xs, means = list(found), [fmean(values) for values in found.values()]
    ax.plot(xs, means, marker=marker, markersize=4, color=SERIES[0])
    sds = [stdev(values) if len(values) > 1 else 0.0 for values in found.values()]
    if any(sds):
        low, high = ([m + side * sd for m, sd in zip(means, sds, strict=True)] for side in (-1, 1))
        ax.fill_between(xs, low, high, color=SERIES[0], alpha=0.18, linewidth=0)


def _few(ax: Axes) -> None:
    ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(3))
    low, high = ax.get_ylim()
    if high - low < 1e-6 * max(abs(low), abs(high), 1e-9):  # a constant needs room, and no offset
        ax.set_ylim(low - 0.5, high + 0.5)
    ax.ticklabel_format(useOffset=False)
