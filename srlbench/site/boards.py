"""The leaderboard of a track as tables and pictures; the rows and their ranks are those of `srlbench leaderboard`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from srlbench import dynamics
from srlbench.leaderboard import MEASURES, Row
from srlbench.records import Record
from srlbench.site import pictures
from srlbench.site.contents import Cell, Column, Line, Picture, Results, Table, recipe_page
from srlbench.stats import Summary, average, label, mean_interval, summarise
from srlbench.tables import TITLES

METHODS = {"integrated-gradients": "integrated gradients", "leave-one-out": "leave one out", "shapley": "Shapley values"}
MARKS = {"one seed": "◔", "partial": "◑", "failed": "✕", "not run": "○", "unregistered": "?", "stale": "↺"}
DEV = "dev (Spearman × 100)"
# Of the anchors the median: where a gradient all but vanishes a share of it can be anything, and one such is a mean.
MAPPED = {"gradients.dissipation_median": "gradient dissipation", "gradients.ratio_median": "ratio"}


def averages(results: Results) -> Table:
    """Rank, recipe and each average with its interval."""
    board = results.board
    columns = [Column("rank"), Column("recipe", False), Column("kind", False), Column("backbone", False)]
    for group in board.groups:
        columns += [Column(label(average(group))), Column("95% interval", about=f"of {label(average(group))}")]
    if board.compared:
        columns.append(Column("vs published", False))
    ranks = Counter(row.rank for row in board.rows)
    lines = []
    for row in board.rows:
        cells = [_standing(row, ranks), _recipe(row), Cell(results.kind(row.recipe)), Cell(row.backbone)]
        for group in board.groups:
            cells += [value(row, average(group)), span(row, average(group))]
        lines.append(_line(results, row, [*cells, Cell(row.reproduction)] if board.compared else cells))
    return Table("averages", "Averages", columns, lines, header=1)


def tasks(results: Results) -> Iterator[Table]:
    """One table a group."""
    rows = [row for row in results.board.rows if row.seeds or row.failed]
    for group, names in results.board.groups.items():
        title = label(average(group)).removesuffix(" avg")
        columns = [Column("recipe", False), *(Column(name.replace("Benchmark", "B")) for name in names)]
        lines = [_line(results, row, [_recipe(row), *(value(row, name, 1) for name in names)]) for row in rows]
        yield Table(f"tasks-{group}", f"{title if title.isupper() else title.capitalize()} tasks", columns, lines)


def diagnostics(results: Results) -> Table | None:
    """What the encoders are like, beside how they score."""
    rows = [row for row in results.board.rows if row.measures]
    columns = [Column("recipe", False), *(Column(TITLES.get(name, name)) for name in MEASURES)]
    lines = [_line(results, row, [_recipe(row), *(measure(row.measures.get(m)) for m in MEASURES)]) for row in rows]
    return Table("diagnostics", "Diagnostics", columns, lines) if rows else None


def value(row: Row, name: str, digits: int = 2) -> Cell:
    """Mean ± sd (n), or why there is none."""
    found = row.cells[name]
    if not isinstance(found, Summary):
        return Cell(f"{MARKS[found]} {found}", mark=found.replace(" ", "-"))
    same = "†" if row.deterministic else ""
    spread = f" ± {found.sd:.{digits}f}" if found.sd is not None and not same else ""
    count = f" ({found.n})" if digits > 1 else ""
    return Cell(f"{found.mean:.{digits}f}{same}{spread}{count}", found.mean)


def span(row: Row, name: str) -> Cell:
    found = row.cells[name]
    between = mean_interval(found) if isinstance(found, Summary) and not row.deterministic else None
    return Cell(f"{between[0]:.2f} – {between[1]:.2f}", between[0], mark="quiet") if between else Cell("–", mark="quiet")


def listed(seeds: Sequence[int]) -> str:
    """Seeds as the command line takes them."""
    whole = len(seeds) > 1 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]}-{seeds[-1]}" if whole else ",".join(map(str, seeds))


def measure(taken: Summary | None) -> Cell:
    if taken is None:
        return Cell("not run", mark="not-run")
    spread = f" ± {taken.sd:.3f}" if taken.sd else ""
    return Cell(f"{taken.mean:.3f}".replace("-", "−") + spread, taken.mean)


def _standing(row: Row, ranks: Counter[int | None]) -> Cell:
    if row.rank is None:
        return Cell(f"{MARKS[row.state]} {row.state}", mark=f"state {row.state.replace(' ', '-')}")
    return Cell(f"{row.rank}{'=' if ranks[row.rank] > 1 else ''}", row.rank, mark="rank")


def _recipe(row: Row) -> Cell:
    name = f"{row.recipe} {row.fingerprint[:6]}" if row.state == "stale" else row.recipe
    return Cell(name, name, recipe_page(row.recipe))


def _line(results: Results, row: Row, cells: Sequence[Cell]) -> Line:
    return Line(cells, row.state.replace(" ", "-"), row.backbone, results.kind(row.recipe))


# --- pictures ------------------------------------------------------------------------------------


def drawn(results: Results) -> Iterator[Picture]:
    """Every picture of the table that its rows have the numbers for."""
    rows = {_called(results, row): row for row in results.board.rows if row.seeds and row.state != "stale"}
    for draw in (_forest, _plane, _cost, _words, _dynamics, _map):
        if rows and (found := draw(results, rows)):
            yield found


def _called(results: Results, row: Row) -> str:
    return row.name if len({row.backbone for row in results.board.rows}) > 1 else row.recipe


def _forest(results: Results, rows: dict[str, Row]) -> Picture:
    groups = list(map(average, results.board.groups))
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
    said = ("Averages with their intervals", "One line a recipe, in the order of the table above; its numbers are there.")
    caption = (
        "Mean over seeds with Student’s 95% interval; pale dots are seeds. "
        f"Dashed: the control, {results.rules.control}. What lies far below is at the edge, with its mean."
    )
    return Picture("forest", pictures.forest("forest", said, kept, control, cut=True), caption)


def _points(
    results: Results, rows: dict[str, Row], x: Callable[[Row], float | None], y: Callable[[Row], float | None]
) -> dict[str, pictures.Point]:
    found = {called: (x(row), y(row), results.kind(row.recipe)) for called, row in rows.items()}
    return {c: pictures.Point(a, b, kind) for c, (a, b, kind) in found.items() if a is not None and b is not None}


def _plane(results: Results, rows: dict[str, Row]) -> Picture | None:
    taken = {name: lambda row, n=name: row.measures[n].mean if n in row.measures else None for name in ("alignment", "uniformity")}
    points = _points(results, rows, taken["uniformity"], taken["alignment"])
    if len(points) < 2:
        return None
    said = ("Alignment and uniformity", "A point a recipe; the numbers are in the table of diagnostics.")
    caption = "Less of both is better: pairs that mean the same lie closer (down), sentences are spread more evenly (left)."
    svg = pictures.plane("plane", said, points, ("uniformity", "alignment"))
    return Picture("plane", svg, caption)


def _cost(results: Results, rows: dict[str, Row]) -> Picture | None:
    primary = average(next(iter(results.board.groups)))

    def seconds(row: Row) -> float | None:
        taken = [s for run in results.of(row).values() if (s := run.timings.get("total_s"))]
        return fmean(taken) if taken else None

    def score(row: Row) -> float | None:
        cell = row.cells[primary]
        return cell.mean if isinstance(cell, Summary) else None

    points = _points(results, rows, seconds, score)
    if len(points) < 2:
        return None
    said = ("Cost against score", "A point a recipe: seconds of a run, and its first average; both are on its own page.")
    log = pictures.decades([point.x for point in points.values()])
    named = ("seconds a run took: training, evaluation, diagnosis", label(primary))
    caption = "Mean over seeds. Seconds are those of the machines that made the records, and say the order of cost only."
    return Picture("cost", pictures.plane("cost", said, points, named, cut=True, log=log), caption)


def _words(results: Results, rows: dict[str, Row]) -> Picture | None:
    means: dict[str, dict[str, pictures.Mean]] = {}
    for called, row in rows.items():
        for method, title in METHODS.items():
            path = f"words.{method}.information_gain.r2"
            if found := [v for run in results.of(row).values() if (v := run.measured(path)) is not None]:
                one = summarise(found)
                means.setdefault(called, {})[title] = pictures.Mean(one.mean, mean_interval(one), found)
    if not means:
        return None
    said = ("Word weight", "One line a recipe and a panel a method; R² is in the table of diagnostics and on each page.")
    caption = (
        "R² of the regression of a word’s weight in the sentence vector on its information gain: how closely the encoder "
        "weights words by what they tell. Means over seeds with 95% intervals."
    )
    ordered = dict(sorted(means.items(), key=lambda item: -next(iter(item[1].values())).mean))
    return Picture("words", pictures.forest("words", said, ordered, None, cut=False), caption)


def along(runs: Sequence[Record], path: str) -> dict[float, list[float]]:
    """A measure of several runs at every step that was looked at."""
    found: dict[float, list[float]] = {}
    for run in runs:
        for place in range(len(run.diagnostics.get("dynamics") or ())):
            step, taken = (run.measured(f"dynamics.{place}.{each}") for each in ("step", path))
            if step is not None and taken is not None:
                found.setdefault(step, []).append(taken)
    return found


def _series(results: Results, rows: dict[str, Row], path: str) -> dict[str, dict[float, float]]:
    found = {called: along(list(results.of(row).values()), path) for called, row in rows.items()}
    return {c: {step: fmean(v) for step, v in sorted(each.items())} for c, each in found.items() if each}


def _dynamics(results: Results, rows: dict[str, Row]) -> Picture | None:
    series = _series(results, rows, dynamics.MEASURES["dev"][0])
    if not series:
        return None
    said = ("Learning dynamics", "The development score of every trained recipe while it trains, a small panel each.")
    caption = f"{DEV} while training, mean over seeds, before the grey band of all recipes. Each page has more measures."
    return Picture("dynamics", pictures.multiples("dynamics", said, series, DEV), caption)


def _map(results: Results, rows: dict[str, Row]) -> Picture | None:
    panels = {title: _series(results, rows, path) for path, title in MAPPED.items()}
    if not all(panels.values()):
        return None
    said = ("Gradient maps", "Shades of gradient dissipation and ratio, a line a recipe and a column a step.")
    caption = (
        "What the gradient is made of while training (arXiv 2402.18281): dissipation is 1 where the update is as strong "
        "as ever and 0 where it is switched off; ratio is pull over pushes. "
        "Empty: undefined there, or not looked at."
    )
    svg = pictures.shades("gradients", said, panels, ((0.0, 1.25), (0.0, 2.0)))
    return Picture("gradients", svg, caption)
