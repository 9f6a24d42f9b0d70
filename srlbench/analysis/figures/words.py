"""The weight that an encoder gives words, against the information in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, inf, isfinite, log10
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from srlbench.analysis.figures.style import COLOURS, COLUMN, NOTE, PAGE, STYLE, save

Point = tuple[str, float, float]  # a word, its information, its weight
Place = tuple[float, float, Any, Any]  # x, y, and the sides of a text that they are for

NAMED = 8  # words of a panel
OUTERMOST = 12  # words at each end that are tried
RASTER = 2000  # more dots than this are an image in an SVG
SPOT = 2.0  # pixels from the middle of a named dot to its rim
CORNERS = [(0.02, 0.98, "left", "top"), (0.98, 0.98, "right", "top")]
CORNERS += [(0.02, 0.02, "left", "bottom"), (0.98, 0.02, "right", "bottom")]
AROUND = [  # a dot, in points: where its word may stand
    (0.0, 3.0, "center", "bottom"),
    (0.0, -3.0, "center", "top"),
    (3.0, 0.0, "left", "center_baseline"),
    (-3.0, 0.0, "right", "center_baseline"),
    (2.0, 2.0, "left", "bottom"),
    (-2.0, 2.0, "right", "bottom"),
    (2.0, -2.0, "left", "top"),
    (-2.0, -2.0, "right", "top"),
]


def scatter(panels: Mapping[str, Mapping[str, Any]], path: Path, *, quantity: str, weight: str) -> None:
    """The weight of words against their information, with the fitted line: a panel for each entry, on the same axes.

    panels: by title, "points" (word, information, weight) and what was fitted to them: "slope" with the ends "low" and
    "high" of its 95% interval, "intercept", "r2", "spearman", "words". quantity, weight: what the axes say.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(COLUMN if len(panels) == 1 else PAGE, 2.7), layout="constrained")
        axes = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
        kept = [[point for point in panel["points"] if all(map(isfinite, point[1:]))] for panel in panels.values()]
        for ax, points, (title, panel) in zip(axes, kept, panels.items(), strict=True):
            _dots(ax, points, panel)
            ax.set_title(title)
            ax.set_xlabel(quantity)
        axes[0].set_ylabel(weight)
        figure.draw_without_rendering()  # text is placed by its size, which needs the final axes
        figure.set_layout_engine("none")
        for ax, points, panel in zip(axes, kept, panels.values(), strict=True):
            _write(ax, points, panel)
        save(figure, path)


def _dots(ax: Axes, points: Sequence[Point], fit: Mapping[str, Any]) -> None:
    x = [point[1] for point in points]
    look: dict[str, Any] = {"color": COLOURS[0], "linewidths": 0, "rasterized": len(points) > RASTER}
    alpha = min(0.3, max(0.15, 150 / max(len(points), 1)))  # a cloud keeps its shades
    ax.scatter(x, [point[2] for point in points], s=9, alpha=alpha, zorder=2, **look)
    ends = [min(x, default=0.0), max(x, default=1.0)]
    ax.plot(ends, [fit["intercept"] + fit["slope"] * end for end in ends], color=COLOURS[1], zorder=3)


def _write(ax: Axes, points: Sequence[Point], fit: Mapping[str, Any]) -> None:
    """Write the fitted line's numbers in the emptiest corner, and name the outermost words."""
    dots = ax.transData.transform(np.array([point[1:] for point in points]).reshape(-1, 2))
    line = ax.transData.transform(ax.get_lines()[0].get_xydata())
    along = np.linspace(line[0], line[1], 200)  # to cover a line is as bad as to cover many dots
    note = ax.text(0, 0, _fitted(fit), transform=ax.transAxes, fontsize=6.5, color=NOTE, linespacing=1.3, zorder=4)
    note.set_bbox({"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1.5})
    _settle(note, CORNERS, np.vstack([dots, along]), [], ax.bbox)
    taken = [note.get_window_extent()]
    named = 0
    for place in _outermost(points):
        dot = Bbox.from_extents(*(dots[place] - SPOT), *(dots[place] + SPOT))
        if named == NAMED or any(dot.overlaps(box) for box in taken):
            continue
        text = ax.annotate(points[place][0], points[place][1:], (0, 0), textcoords="offset points", parse_math=False)
        text.set(zorder=5, fontsize=6.5, path_effects=[withStroke(linewidth=1.5, foreground="white")])
        if _settle(text, AROUND, np.vstack([np.delete(dots, place, axis=0), along]), taken, ax.bbox):
            ax.plot(*points[place][1:], marker="o", markersize=2.5, color="black", linestyle="none", zorder=4)
            taken += [text.get_window_extent(), dot]
            named += 1
        else:
            text.remove()


def _settle(text: Text, places: Sequence[Place], avoid: Any, taken: Sequence[Bbox], frame: Bbox) -> bool:
    """Move the text to the place where it covers the fewest points. Returns False if it fits nowhere.

    avoid: points on the page, (n, 2). taken: boxes of other texts.
    """
    free: list[tuple[int, int, Place]] = []
    for place in places:
        _put(text, place)
        box = text.get_window_extent()
        inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
        if inside and not any(box.overlaps(other) for other in taken):
            covered = int(((avoid >= box.min) & (avoid <= box.max)).all(axis=1).sum())
            free.append((covered, len(free), place))
    if free:
        _put(text, min(free)[-1])
    return bool(free)


def _put(text: Text, place: Place) -> None:
    x, y, side, height = place
    text.set(position=(x, y), horizontalalignment=side, verticalalignment=height)


def _outermost(points: Sequence[Point]) -> list[int]:
    """Words at the ends of both axes, in turn: heaviest, most informative, lightest, least informative."""
    heaviest = sorted(range(len(points)), key=lambda n: (-points[n][2], points[n]))
    richest = sorted(range(len(points)), key=lambda n: (-points[n][1], points[n]))
    turns = zip(heaviest, richest, reversed(heaviest), reversed(richest))
    return list(dict.fromkeys(n for _, turn in zip(range(OUTERMOST), turns) for n in turn))


def _fitted(fit: Mapping[str, Any]) -> str:
    """The numbers of the fit; the slope has as many digits as its interval warrants."""
    slope, low, high = (fit[key] for key in ("slope", "low", "high"))
    digits = max(0, 1 - floor(log10(high - low))) if 0 < high - low < inf else 3
    line = f"slope {_said(slope, digits)} [{_said(low, digits)}, {_said(high, digits)}]"
    return f"{line}\nR² = {_said(fit['r2'])}, Spearman {_said(fit['spearman'])}\nn = {fit['words']:,} words"


def _said(value: float | None, digits: int = 2) -> str:
    return "–" if value is None or not isfinite(value) else f"{value:.{digits}f}".replace("-", "−")
