"""The tables of a leaderboard: averages, the tasks of each group, diagnostics, and what papers report."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from srlbench.analysis.leaderboard.board import MEASURES, RANK_MARGIN, Leaderboard, Row
from srlbench.analysis.table import Cell, Column, Line, Table
from srlbench.errors import unknown
from srlbench.stats import Summary, average, label, mean_interval, tie_groups, with_averages

SENTEVAL = {"SICK-R": "SICKRelatedness"}  # SentEval's own name of a task
TITLES = {"intra_sentence_similarity": "intra-sentence", "words_r2": "R² of words"}
ELSEWHERE = "Encoders that were trained elsewhere"
Best = dict[str, set[int]]  # by column, the rows that none is significantly better than


def every(board: Leaderboard) -> list[Table]:
    """Averages, tasks and diagnostics, in a table for each backbone."""
    tasked = [table for group in board.scope.groups for table in tasks(board, group)]
    measured = measures(board) if any(row.measures for row in board.rows) else []
    return [*averages(board), *tasked, *measured, *(references(board) if board.references else [])]


def best_marked(board: Leaderboard, group: str | None = None) -> list[Table]:
    """The averages, or the tasks of a group, with the best values marked."""
    if group is None:
        return averages(board, best=True)
    if group not in board.scope.groups:
        raise unknown("group of tasks", group, board.scope.groups)
    return tasks(board, group, best=True)


def averages(board: Leaderboard, *, best: bool = False) -> list[Table]:
    """Rank, recipe and each average, with its interval where there is room."""
    groups = list(map(average, board.scope.groups))
    reported = [name for name in groups if any(name in (row.reported or {}) for row in board.rows)]
    columns = [Column("rank"), Column("recipe", "left")]
    columns += [] if len(board.backbones) > 1 else [Column("backbone", "left", spare=4)]
    for name in groups:
        columns += [Column(label(name)), Column("95% interval", wide=True, about=f"of {label(name)}")]
        columns += [Column("paper", spare=1)] if name in reported else []
    columns += [Column("vs published", "left", spare=2)] if board.compared else []
    columns += [Column("confirmed", "left", spare=3)] if board.confirmed else []
    tables = []
    for name, rows, suffix in _by_backbone("averages", board):
        top = _best(rows, groups if best else ())
        lines = [_line(row, _averages(board, row, {g for g in top if id(row) in top[g]}, reported)) for row in rows]
        tables.append(Table(name, f"Averages{suffix}", columns, lines, header=1))
    return tables


def _averages(board: Leaderboard, row: Row, best: set[str], reported: Sequence[str]) -> list[Cell]:
    mark = "rank" if row.rank else f"state {row.state.replace(' ', '-')}"
    cells = [Cell(row.rank_or_state, row.rank, mark=mark), recipe_cell(row)]
    cells += [] if len(board.backbones) > 1 else [Cell(row.backbone, row.backbone)]
    for name in map(average, board.scope.groups):
        cells += [score(row, name, best=name in best), span(row, name)]
        if name in reported:
            known = (row.reported or {}).get(name)
            cells.append(Cell() if known is None else Cell(f"{known:.2f}", known))
    cells += [Cell(row.reproduction, mark=row.reproduction)] if board.compared else []
    return [*cells, Cell(str(row.confirmed))] if board.confirmed else cells


def tasks(board: Leaderboard, group: str, *, best: bool = False) -> list[Table]:
    """One group's tasks: one decimal and no spaces, so seven tasks fit a page."""
    names = board.scope.groups[group]
    columns = [Column("recipe", "left"), *map(_of_task, names)]
    tables = []
    for name, rows, suffix in _by_backbone(f"tasks-{group}", board):
        top = _best(rows, names if best else ())
        lines = []
        for row in rows:
            if row.seeds:  # the table of averages says what failed and what nobody ran
                cells = [score(row, task, 1, best=id(row) in top.get(task, ())) for task in names]
                lines.append(_line(row, [recipe_cell(row), *cells]))
        tables.append(Table(name, f"{_tasks_of(group)}{suffix}", columns, lines))
    return tables


def _tasks_of(group: str) -> str:
    """The title of a group's tasks."""
    title = label(average(group)).removesuffix(" avg")
    return f"{title if title.isupper() else title.capitalize()} tasks"


def plain(board: Leaderboard) -> list[Table]:
    """The columns of SentEval's and SimCSE's tables: the tasks of a group and their average, means over seeds."""
    tables = []
    for group, names in board.scope.groups.items():
        titles = [*(SENTEVAL.get(name, name) for name in names), "Avg."]
        columns = [Column("recipe", "left"), Column("seeds"), *map(Column, titles)]
        for name, rows, suffix in _by_backbone(f"plain-{group}", board):
            lines = [_line(row, _means(row, [*names, average(group)])) for row in rows if row.seeds]
            title = f"{_tasks_of(group)}{suffix}, protocol {board.scope.protocol}: means over seeds"
            tables.append(Table(name, title, columns, lines))
    return tables


def _means(row: Row, names: Sequence[str]) -> list[Cell]:
    """The recipe, how many seeds its average has, and a mean for each name, with two decimals."""
    cells, seeds = [row.cells[name] for name in names], len(row.seeds)
    count = cells[-1].n if isinstance(cells[-1], Summary) else seeds
    means = [Cell(f"{c.mean:.2f}", c.mean) if isinstance(c, Summary) else Cell(c, mark="not-run") for c in cells]
    return [recipe_cell(row), Cell(str(count), count), *means]


