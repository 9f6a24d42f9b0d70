"""Gains over the untrained encoder: a strip of recipes for each backbone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from srlbench.analysis.figures.style import COLOURS, NOTE, PAGE, STYLE, save

if TYPE_CHECKING:
    from srlbench.analysis.gains import Gains

COLOUR = {"unsupervised": COLOURS[0], "supervised": COLOURS[1], "not trained": "#7A7A7A"}
OFFSET = {"unsupervised": -9, "supervised": 9, "not trained": 0}  # of the name of the best, in points of print
HALO = [withStroke(linewidth=2, foreground="white")]
LEAST = -12.0  # points; what lies below is counted at the edge
HEIGHT, DOT = 1.15, 0.075  # inches of a strip; half the height of a dot, as a share of the strip


def strips(rows: Sequence[Gains], path: Path) -> None:
    """A strip for each row: a dot is a recipe, the bar is the control; the best of each kind has its name."""
    with rc_context(STYLE):
        figure = Figure(figsize=(PAGE, 0.75 + HEIGHT * len(rows)), layout="constrained")
        axes = figure.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0]
        high = max(points for row in rows for _, points, _ in row.above.values())
        axes[0].set_xlim(LEAST - 1, high + 6)
        for ax, row in zip(axes, rows, strict=True):
            _strip(ax, row)
        axes[-1].set_xlabel("points above the untrained encoder, mean over seeds")
        marks = [
            axes[0].plot([], [], "o", color=colour, markersize=4, label=kind, linestyle="none")[0]
            for kind, colour in COLOUR.items()
        ]
        marks.append(axes[0].plot([], [], color="black", linewidth=2, label=f"control: {rows[0].control}")[0])
        figure.legend(handles=marks, loc="outside upper center", ncols=len(marks), handlelength=1.2)
        save(figure, path)


def _strip(ax: Axes, row: Gains) -> None:
    ax.axvline(0, color=NOTE, linewidth=0.8, linestyle=(0, (3, 2)))
    if row.control in row.above:
        ax.plot([row.above[row.control][1]] * 2, [-0.42, 0.42], color="black", linewidth=2, zorder=3)
    shown = {name: found for name, found in row.above.items() if name != row.control}
    inside = {name: found for name, found in shown.items() if found[1] >= LEAST}
    heights = dict(zip(inside, _apart([found[1] for found in inside.values()]), strict=True))
    for name, (kind, points, _) in inside.items():
        ax.plot(points, heights[name], "o", color=COLOUR[kind], markersize=4, markeredgewidth=0, alpha=0.85)
    for kind, colour in COLOUR.items():
        best = max((n for n in inside if inside[n][0] == kind), key=lambda name: inside[name][1], default=None)
        if best:
            ax.annotate(
                f"{best} {inside[best][1]:+.1f}", (inside[best][1], heights[best]), fontsize=6.5, color=colour,
                xytext=(4, OFFSET[kind]), textcoords="offset points", va="center", zorder=4, path_effects=HALO,
            )  # fmt: skip
    if below := sorted((points, name) for name, (_, points, _) in shown.items() if points < LEAST):
        said = f"{len(below)} below" if len(below) > 1 else f"{below[0][1]} {below[0][0]:.0f}"
        ax.text(LEAST - 0.8, -0.36, f"◀ {said}", fontsize=6.5, color=NOTE, va="center")
    ax.set_ylim(-0.5, 0.5)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    title = f"{row.backbone} ({row.track}): {row.score} of the untrained encoder {row.untrained:.1f}"
    ax.set_title(title, loc="left", fontsize=7.5, pad=2)


def _apart(values: Sequence[float]) -> Iterable[float]:
    """Heights at which dots of near values do not hide each other."""
    taken: list[tuple[float, float]] = []
    heights = dict[int, float]()
    for place in sorted(range(len(values)), key=lambda place: values[place]):
        step = 0
        while True:
            height = DOT * 1.4 * ((step + 1) // 2) * (1 if step % 2 else -1)
            if abs(height) > 0.34 or all(abs(values[place] - x) > 0.5 or abs(height - y) > 1e-9 for x, y in taken):
                break
            step += 1
        heights[place] = height if abs(height) <= 0.34 else 0.0
        taken.append((values[place], heights[place]))
    return [heights[place] for place in range(len(values))]
