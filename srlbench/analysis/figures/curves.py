"""A quantity against the training step: its mean over runs (one for each seed), with the sd as a band."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite, nan
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.markers import CARETDOWN, CARETUP

from srlbench.analysis.figures.style import COLOURS, DASHES, Number, spread

Series = Mapping[str, Sequence[Number]]
Line = tuple[list[float], list[float], list[float]]  # steps, means, sds; nan where no run has a value
Curve = dict[str, Line]  # by panel

BEYOND = "; triangle: beyond the axis"


def over_seeds(seeds: Sequence[Series], panels: Sequence[str]) -> Curve:
    """Mean and sd at every observed step, nan where no seed has a value; one seed has no sd."""
    out: Curve = {}
    for panel in panels:
        at: dict[float, list[float]] = {}
        for run in seeds:
            for step, value in zip(run["step"], run.get(panel, ()), strict=False):
                if step is not None:
                    at.setdefault(step, []).extend([value] if value is not None and isfinite(value) else [])
        steps = sorted(at)
        out[panel] = (steps, [fmean(at[s]) if at[s] else nan for s in steps], [spread(at[s]) for s in steps])
    return out


def extent(curves: Iterable[Curve], panel: str) -> list[float]:
    """The lower and upper ends of every band."""
    return [
        mean + side * (sd if isfinite(sd) else 0.0)
        for curve in curves
        for mean, sd in zip(*curve[panel][1:], strict=True)
        for side in (-1, 1)
        if isfinite(mean)
    ]


def draw(ax: Axes, line: Line, label: str, look: Mapping[str, Any]) -> bool:
    """Draw mean and sd on an axis whose limits are set. Returns whether means lie beyond them, marked by triangles.

    look: colour and dashes.
    """
    steps, means, sds = line
    ax.plot(steps, means, label=label, zorder=3, **look)
    low, high = ax.get_ylim()
    inside = [mean if low <= mean <= high else nan for mean in means]  # a band without its line would mislead
    widths = [sd if isfinite(sd) else 0.0 for sd in sds]
    lower, upper = ([mean + side * sd for mean, sd in zip(inside, widths)] for side in (-1, 1))
    ax.fill_between(steps, lower, upper, color=look["color"], alpha=0.18, linewidth=0, zorder=2)
    point: dict[str, Any] = {"color": look["color"], "linestyle": "none", "markersize": 3.5, "zorder": 3}
    for place in _alone(inside):
        at = ([steps[place]], [inside[place]], [widths[place]])
        ax.errorbar(*at, marker="o", capsize=2, elinewidth=0.8, **point)
    over = [step for step, mean in zip(steps, means) if mean > high]
    under = [step for step, mean in zip(steps, means) if mean < low]
    for where, edge, marker in ((over, high, CARETUP), (under, low, CARETDOWN)):
        if where:
            ax.plot(where, [edge] * len(where), marker=marker, clip_on=False, **point)
    return bool(over or under)


def line_style(place: int) -> dict[str, Any]:
    """The colour and dashes of the n-th line of a panel."""
    return {"color": COLOURS[place % len(COLOURS)], "linestyle": DASHES[place % len(DASHES)]}


def _alone(means: Sequence[float]) -> list[int]:
    """The positions of points without neighbours, of which a line shows nothing."""
    around = [False, *map(isfinite, means), False]
    return [n for n in range(len(means)) if around[n + 1] and not around[n] and not around[n + 2]]
