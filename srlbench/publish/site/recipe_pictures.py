"""The pictures of one recipe: of its training, and of its scores along a setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from math import inf, isfinite, log10
from statistics import fmean, stdev
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from srlbench import variants
from srlbench.analysis.leaderboard.board import Row
from srlbench.publish.site import pictures
from srlbench.publish.site.board_pictures import MAPPED, along
from srlbench.publish.site.contents import TrackResults
from srlbench.publish.site.pictures import WIDE
from srlbench.publish.site.svg import NOTE, SERIES, STYLE, Numbers, Picture, picture, set_titles, sheet
from srlbench.records import Record
from srlbench.stats import average, label, summarise, with_averages

OBSERVED = {
    "dev": "dev, Spearman × 100",
    "uniformity": "uniformity",
    "alignment": "alignment",
    "anisotropy": "anisotropy",
    "intra_similarity": "intra-sentence similarity",
    **MAPPED,
}
LEVELS = 2  # values of a setting that make a curve
BAND = "mean over the seeds, with one standard deviation"
Along = Mapping[float, Sequence[float]]  # step or setting -> one value a seed
Ends = tuple[float, float]


def drawn(results: TrackResults, row: Row, name: str) -> Iterator[Picture]:
    """Its training, and its scores along every setting that was swept; `name` begins the names of the pictures."""
    runs = list(results.of(row).values())
    panels: dict[str, Along] = {"training loss": losses} if (losses := _losses(runs)) else {}
    panels |= {title: found for path, title in OBSERVED.items() if (found := along(runs, path))}
    if panels:
        yield picture(
            _training(panels),
            f"{name}-training",
            "Learning dynamics and gradients",
            f"{row.recipe}: {', '.join(panels)} against the training step.",
            f"Against the training step: {BAND}.",
            _numbers(panels, "step"),
        )
    yield from _settings(results, row, name)


def _losses(runs: Sequence[Record]) -> dict[float, list[float]]:
    """The recorded losses, which are means of equal stretches of the training."""
    found: dict[float, list[float]] = {}
    for run in runs:
        losses, steps = run.training.get("losses") or [], number_of(run.training.get("steps"))
        for number, loss in enumerate(losses if isinstance(losses, list) else [], 1):
            if steps and (value := number_of(loss)) is not None:
                found.setdefault(steps * number / len(losses), []).append(value)
    return found


def _settings(results: TrackResults, row: Row, name: str) -> Iterator[Picture]:
    """A curve for each setting that alone takes several values, as sparsity does."""
    groups = results.board.scope.groups
    curves: dict[str, dict[float, list[Record]]] = {}
    for variant, runs in changed(results, row).items():
        changes = variants.parse(variant)
        if len(changes) == 1 and isinstance(level := next(iter(changes.values())), int | float):
            curves.setdefault(next(iter(changes)), {})[float(level)] = runs
    for number, (key, levels) in enumerate(sorted(curves.items())):
        if len(levels) < LEVELS:
            continue
        panels: dict[str, dict[float, list[float]]] = {}
        for level, runs in sorted(levels.items()):
            for run in runs:
                scores = with_averages(run.scores, groups)
                values = {label(average(group)): scores.get(average(group)) for group in groups}
                values |= {title: run.measured(f"pairs.{title}") for title in ("alignment", "uniformity")}
                for title, value in values.items():
                    if value is not None:
                        panels.setdefault(title, {}).setdefault(level, []).append(value)
        yield picture(
            _setting(panels, key, pictures.decades([level for level in levels if level])),
            f"{name}-curve-{number}",
            f"Scores along {key}",
            f"{row.recipe}: {', '.join(panels)} for {key} of {', '.join(f'{x:g}' for x in levels)}.",
            f"Along {key}: {BAND}; the averages are in the table “With other settings”.",
            _numbers(panels, key),
        )


def _numbers(panels: Mapping[str, Along], across: str) -> Numbers:
    """What is drawn, a line for each place of each panel: mean, standard deviation and number of seeds."""
    lines: list[list[str | float | None]] = [["value", across, "mean", "sd", "seeds"]]
    for title, series in panels.items():
        for x, values in series.items():
            one = summarise(values)
            lines.append([title, float(x), one.mean, one.sd, one.n])
    return lines


def changed(results: TrackResults, row: Row) -> dict[str, list[Record]]:
    """The runs of the recipe's variants, by their names."""
    found: dict[str, list[Record]] = {}
    for run in results.runs:
        own = variants.is_variant(run.recipe) and variants.base(run.recipe) == row.recipe
        if own and (run.backbone, run.protocol, run.status) == (row.backbone, results.board.scope.protocol, "ok"):
            found.setdefault(run.recipe, []).append(run)
    return found


def number_of(value: Any) -> float | None:
    return value if isinstance(value, int | float) else None


def _training(panels: Mapping[str, Along]) -> Figure:
    """Small panels over the training steps; the next call draws on the same figure."""
    figure, axes = _panels(len(panels))
    for ax, (title, series) in zip(axes, panels.items(), strict=True):
        for artist in (*ax.lines, *ax.collections, *ax.texts):
            artist.remove()
        (left, right), (low, high) = _line(ax, series)
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
            ax.tick_params(length=0)
        return figure, list(axes.flat[:count])


def _setting(panels: Mapping[str, Along], key: str, log: bool) -> Figure:
    """Scores along a setting of the recipe; 0, which has no place on a logarithmic axis, is a line across."""
    margins = {"left": 0.07, "right": 0.99, "top": 0.88, "bottom": 0.2}
    with sheet(WIDE, 2.1, 1, len(panels), wspace=0.34, **margins) as (figure, axes):
        for ax, (title, series) in zip(axes[0], panels.items(), strict=True):
            kept = {x: values for x, values in series.items() if x or not log}
            _line(ax, kept, "o")
            if log and (none := series.get(0.0)):
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
    positions = [log10(x) if log else x for x in values]
    reach = positions[-1] - positions[0] if len(positions) > 1 else 1.0
    labels: list[str] = []
    end = -inf
    for x, position in zip(values, positions, strict=True):
        text, middle = f"{x:g}", (position - positions[0]) / reach
        half = 0.024 * len(text)  # of a number's width, in widths of the axis
        labels.append(text if middle - half > end else "")
        end = middle + half + 0.03 if labels[-1] else end
    return labels


def _line(ax: Axes, series: Along, marker: str = "") -> tuple[Ends, Ends]:
    """Mean and sd over the seeds; how far they reach across and up."""
    found = {x: kept for x, values in sorted(series.items()) if (kept := [v for v in values if isfinite(v)])}
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
