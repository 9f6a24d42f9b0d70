"""Figures from plain numbers: learning dynamics, simulation maps, swept parameters. SVG or PNG, by the file's suffix.

The same numbers give the same bytes. Only callers that draw should import this: it loads matplotlib.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil, inf, isfinite, nan, pi
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

Number = float | None
Series = Mapping[str, Sequence[Number]]
Table = Sequence[Sequence[float]]
Key = float | str

# Okabe and Ito, without their yellow (too light for a line) and with grey kept for context.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = "osD^vPX"
CONTEXT, EMPTY = "#D3D3D3", "#E4E4E4"
COLUMN, PAGE = 3.4, 7.0  # inches: one column of a two-column paper, and both
TOGETHER = 8  # more lines than this in one panel cannot be told apart
STYLE = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.3,
    "savefig.dpi": 200,
    "svg.hashsalt": "srlbench",
}
TICKS = {
    "dissipation": {0.0: "0", 0.5: "0.5", 1.0: "1"},
    "ratio": {1 / 8: "1/8", 1 / 4: "1/4", 1 / 2: "1/2", 1.0: "1", 2.0: "2", 4.0: "4", 8.0: "8"},
}
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
        draw = _together if len(runs) <= TOGETHER else _apart
        _save(draw({name: _over_seeds(seeds, panels) for name, seeds in runs.items()}, panels, _counts(runs)), path)


def maps(found: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Simulation maps: a row for each loss, dissipation and ratio side by side, one scale for each column.

    found: by loss, "positive" and "negative" (the axes, radians), "dissipation" and "ratio" (rows: positive).
    """
    with rc_context(STYLE):
        rows = len(found)
        figure = Figure(figsize=(COLUMN + 0.6, 0.75 + 1.15 * rows), layout="constrained")
        axes = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False)
        ratios = [v for one in found.values() for v in _finite(one["ratio"]) if v > 0]
        reach = min(max([2.0, *ratios, *(1 / v for v in ratios)]), 8.0)
        scales = [
            ("dissipation", "Gradient dissipation", colormaps["cividis"], Normalize(0, 1), (0.0, 1.0)),
            ("ratio", "Ratio", colormaps["PuOr_r"], LogNorm(1 / reach, reach), (1 / reach, reach)),
        ]
        for column, (key, title, palette, norm, ends) in enumerate(scales):
            for ax, (name, one) in zip(axes[:, column], found.items(), strict=True):
                drawn = _cells(ax, one, key, palette, norm)
                if not column:
                    ax.set_ylabel(f"{name}\n" + r"$\mu_\mathrm{pos}$ (rad)")
            axes[0, column].set_title(title)
            axes[-1, column].set_xlabel(r"$\mu_\mathrm{neg}$ (rad)")
            extend = _extend([v for one in found.values() for v in _finite(one[key])], *ends)
            bar = figure.colorbar(drawn, ax=axes[:, column], location="bottom", aspect=22, extend=extend, pad=0.02)
            bar.set_ticks(list(TICKS[key]), labels=list(TICKS[key].values()))
            bar.ax.minorticks_off()
            bar.ax.set_xlim(*ends)
        if any(not isfinite(v) for one in found.values() for v in _flat(one["ratio"])):
            figure.supxlabel("hatched: too little gradient is left to have a ratio", fontsize=7, color="#555555")
        _save(figure, path)


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
    with rc_context(STYLE):
        table = {key: [v for v in values if isfinite(v)] for key, values in scores.items()}
        across, upwards = (sorted(part) if numeric else part for part in (first, second))
        if heat:
            figure = _heat(table, across, upwards, names, score)
        else:
            figure = _lines(table, across, upwards, names, score, log)
        _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    """Write without a date or a version, so that the same figure is the same bytes."""
    said: dict[str, dict[str, str | None]] = {
        ".svg": {"Date": None, "Creator": "srlbench"},
        ".png": {"Software": "srlbench"},
    }
    if path.suffix not in said:
        raise ValueError(f"A figure is written as {' or '.join(said)}, not as '{path.suffix}'.")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata=said[path.suffix])


Curve = dict[str, tuple[list[float], list[float], list[float]]]  # panel -> steps, means, sds


def _over_seeds(seeds: Sequence[Series], panels: Sequence[str]) -> Curve:
    """Mean and sd at every step that some seed has a value for; one seed has no sd."""
    out: Curve = {}
    for panel in panels:
        at: dict[float, list[float]] = {}
        for run in seeds:
            for step, value in zip(run["step"], run.get(panel, ()), strict=False):
                if step is not None and value is not None and isfinite(value):
                    at.setdefault(step, []).append(value)
        steps = sorted(at)
        out[panel] = (steps, [fmean(at[s]) for s in steps], [_sd(at[s]) for s in steps])
    return out


