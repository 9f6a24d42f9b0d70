"""Pictures of a whole table: every row's averages with intervals, rows as points of a plane, and rows over steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, log10, nan
from statistics import quantiles
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from srlbench.publish.site.svg import INK, NOTE, RULE, SERIES, Numbers, hide, set_titles, sheet

WIDE = 7.4  # inches
Series = Mapping[float, float]  # step -> mean over the seeds
FAR = 2.0  # times the range of the middle half; what is further below it is drawn at the edge, with its number
LOOKS = {
    "untrained": ("D", SERIES[2]),
    "unsupervised": ("o", SERIES[0]),
    "supervised": ("s", SERIES[1]),
    "": ("o", NOTE),
}


@dataclass(frozen=True)
class Mean:
    """A mean, its interval if there is one, and the value of every seed."""

    mean: float
    span: tuple[float, float] | None
    seeds: Sequence[float] = ()


@dataclass(frozen=True)
class Point:
    x: float
    y: float
    kind: str = ""


def of_means(rows: Mapping[str, Mapping[str, Mean]]) -> Numbers:
    """The numbers of a forest."""
    lines: list[list[str | float | None]] = [
        [name, title, each.mean, *(each.span or (None, None)), " ".join(f"{seed:.6g}" for seed in each.seeds)]
        for name, row in rows.items()
        for title, each in row.items()
    ]
    return [["recipe", "value", "mean", "low", "high", "seeds"], *lines]


def of_points(points: Mapping[str, Point], x: str, y: str) -> Numbers:
    """The numbers of a plane."""
    lines: list[list[str | float | None]] = [[name, each.kind, each.x, each.y] for name, each in points.items()]
    return [["recipe", "kind", x, y], *lines]


def of_series(panels: Mapping[str, Mapping[str, Series]]) -> Numbers:
    """The numbers of maps and small panels over training steps."""
    whole = ((row, title, series) for title, panel in panels.items() for row, series in panel.items())
    lines: list[list[str | float | None]] = [
        [r, t, step, value] for r, t, all_ in whole for step, value in all_.items()
    ]
    return [["recipe", "value", "step", "mean"], *lines]


def forest(rows: Mapping[str, Mapping[str, Mean]], control: str | None = None, *, cut: bool = False) -> Figure:
    """One line a row and one panel a value: mean, 95% interval, seeds; a dashed line at the control's mean.

    rows: by name, then by the title of the value. cut: the axis ends far below the middle.
    """
    panels = list(dict.fromkeys(title for row in rows.values() for title in row))
    height = 0.55 + 0.2 * len(rows)
    margins = {"left": 0.235, "right": 0.985, "top": 1 - 0.28 / height, "bottom": 0.26 / height, "wspace": 0.06}
    with sheet(WIDE, height, 1, len(panels), **margins) as (figure, axes):
        for ax, title in zip(axes[0], panels, strict=True):
            _stripes(ax, len(rows))
            found = {line: row[title] for line, row in enumerate(rows.values()) if title in row}
            if control and title in rows.get(control, {}):
                ax.axvline(rows[control][title].mean, color=SERIES[1], linewidth=0.8, dashes=(4, 2), zorder=1)
            _means(ax, found, _floor([each.mean for each in found.values()]) if cut else -inf)
            set_titles(ax, title)
            ax.set_yticks(range(len(rows)), labels=list(rows) if ax is axes[0][0] else [])
            ax.tick_params(axis="y", labelcolor=INK)
            ax.xaxis.set_major_locator(MaxNLocator(5, prune="both"))
        return figure


def _stripes(ax: Axes, rows: int) -> None:
    ax.set_ylim(rows - 0.4, -0.6)
    ax.barh(range(0, rows, 2), 1, 1, left=0, color=RULE, alpha=0.25, zorder=0, transform=ax.get_yaxis_transform())
    hide(ax, "left")


def _means(ax: Axes, found: Mapping[int, Mean], low: float) -> None:
    inside = {line: each for line, each in found.items() if each.mean >= low}
    for line, each in inside.items():
        if each.span:
            ax.plot(each.span, (line, line), color=SERIES[0], linewidth=1.3, zorder=3, solid_capstyle="butt")
    seeds = [(value, line) for line, each in inside.items() for value in each.seeds]
    means = [(each.mean, line) for line, each in inside.items()]
    for points, size, alpha in ((seeds, 2.2, 0.4), (means, 4.0, 1.0)):
        x, y = zip(*points, strict=True) if points else ((), ())
        ax.plot(x, y, "o", color=SERIES[0], markersize=size, alpha=alpha, markeredgewidth=0, zorder=4)
    left, right = ax.get_xlim()
    for line in found.keys() - inside.keys():
        ax.plot(left, line, "<", color=SERIES[0], markersize=4, clip_on=False)
        at = left + 0.025 * (right - left)
        ax.text(at, line, f"{found[line].mean:.1f}", ha="left", va="center", fontsize=7.5, color=NOTE)
    ax.set_xlim(left, right)


def _floor(values: Sequence[float]) -> float:
    """The lower end of an axis: far from the middle half of the values."""
    if len(values) < 4:
        return -inf
    first, _, third = quantiles(values)
    return first - FAR * max(third - first, 1e-9)


def plane(points: Mapping[str, Point], x: str, y: str, *, cut: bool = False, log: bool = False) -> Figure:
    """Rows as points with their names, as far as there is room; the shape tells how they were trained.

    x, y: the titles of the axes. cut: see `forest`. log: of the horizontal axis.
    """
    low = _floor([point.y for point in points.values()]) if cut else -inf
    kept = [point.y for point in points.values() if point.y >= low]
    margin = 0.06 * (max(kept) - min(kept)) or 1.0
    ends = min(kept) - margin, max(kept) + margin
    with sheet(WIDE, 4.3, left=0.075, right=0.985, top=0.93, bottom=0.105) as (figure, axes):
        ax = axes[0, 0]
        if log:
            ax.set_xscale("log")
            ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            ax.xaxis.set_minor_formatter(NullFormatter())
        for kind, (marker, colour) in LOOKS.items():
            own = [point for point in points.values() if point.kind == kind and point.y >= low]
            if own:
                xs, ys = [point.x for point in own], [point.y for point in own]
                ax.plot(xs, ys, marker, color=colour, markersize=5, label=kind or None, zorder=3)
        under = [point.x for point in points.values() if point.y < low]
        ax.plot(under, [ends[0]] * len(under), "v", color=NOTE, markersize=5, clip_on=False)
        ax.margins(x=0.06)
        ax.set_ylim(*ends)
        set_titles(ax, "", x, y)
        ax.grid(alpha=0.6)
        figure.legend(loc="upper left", bbox_to_anchor=(0.065, 1.01), ncols=3, handletextpad=0.1, columnspacing=1.2)
        shown = {each if p.y >= low else f"{each} {p.y:.1f}": (p.x, max(p.y, ends[0])) for each, p in points.items()}
        _label(ax, shown)
        return figure


SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))


def _label(ax: Axes, points: Mapping[str, tuple[float, float]]) -> None:
    """Write names beside points, where they cover no point and no other name; widths are estimated."""
    frame = ax.get_window_extent()
    unit = ax.figure.dpi / 72
    dots = {each: ax.transData.transform(point) for each, point in points.items()}
    taken = [Bbox.from_extents(x - 4, y - 4, x + 4, y + 4) for x, y in dots.values()]
    for each, (x, y) in dots.items():
        width, height = 4.15 * unit * len(each), 8.0 * unit
        for right, up in SIDES:
            left = x + (6 if right > 0 else -6 - width if right < 0 else -width / 2)
            middle = y + up * (height / 2 + (3 if right else 7))
            box = Bbox.from_bounds(left, middle - height / 2, width, height)
            inside = frame.x0 < box.x0 and box.x1 < frame.x1 and frame.y0 < box.y0
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                offset = ((left - x) / unit, (middle - y) / unit)
                look: dict[str, Any] = {"fontsize": 7.5, "va": "center", "color": INK, "zorder": 5}
                ax.annotate(each, points[each], offset, textcoords="offset points", **look)
                break


def shades(panels: Mapping[str, Mapping[str, Series]], reach: Sequence[tuple[float, float]]) -> Figure:
    """A map of rows over training steps, a panel a measure: the darker, the less.

    panels: by the title of the measure, then by row. reach: of each panel, where its shades begin and end.
    """
    rows = list(dict.fromkeys(row for panel in panels.values() for row in panel))
    height = 0.75 + 0.185 * len(rows)
    margins = {"left": 0.235, "right": 0.985, "top": 1 - 0.28 / height, "bottom": 0.42 / height, "wspace": 0.08}
    with sheet(WIDE, height, 1, len(panels), **margins) as (figure, axes):
        for ax, (title, panel), (low, high) in zip(axes[0], panels.items(), reach, strict=True):
            steps = sorted({step for series in panel.values() for step in series})
            values = np.array([[panel.get(row, {}).get(step, nan) for step in steps] for row in rows])
            drawn = ax.pcolormesh(np.ma.masked_invalid(values), cmap="cividis", vmin=low, vmax=high, edgecolors="face")
            drawn.set_linewidth(0.4)
            ax.set_ylim(len(rows), 0)
            ax.set_xticks(np.arange(len(steps)) + 0.5, labels=[f"{step:g}" for step in steps])
            ax.set_yticks(np.arange(len(rows)) + 0.5, labels=rows if ax is axes[0][0] else [])
            ax.tick_params(axis="y", labelcolor=INK)
            set_titles(ax, title, "training step")
            hide(ax, "left", "bottom")
            _numbers(ax, values, drawn.norm)
        return figure


def _numbers(ax: Axes, values: NDArray[Any], norm: Normalize) -> None:
    """The value at the first and the last step, written in its field."""
    for row, line in enumerate(values):
        for column in {0, len(line) - 1}:
            if isfinite(line[column]):
                dark = norm(line[column]) < 0.5
                text = f"{line[column]:.2f}" if line[column] < 100 else ">99"
                look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 6.5}
                ax.text(column + 0.5, row + 0.5, text, color="#ffffff" if dark else "#000000", **look)


def multiples(rows: Mapping[str, Series], value: str) -> Figure:
    """One small panel a row, over the band that most rows lie in."""
    columns = 5
    down = -(-len(rows) // columns)
    height = 0.55 + 0.92 * down
    margins = {"left": 0.055, "right": 0.99, "top": 1 - 0.22 / height, "bottom": 0.45 / height}
    steps = sorted({step for series in rows.values() for step in series})
    bands = np.array([np.quantile([s[step] for s in rows.values() if step in s], (0.1, 0.9)) for step in steps])
    values = [value for series in rows.values() for value in series.values()]
    low, high = max(min(values), _floor(values)), max(values)
    margin = 0.06 * (high - low) or 1.0
    with sheet(WIDE, height, down, columns, hspace=0.5, wspace=0.12, **margins) as (figure, axes):
        for number, ax in enumerate(axes.flat):
            if number >= len(rows):
                ax.remove()
                continue
            each, series = list(rows.items())[number]
            ax.fill_between(steps, *bands.T, color=RULE, alpha=0.6, linewidth=0)
            ax.plot(list(series), list(series.values()), color=SERIES[0])
            set_titles(ax, each, size=7.5)
            ax.set_ylim(low - margin, high + margin)
            ends = [f"{steps[0]:g}", f"{steps[-1]:g}"] if number + columns >= len(rows) else []
            ax.set_xticks([steps[0], steps[-1]], labels=ends)
            ax.yaxis.set_major_locator(MaxNLocator(3))
            ax.tick_params(labelleft=number % columns == 0, labelsize=7.5, length=0)
        figure.supxlabel(f"training step; {value}", fontsize=8, color=NOTE, y=0.08 / height)
        return figure


def decades(values: Sequence[float]) -> bool:
    """Whether positive values span enough for a logarithmic axis."""
    return bool(values) and min(values) > 0 and log10(max(values) / min(values)) > 0.9
