"""The pictures of a leaderboard, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from srlbench.analysis.leaderboard.board import Row
from srlbench.publish.site import pictures
from srlbench.publish.site.contents import METHODS, Picture, TrackResults
from srlbench.records import Record
from srlbench.stats import Summary, average, label, mean_interval, summarise

DEV = "dev (Spearman × 100)"
MAPPED = {"gradients.dissipation_mean": "gradient dissipation", "gradients.ratio_median": "ratio"}


def drawn(results: TrackResults) -> Iterator[Picture]:
    """Every picture of the table that its rows have the numbers for."""
    rows = {_called(results, row): row for row in results.board.rows if row.seeds and row.state != "stale"}
    for draw in (_forest, _plane, _cost, _words, _dynamics, _map):
        if rows and (found := draw(results, rows)):
            yield found


def _called(results: TrackResults, row: Row) -> str:
    return row.name if len({row.backbone for row in results.board.rows}) > 1 else row.recipe


def _forest(results: TrackResults, rows: dict[str, Row]) -> Picture:
    groups = list(map(average, results.board.scope.groups))
    means = {
        called: {
            label(name): pictures.Mean(cell.mean, mean_interval(cell), [v[name] for v in scores.values() if name in v])
            for name in groups
            if isinstance(cell := row.cells[name], Summary) and (scores := results.scores(row))
        }
        for called, row in rows.items()
    }
    kept = {called: each for called, each in means.items() if each}
    control = next((c for c, row in rows.items() if row.recipe == results.rules.control), None)
    said = (
        "Averages with their intervals",
        "One line a recipe, in the order of the table above; its numbers are there.",
    )
    dashed = f" Dashed: the control, {results.rules.control}." if control else ""
    caption = (
        "Mean over seeds with Student’s 95% interval; pale dots are seeds."
        f"{dashed} What lies far below is at the edge, with its mean."
    )
    return Picture("forest", said[0], pictures.forest("forest", said, kept, control, cut=True), caption)


def _points(
    results: TrackResults, rows: dict[str, Row], x: Callable[[Row], float | None], y: Callable[[Row], float | None]
) -> dict[str, pictures.Point]:
    found = {called: (x(row), y(row), results.kind(row.recipe)) for called, row in rows.items()}
    return {c: pictures.Point(a, b, kind) for c, (a, b, kind) in found.items() if a is not None and b is not None}


def _plane(results: TrackResults, rows: dict[str, Row]) -> Picture | None:
    taken = {
        name: lambda row, n=name: row.measures[n].mean if n in row.measures else None
        for name in ("alignment", "uniformity")
    }
    points = _points(results, rows, taken["uniformity"], taken["alignment"])
    if len(points) < 2:
        return None
    said = ("Alignment and uniformity", "A point a recipe; the numbers are in the table of diagnostics.")
    caption = (
        "Less of both is better: pairs that mean the same lie closer (down), sentences are spread more evenly (left)."
    )
    svg = pictures.plane("plane", said, points, ("uniformity", "alignment"))
    return Picture("plane", said[0], svg, caption)


def _cost(results: TrackResults, rows: dict[str, Row]) -> Picture | None:
    primary = average(next(iter(results.board.scope.groups)))

    def seconds(row: Row) -> float | None:
        taken = [s for run in results.of(row).values() if (s := run.timings.get("total_s"))]
        return fmean(taken) if taken else None

    def score(row: Row) -> float | None:
        cell = row.cells[primary]
        return cell.mean if isinstance(cell, Summary) else None

    points = _points(results, rows, seconds, score)
    if len(points) < 2:
        return None
    said = (
        "Cost against score",
        "A point a recipe: seconds of a run, and its first average; both are on its own page.",
    )
    log = pictures.decades([point.x for point in points.values()])
    named = ("seconds a run took: training, evaluation, diagnosis", label(primary))
    caption = (
        "Mean over seeds. Seconds are those of the machines that made the records, and say the order of cost only."
    )
    return Picture("cost", said[0], pictures.plane("cost", said, points, named, cut=True, log=log), caption)


def _words(results: TrackResults, rows: dict[str, Row]) -> Picture | None:
    means: dict[str, dict[str, pictures.Mean]] = {}
    for called, row in rows.items():
        for method, title in METHODS.items():
            path = f"words.{method}.information_gain.r2"
            if found := [v for run in results.of(row).values() if (v := run.measured(path)) is not None]:
                one = summarise(found)
                means.setdefault(called, {})[title] = pictures.Mean(one.mean, mean_interval(one), found)
    if not means:
        return None
    said = (
        "Word weight",
        "One line a recipe and a panel a method; R² is in the table of diagnostics and on each page.",
    )
    caption = (
        "R² of the regression of a word’s weight on its information gain: how closely the encoder "
        "weights words by what they tell. Means over seeds with 95% intervals."
    )
    ordered = dict(sorted(means.items(), key=lambda item: -next(iter(item[1].values())).mean))
    return Picture("words", said[0], pictures.forest("words", said, ordered, None, cut=False), caption)


def along(runs: Sequence[Record], path: str) -> dict[float, list[float]]:
    """A measure of several runs at every step that was looked at."""
    found: dict[float, list[float]] = {}
    for run in runs:
        for place in range(len(run.diagnostics.get("dynamics") or ())):
            step, taken = (run.measured(f"dynamics.{place}.{each}") for each in ("step", path))
            if step is not None and taken is not None:
                found.setdefault(step, []).append(taken)
    return found


def _series(results: TrackResults, rows: dict[str, Row], path: str) -> dict[str, dict[float, float]]:
    found = {called: along(list(results.of(row).values()), path) for called, row in rows.items()}
    return {c: {step: fmean(v) for step, v in sorted(each.items())} for c, each in found.items() if each}


def _dynamics(results: TrackResults, rows: dict[str, Row]) -> Picture | None:
    series = _series(results, rows, "dev")
    if not series:
        return None
    said = ("Learning dynamics", "The development score of every trained recipe while it trains, a small panel each.")
    caption = (
        f"{DEV} while training, mean over seeds, before the grey band of all recipes. Each page has more measures."
    )
    return Picture("dynamics", said[0], pictures.multiples("dynamics", said, series, DEV), caption)


def _map(results: TrackResults, rows: dict[str, Row]) -> Picture | None:
    panels = {title: _series(results, rows, path) for path, title in MAPPED.items()}
    if not all(panels.values()):
        return None
    said = ("Gradient maps", "Shades of gradient dissipation and ratio, a line a recipe and a column a step.")
    caption = (
        "What the gradient is made of while training (arXiv 2402.18281): dissipation is 1 where an update is as strong "
        "as ever and 0 where it is switched off; ratio is pull over pushes. "
        "Empty: undefined there, or not looked at; what is beyond the shades has the last of them."
    )
    svg = pictures.shades("gradients", said, panels, ((0.0, 1.25), (0.0, 2.0)))
    return Picture("gradients", said[0], svg, caption)