def _sd(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 else nan


def _counts(scores: Mapping[Any, Sequence[Any]]) -> str:
    """What the intervals are, in words."""
    sizes = sorted({len(values) for values in scores.values()} - {0})
    n = f"n = {sizes[0]}" if len(sizes) == 1 else f"n = {sizes[0]}–{sizes[-1]}" if sizes else "n = 0"
    return f"mean ± sd over seeds, {n}" if sizes and sizes[-1] > 1 else "one seed: no interval"


def _band(ax: Axes, curve: tuple[list[float], list[float], list[float]], colour: str, dash: Any, label: str) -> None:
    steps, means, sds = curve
    ax.plot(steps, means, color=colour, linestyle=dash, label=label, zorder=3)
    spread = [0.0 if not isfinite(sd) else sd for sd in sds]
    ax.fill_between(
        steps,
        [m - sd for m, sd in zip(means, spread)],
        [m + sd for m, sd in zip(means, spread)],
        color=colour,
        alpha=0.18,
        linewidth=0,
        zorder=2,
    )


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
    for ax, panel in zip(axes, panels, strict=True):
        for place, (name, curve) in enumerate(curves.items()):
            _band(ax, curve[panel], COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)], name)
        _scale(ax, panel, _reached(curves.values(), panel))
        ax.set_ylabel(LABELS.get(panel, panel))
    axes[-1].set_xlabel("training step")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, handlelength=2.4)
    axes[0].set_title(said, fontsize=7, color="#555555", loc="right")
    return figure


def _apart(curves: Mapping[str, Curve], panels: Sequence[str], said: str) -> Figure:
    """For each panel a block of small multiples, one a loss, over the means of all losses in grey."""
    columns = 5
    rows = ceil(len(curves) / columns)
    height = 0.7 + 0.95 * rows  # inches of a block; margins are set by hand, so that the blocks stand in line
    figure = Figure(figsize=(PAGE, height * len(panels)))
    blocks = figure.subfigures(len(panels), 1, squeeze=False)[:, 0]
    for number, (block, panel) in enumerate(zip(blocks, panels, strict=True)):
        _block(block, curves, panel, COLOURS[number % len(COLOURS)], rows, columns)
        name = LABELS.get(panel, panel)
        block.subplots_adjust(0.075, 0.42 / height, 0.99, 1 - 0.4 / height, wspace=0.12, hspace=0.48)
        block.suptitle(f"{name.capitalize()} ({said}; grey: the other losses)", fontsize=8, y=1 - 0.08 / height)
        block.supxlabel("training step", fontsize=8, y=0.06 / height)
        block.supylabel(name, fontsize=8, x=0.005)
    return figure


def _block(block: SubFigure, curves: Mapping[str, Curve], panel: str, colour: str, rows: int, columns: int) -> None:
    axes = block.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    _scale(axes[0, 0], panel, _reached(curves.values(), panel))
    for ax in axes.flat[len(curves) :]:
        ax.remove()
    for place, (name, ax) in enumerate(zip(curves, axes.flat)):
        for other in curves:
            if other != name:
                ax.plot(*curves[other][panel][:2], color=CONTEXT, linewidth=0.6, zorder=1.5)
        if panel == "ratio" and place:
            ax.axhline(1, color="#888888", linewidth=0.6, zorder=1)
        _band(ax, curves[name][panel], colour, "-", name)
        ax.set_title(name, fontsize=7, pad=2)
        ax.tick_params(labelsize=6, length=2)
        ax.xaxis.set_major_locator(MaxNLocator(3))
        if place + columns >= len(curves):  # nothing stands below it
            ax.tick_params(labelbottom=True)


def _reached(curves: Iterable[Curve], panel: str) -> list[float]:
    return [
        mean + side * (sd if isfinite(sd) else 0.0)
        for curve in curves
        for mean, sd in zip(*curve[panel][1:], strict=True)
        for side in (-1, 1)
    ]


def _flat(table: Table) -> list[float]:
    return [float(value) for row in table for value in row]


def _finite(table: Table) -> list[float]:
    return [value for value in _flat(table) if isfinite(value)]


def _extend(values: Sequence[float], low: float, high: float) -> str:
    """Which ends of a colour bar stand for more than they say."""
    under, over = min(values, default=low) < low - 1e-6, max(values, default=high) > high + 1e-6
    return {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}[under, over]


