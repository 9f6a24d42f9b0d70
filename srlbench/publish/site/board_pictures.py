"""The pictures of a leaderboard, with their titles and captions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from srlbench.analysis.leaderboard.board import Row
from srlbench.publish.site import pictures
from srlbench.publish.site.contents import METHODS, TrackResults
from srlbench.publish.site.pictures import Mean
from srlbench.publish.site.svg import Picture, picture
from srlbench.records import Record
from srlbench.stats import Summary, average, label, mean_interval, summarise

DEV = "dev (Spearman × 100)"
MAPPED = {"gradients.dissipation_mean": "gradient dissipation", "gradients.ratio_median": "ratio"}
Rows = dict[str, Row]  # by the name that a picture shows


def drawn(results: TrackResults) -> Iterator[Picture]:
    """Every picture of the table that its rows have the numbers for."""
    several = len({row.backbone for row in results.board.rows}) > 1
    kept = [row for row in results.board.rows if row.seeds and row.state != "stale"]
    rows = {row.name if several else row.recipe: row for row in kept}
    for draw in (_forest, _plane, _cost, _words, _dynamics, _map):
        if rows and (found := draw(results, rows)):
            yield found


def _forest(results: TrackResults, rows: Rows) -> Picture:
    means: dict[str, dict[str, Mean]] = {}
    for name, row in rows.items():
        scores = results.scores(row).values()
        for group in map(average, results.board.scope.groups):
            if scores and isinstance(cell := row.cells[group], Summary):
                seeds = [values[group] for values in scores if group in values]
                means.setdefault(name, {})[label(group)] = Mean(cell.mean, mean_interval(cell), seeds)
    control = next((name for name, row in rows.items() if row.recipe == results.rules.control), None)
    dashed = f" Dashed: the control, {results.rules.control}." if control else ""
    return picture(
        pictures.forest(means, control, cut=True),
        "forest",
        "Averages with their intervals",
        "One line a recipe, in the order of the table above; its numbers are there.",
        "Mean over seeds with Student’s 95% interval; pale dots are seeds."
        f"{dashed} What lies far below is at the edge, with its mean.",
        pictures.of_means(means),
    )


def _points(
    results: TrackResults, rows: Rows, x: Callable[[Row], float | None], y: Callable[[Row], float | None]
) -> dict[str, pictures.Point]:
    found = {name: (x(row), y(row), results.kind(row.recipe)) for name, row in rows.items()}
    return {name: pictures.Point(a, b, kind) for name, (a, b, kind) in found.items() if a is not None and b is not None}


def _plane(results: TrackResults, rows: Rows) -> Picture | None:
    uniformity, alignment = (
        lambda row, n=name: row.measures[n].mean if n in row.measures else None for name in ("uniformity", "alignment")
    )
    points = _points(results, rows, uniformity, alignment)
    if len(points) < 2:
        return None
    return picture(
        pictures.plane(points, "uniformity", "alignment"),
        "plane",
        "Alignment and uniformity",
        "A point a recipe; the numbers are in the table of diagnostics.",
        "Less of both is better: pairs that mean the same lie closer (down), sentences are spread more evenly (left).",
        pictures.of_points(points, "uniformity", "alignment"),
    )


def _cost(results: TrackResults, rows: Rows) -> Picture | None:
    def seconds(row: Row) -> float | None:
        taken = [s for run in results.of(row).values() if (s := run.timings.get("total_s"))]
        return fmean(taken) if taken else None

    def score(row: Row) -> float | None:
        cell = row.cells[results.board.scope.primary]
        return cell.mean if isinstance(cell, Summary) else None

    points = _points(results, rows, seconds, score)
    if len(points) < 2:
        return None
    log = pictures.decades([point.x for point in points.values()])
    axis = "seconds a run took: training, evaluation, diagnosis"
    return picture(
        pictures.plane(points, axis, label(results.board.scope.primary), cut=True, log=log),
        "cost",
        "Cost against score",
        "A point a recipe: seconds of a run, and its first average; both are on its own page.",
        "Mean over seeds. Seconds are those of the machines that made the records, and say the order of cost only.",
        pictures.of_points(points, "seconds", label(results.board.scope.primary)),
    )


def _words(results: TrackResults, rows: Rows) -> Picture | None:
    means: dict[str, dict[str, Mean]] = {}
    for name, row in rows.items():
        for method, title in METHODS.items():
            if found := results.measured(row, f"words.{method}.information_gain.r2"):
                one = summarise(found)
                means.setdefault(name, {})[title] = Mean(one.mean, mean_interval(one), found)
    if not means:
        return None
    return picture(
        pictures.forest(dict(sorted(means.items(), key=lambda item: -next(iter(item[1].values())).mean))),
        "words",
        "Word weight",
        "One line a recipe and a panel a method; R² is in the table of diagnostics and on each page.",
        "R² of the regression of a word’s weight on its information gain: how closely the encoder "
        "weights words by what they tell. Means over seeds with 95% intervals.",
        pictures.of_means(means),
    )


def along(runs: Sequence[Record], path: str) -> dict[float, list[float]]:
    """A diagnostic of several runs, at every step of the training at which it was measured."""
    found: dict[float, list[float]] = {}
    for run in runs:
        for number in range(len(run.diagnostics.get("dynamics") or ())):
            step, value = (run.measured(f"dynamics.{number}.{key}") for key in ("step", path))
            if step is not None and value is not None:
                found.setdefault(step, []).append(value)
    return found


def _series(results: TrackResults, rows: Rows, path: str) -> dict[str, dict[float, float]]:
    found = {name: along(list(results.of(row).values()), path) for name, row in rows.items()}
    return {name: {step: fmean(v) for step, v in sorted(steps.items())} for name, steps in found.items() if steps}


def _dynamics(results: TrackResults, rows: Rows) -> Picture | None:
    series = _series(results, rows, "dev")
    if not series:
        return None
    return picture(
        pictures.multiples(series, DEV),
        "dynamics",
        "Learning dynamics",
        "The development score of every trained recipe while it trains, a small panel each.",
        f"{DEV} while training, mean over seeds, before the grey band of all recipes. Each page has more measures.",
        pictures.of_series({DEV: series}),
    )


def _map(results: TrackResults, rows: Rows) -> Picture | None:
    panels = {title: _series(results, rows, path) for path, title in MAPPED.items()}
    if not all(panels.values()):
        return None
    return picture(
        pictures.shades(panels, ((0.0, 1.25), (0.0, 2.0))),
        "gradients",
        "Gradient maps",
        "Shades of gradient dissipation and ratio, a line a recipe and a column a step.",
        "What the gradient is made of while training (arXiv 2402.18281): dissipation is 1 where an update is as strong "
        "as ever and 0 where it is switched off; ratio is pull over pushes. "
        "Empty: undefined there, or not looked at; what is beyond the shades has the last of them.",
        pictures.of_series(panels),
    )
