"""The leaderboard of a track as tables; the rows and their ranks are those of `srlbench leaderboard`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from srlbench.analysis.leaderboard.board import MEASURES, Row
from srlbench.analysis.leaderboard.tables import TITLES
from srlbench.publish.site.contents import Cell, Column, Line, Table, TrackResults, recipe_page
from srlbench.stats import Summary, average, label, mean_interval

MARKS = {"one seed": "◔", "partial": "◑", "failed": "✕", "not run": "○", "unregistered": "?", "stale": "↺"}


def averages(results: TrackResults) -> Table:
    """Rank, recipe and each average with its interval."""
    board = results.board
    columns = [Column("rank"), Column("recipe", False)]
    for group in board.scope.groups:
        columns += [Column(label(average(group))), Column("95% interval", about=f"of {label(average(group))}")]
    columns += [Column("kind", False), Column("backbone", False)]
    if board.compared:
        columns.append(Column("vs published", False))
    ranks = Counter(row.rank for row in board.rows)
    lines = []
    for row in board.rows:
        cells = [_standing(row, ranks), _recipe(row)]
        for group in board.scope.groups:
            cells += [value(row, average(group)), span(row, average(group))]
        cells += [Cell(results.kind(row.recipe)), Cell(row.backbone)]
        lines.append(_line(results, row, [*cells, Cell(row.reproduction)] if board.compared else cells))
    return Table("averages", "Averages", columns, lines, header=1)


def tasks(results: TrackResults) -> Iterator[Table]:
    """One table a group."""
    rows = [row for row in results.board.rows if row.seeds or row.failed]
    for group, names in results.board.scope.groups.items():
        title = label(average(group)).removesuffix(" avg")
        columns = [Column("recipe", False), *(Column(name.replace("Benchmark", "B")) for name in names)]
        lines = [_line(results, row, [_recipe(row), *(value(row, name, 1) for name in names)]) for row in rows]
        yield Table(f"tasks-{group}", f"{title if title.isupper() else title.capitalize()} tasks", columns, lines)


def diagnostics(results: TrackResults) -> Table | None:
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
    return (
        Cell(f"{between[0]:.2f} – {between[1]:.2f}", between[0], mark="quiet") if between else Cell("–", mark="quiet")
    )


def listed(seeds: Sequence[int]) -> str:
    """Seeds as the command line takes them."""
    whole = len(seeds) > 1 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]}-{seeds[-1]}" if whole else ",".join(map(str, seeds))


def measure(taken: Summary | None) -> Cell:
    if taken is None:
        return Cell("not run", mark="not-run")
    spread = f" ± {_short(taken.sd)}" if taken.sd else ""
    return Cell(f"{_short(taken.mean)}{spread}", taken.mean)


def _short(value: float) -> str:
    return (f"{value:.3f}" if abs(value) < 1000 else f"{value:.2g}").replace("-", "−")


def _standing(row: Row, ranks: Counter[int | None]) -> Cell:
    if row.rank is None:
        return Cell(f"{MARKS[row.state]} {row.state}", mark=f"state {row.state.replace(' ', '-')}")
    return Cell(f"{row.rank}{'=' if ranks[row.rank] > 1 else ''}", row.rank, mark="rank")


def _recipe(row: Row) -> Cell:
    name = f"{row.recipe} {row.fingerprint[:6]}" if row.state == "stale" else row.recipe
    return Cell(name, name, recipe_page(row.recipe))


def _line(results: TrackResults, row: Row, cells: Sequence[Cell]) -> Line:
    return Line(cells, row.state.replace(" ", "-"), row.backbone, results.kind(row.recipe))