def _cells(ax: Axes, one: Mapping[str, Any], key: str, palette: Colormap, norm: Normalize) -> Any:
    ax.patch.set(facecolor=EMPTY, hatch="/////", edgecolor="#BDBDBD", linewidth=0)
    across, upwards = one["negative"], one["positive"]
    # A ratio below zero has no logarithm; it belongs to the lowest colour and not to the hatching.
    shown = [[max(v, 1e-12) if key == "ratio" and isfinite(v) else v for v in row] for row in one[key]]
    drawn = ax.pcolormesh(across, upwards, shown, cmap=palette, norm=norm, rasterized=True)
    # The outer half of the outermost cells lies beyond the simulated range, by another width for each grid.
    ax.set(xlim=(across[0], across[-1]), ylim=(upwards[0], upwards[-1]))
    ax.set_xticks([pi / 20, pi / 2, pi], labels=["π/20", "π/2", "π"])
    ax.set_yticks([pi / 20, pi / 4, pi / 2], labels=["π/20", "π/4", "π/2"])
    return drawn


def _lines(
    table: Mapping[tuple[Any, Any], list[float]],
    first: Sequence[Any],
    second: Sequence[Any],
    names: tuple[str, str],
    score: str,
    log: bool,
) -> Figure:
    figure = Figure(figsize=(COLUMN, 2.5), layout="constrained")
    ax = figure.subplots()
    numeric = not any(isinstance(value, str) for value in first)
    for place, value in enumerate(second):
        points = [(x if numeric else n, table[x, value]) for n, x in enumerate(first) if table.get((x, value))]
        ax.errorbar(
            [x for x, _ in points],
            [fmean(values) for _, values in points],
            yerr=[sd if isfinite(sd := _sd(values)) else 0.0 for _, values in points],
            color=COLOURS[place % len(COLOURS)],
            linestyle=DASHES[place % len(DASHES)],
            marker=MARKERS[place % len(MARKERS)],
            markersize=3.5,
            capsize=2,
            elinewidth=0.8,
            label=f"{names[1]} = {value:g}" if not isinstance(value, str) else value,
        )
    if log and numeric:
        ax.set_xscale("log")
    if numeric and len(first) <= 8:
        ax.set_xticks(first, labels=[f"{x:g}" for x in first], minor=False)
        ax.minorticks_off()
    elif not numeric:
        ax.set_xticks(range(len(first)), labels=list(map(str, first)))
    ax.set_xlabel(names[0])
    ax.set_ylabel(score)
    ax.set_title(_counts(table), fontsize=7, color="#555555", loc="right")
    if len(second) > 1 or isinstance(second[0], str):
        figure.legend(loc="outside upper center", ncols=3, handlelength=2.6)
    return figure


def _heat(
    table: Mapping[tuple[Any, Any], list[float]],
    first: Sequence[Any],
    second: Sequence[Any],
    names: tuple[str, str],
    score: str,
) -> Figure:
    """The first parameter across, the second upwards; the mean in each cell, its sd below."""
    figure = Figure(figsize=(max(COLUMN, 0.9 + 0.52 * len(first)), 0.9 + 0.36 * len(second)), layout="constrained")
    ax = figure.subplots()
    means = [[fmean(v) if (v := table.get((x, y))) else nan for x in first] for y in second]
    ax.patch.set(facecolor=EMPTY, hatch="/////", edgecolor="#BDBDBD", linewidth=0)
    drawn = ax.imshow(means, cmap="cividis", origin="lower", aspect="auto")
    for row, y in enumerate(second):
        for column, x in enumerate(first):
            values = table.get((x, y))
            if not values:
                continue
            dark = drawn.norm(means[row][column]) < 0.5
            text = f"{means[row][column]:.1f}" + (f"\n±{_sd(values):.1f}" if len(values) > 1 else "")
            ax.text(column, row, text, ha="center", va="center", fontsize=6.5, color="white" if dark else "black")
    ax.set_xticks(range(len(first)), labels=[_short(x) for x in first])
    ax.set_yticks(range(len(second)), labels=[_short(y) for y in second])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlabel(names[0])
    ax.set_ylabel(names[1])
    ax.set_title(_counts(table), fontsize=7, color="#555555", loc="right")
    figure.colorbar(drawn, ax=ax, label=score, aspect=15)
    return figure


def _short(value: Key) -> str:
    return value if isinstance(value, str) else f"{value:g}"