def measures(board: Leaderboard) -> list[Table]:
    """Diagnostics of the encoders."""
    columns = [Column("recipe", "left"), *(Column(TITLES.get(name, name)) for name in MEASURES)]
    return [
        Table(name, f"Diagnostics{suffix}", columns,
              [_line(row, [recipe_cell(row), *(measure(row.measures.get(m)) for m in MEASURES)])
               for row in rows if row.seeds])
        for name, rows, suffix in _by_backbone("diagnostics", board)
    ]  # fmt: skip


def references(board: Leaderboard) -> list[Table]:
    """Encoders that were trained elsewhere and scored here: their averages, then the tasks of each group."""
    known = [(record.recipe, with_averages(record.scores, board.scope.groups)) for record in board.references]
    first, groups = Column("encoder", "left"), list(map(average, board.scope.groups))
    lines = [Line([Cell(name), *(_one(scores.get(each), 2) for each in groups)]) for name, scores in known]
    tables = [Table("references", ELSEWHERE, [first, *(Column(label(each)) for each in groups)], lines)]
    for group, names in board.scope.groups.items():
        lines = [Line([Cell(name), *(_one(scores.get(task), 1) for task in names)]) for name, scores in known]
        title = f"{ELSEWHERE}: {label(average(group)).removesuffix(' avg')} tasks"
        tables.append(Table(f"references-{group}", title, [first, *map(_of_task, names)], lines))
    return tables


def _of_task(task: str) -> Column:
    """A narrow column: seven of them fit a page."""
    short = task.replace("Benchmark", "B")
    return Column(short, short=re.sub(r"^Gen(?=[A-Z])", "Gen\n", short))


def _one(value: float | None, digits: int) -> Cell:
    """A number without spread."""
    return Cell("not run", mark="not-run") if value is None else Cell(f"{value:.{digits}f}", value)


def elsewhere(board: Leaderboard) -> Table:
    """The scores that papers report for the same methods in other settings."""
    groups = list(map(average, board.scope.groups))
    columns = [Column("recipe", "left"), Column("encoder", "left"), *(Column(label(name)) for name in groups)]
    lines = [
        Line([Cell(recipe), Cell(setting), *(Cell(f"{n[a]:.2f}", n[a]) if a in n else Cell() for a in groups)])
        for recipe, setting, n in board.elsewhere
    ]
    return Table("elsewhere", "The same methods at BERT's scale, as published", columns, lines)


def _by_backbone(name: str, board: Leaderboard) -> Iterator[tuple[str, list[Row], str]]:
    """For each backbone: the name of its table, its rows, and the end of its title (empty for a single backbone)."""
    several = len(board.backbones) > 1
    for place, backbone in enumerate(board.backbones or [""], 1):
        rows = [row for row in board.rows if row.backbone == backbone]
        yield (f"{name}-{place}", rows, f" on {backbone}") if several else (name, rows, "")


def _best(rows: Sequence[Row], names: Sequence[str]) -> Best:
    """The rows of rank 1 in each column."""
    best: Best = {}
    for name in names:
        ranks = tie_groups([row.rankable(name) for row in rows], margin=RANK_MARGIN)
        best[name] = {id(row) for row, rank in zip(rows, ranks, strict=True) if rank == 1}
    return best


def _line(row: Row, cells: Sequence[Cell]) -> Line:
    return Line(cells, row.state, row.recipe, row.backbone)


def recipe_cell(row: Row) -> Cell:
    """The recipe's name, and the fingerprint of a stale one, which may have several rows."""
    name = f"{row.recipe} {row.fingerprint[:6]}" if row.state == "stale" else row.recipe
    return Cell(name, name)


def score(row: Row, name: str, digits: int = 2, *, best: bool = False) -> Cell:
    """Mean, sd and number of seeds (with one digit, without the number); or why there is no score."""
    value = row.cells[name]
    if not isinstance(value, Summary):
        return Cell(value, mark=value.replace(" ", "-"))
    same = "†" if row.deterministic else ""
    short = f"{value.mean:.1f}{same}"
    if digits > 1:
        text = f"{value.mean:.2f}{same} ({value.n})" if row.deterministic else str(value)
        return Cell(text, value.mean, best=best, short=short)
    spread = "" if value.sd is None or row.deterministic else f"±{value.sd:.1f}"
    return Cell(f"{short}{spread}", value.mean, best=best, short=short)


def span(row: Row, name: str) -> Cell:
    """Student's interval of the mean over seeds."""
    summary = row.cells[name]
    between = mean_interval(summary) if isinstance(summary, Summary) and not row.deterministic else None
    if between is None:
        return Cell("–", mark="quiet")
    return Cell(f"{between[0]:.2f} to {between[1]:.2f}", between[0], mark="quiet")


def measure(taken: Summary | None) -> Cell:
    """A diagnostic: mean and sd over seeds."""
    if taken is None:
        return Cell("not run", mark="not-run")
    spread = f"±{_digits(taken.sd)}" if taken.sd else ""
    return Cell(f"{_digits(taken.mean)}{spread}", taken.mean, short=_digits(taken.mean))


def _digits(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.2g}"
