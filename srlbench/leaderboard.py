"""The leaderboard: rows computed from records, and their three views (CSV, Markdown, terminal)."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from srlbench.records import Record, write_text
from srlbench.stats import Groups, Summary, average, label, pooled, summarise, tie_groups, with_averages

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table

Cell = Summary | Literal["failed", "not run"]
State = Literal["ranked", "one seed", "partial", "failed", "not run", "unregistered", "stale"]
Reproduction = Literal["bit-equal", "inside", "outside", "–"]
Lines = Sequence[tuple["Row", Sequence[str]]]
Current = Mapping[tuple[str, str], str]  # (recipe, backbone) -> the fingerprint it has now

STATES: tuple[State, ...] = ("ranked", "one seed", "partial", "failed", "not run", "unregistered", "stale")
SAME = 0.05  # points; less is another machine's last digits, not another result
RANK_MARGIN = 0.1  # points; less is not worth a rank


@dataclass(frozen=True)
class Row:
    """One recipe on one backbone at one fingerprint."""

    recipe: str
    backbone: str
    fingerprint: str
    state: State
    cells: Mapping[str, Cell]  # averages, then tasks
    seeds: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    deterministic: bool = False
    reproduction: Reproduction = "–"
    reported: Mapping[str, float] | None = None
    rank: int | None = None

    @property
    def standing(self) -> str:
        return str(self.rank) if self.rank else self.state

    @property
    def name(self) -> str:
        return f"{self.recipe}@{self.backbone}"


@dataclass(frozen=True)
class Leaderboard:
    """The rows of one track, version and protocol, best first."""

    track: str
    version: int
    protocol: str
    groups: Groups
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    compared: bool  # whether there was a published reference to compare with
    excluded: int  # records of another protocol, which share no table with these


def build(
    records: Iterable[Record],
    *,
    track: str,
    version: int,
    protocol: str,
    current: Current,
    groups: Groups,
    seeds: Iterable[int] = (),
    reported: Mapping[str, Mapping[str, float]] | None = None,
    reference: Iterable[Record] | None = None,
) -> Leaderboard:
    """The leaderboard of `records`; the first group's average ranks it.

    current: what is registered now; any other fingerprint is stale, any other recipe unregistered.
    reported: each paper's own numbers, by recipe; only where its settings match the track's.
    reference: the published records to compare with; None if there are none.
    """
    mine = [record for record in records if (record.track, record.track_version) == (track, version)]
    runs: dict[tuple[str, str, str], list[Record]] = {(*pair, now): [] for pair, now in current.items()}
    for record in mine:
        if record.protocol == protocol:
            runs.setdefault((record.recipe, record.backbone, record.fingerprint), []).append(record)
    published: dict[tuple[object, ...], list[Record]] = defaultdict(list)
    for record in reference or ():
        if record.status == "ok":
            published[record.key[:5]].append(record)
    seeds = tuple(sorted(seeds))
    rows = []
    for (recipe, backbone, fingerprint), found in runs.items():
        now = current.get((recipe, backbone))
        if now != fingerprint and all(record.status == "failed" for record in found):
            continue  # a failure of code that is gone tells nobody anything
        row = _row(Row(recipe, backbone, fingerprint, "not run", {}), found, now, groups, seeds)
        told = (reported or {}).get(recipe)
        against = _reproduction(found, published[track, version, recipe, backbone, fingerprint], groups)
        rows.append(replace(row, reproduction=against, reported=told if now == fingerprint else None))
    excluded = sum(record.protocol != protocol for record in mine)
    ordered = _ranked(rows, average(next(iter(groups))))
    return Leaderboard(track, version, protocol, groups, seeds, ordered, reference is not None, excluded)


def _row(row: Row, records: Sequence[Record], now: str | None, groups: Groups, expected: tuple[int, ...]) -> Row:
    """`row` with what its records say."""
    ok = [record for record in records if record.status == "ok"]
    failed = tuple(sorted(record.seed for record in records if record.status == "failed"))
    values = [with_averages(record.scores, groups) for record in ok]
    cells: dict[str, Cell] = {}
    for name in names(groups):
        measured = [value[name] for value in values if name in value]
        cells[name] = summarise(measured) if measured else "failed" if failed and not ok else "not run"
    same = {(record.weights_sha256, tuple(sorted(record.scores.items()))) for record in ok}
    primary = cells[average(next(iter(groups)))]
    state: State = "ranked"
    if now != row.fingerprint:
        state = "stale" if now else "unregistered"
    elif not ok:
        state = "failed" if failed else "not run"
    elif not isinstance(primary, Summary):
        state = "partial"
    elif primary.n < 2:
        state = "one seed"
    seeds = tuple(sorted(record.seed for record in ok))
    return replace(
        row, state=state, cells=cells, seeds=seeds, failed=failed,
        missing=tuple(seed for seed in expected if seed not in {*seeds, *failed}),
        deterministic=len(ok) > 1 and len(same) == 1 and ok[0].weights_sha256 is not None,
    )  # fmt: skip


def _ranked(rows: Sequence[Row], primary: str) -> tuple[Row, ...]:
    """Best first, ranked where a rank can be given; stale last."""

    def order(row: Row) -> tuple[int, float, str, str, str]:
        cell = row.cells[primary]
        mean = cell.mean if isinstance(cell, Summary) else float("-inf")
        return STATES.index(row.state), -mean, row.recipe, row.backbone, row.fingerprint

    ordered = sorted(rows, key=order)
    cells = [row.cells[primary] if row.state == "ranked" else None for row in ordered]
    ranks = tie_groups([cell if isinstance(cell, Summary) else None for cell in cells], margin=RANK_MARGIN)
    return tuple(replace(row, rank=rank) for row, rank in zip(ordered, ranks, strict=True))


def _reproduction(records: Sequence[Record], theirs: Sequence[Record], groups: Groups) -> Reproduction:
    """How a row stands against the published records of its own key.

    Inside: every average differs by less than its 95% interval (held jointly) allows two draws of seeds.
    """
    ours = [record for record in records if record.status == "ok"]
    by_seed = {record.seed: record for record in theirs}
    common = [(record, by_seed[record.seed]) for record in ours if record.seed in by_seed]
    if common and all((a.weights_sha256, a.scores) == (b.weights_sha256, b.scores) for a, b in common):
        return "bit-equal"
    sides = [[with_averages(record.scores, groups) for record in side] for side in (ours, theirs)]
    outside = compared = 0
    for name in map(average, groups):
        a, b = ([value[name] for value in side if name in value] for side in sides)
        if not a or not b:
            continue
        difference = pooled(summarise(a), summarise(b))
        if abs(summarise(a).mean - summarise(b).mean) > SAME:
            if difference is None:
                continue  # one seed against one other: nothing says how far is far
            low, high = difference.interval(1 - 0.05 / len(groups))
            outside += not low <= 0 <= high
        compared += 1
    return "–" if not compared else "outside" if outside else "inside"


def names(groups: Groups) -> list[str]:
    """The columns: each group's average, then every task."""
    return [*map(average, groups), *(task for tasks in groups.values() for task in tasks)]


# --- CSV ---------------------------------------------------------------------------------------


def to_csv(board: Leaderboard) -> str:
    """One row a recipe x backbone x fingerprint, full precision; `pandas.read_csv` needs no options."""
    columns = names(board.groups)
    told = [name for name in columns if any(name in (row.reported or {}) for row in board.rows)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["track", "version", "protocol", "recipe", "backbone", "fingerprint", "state", "rank", "seeds"]
        + ["failed_seeds", "deterministic", "reproduction"]
        + [f"{name}_{part}" for name in columns for part in ("mean", "sd", "n")]
        + [f"{name}_reported" for name in told]
    )
    for row in board.rows:
        line: list[object] = [board.track, board.version, board.protocol]
        line += [row.recipe, row.backbone, row.fingerprint]
        line += [row.state, row.rank, " ".join(map(str, row.seeds)), " ".join(map(str, row.failed))]
        line += [row.deterministic, row.reproduction if row.reproduction != "–" else None]
        for name in columns:
            cell = row.cells[name]
            line += [cell.mean, cell.sd, cell.n] if isinstance(cell, Summary) else [None, None, 0]
        writer.writerow(line + [(row.reported or {}).get(name) for name in told])
    return out.getvalue()


# --- Markdown ----------------------------------------------------------------------------------


def to_markdown(board: Leaderboard, *, made_with: str, command: str) -> str:
    """The table people paste: averages first, then the tasks of each group."""
    seeds = ", ".join(map(str, board.seeds)) or "as found"
    track = f"Track `{board.track}` v{board.version}"
    head = f"{track} · protocol `{board.protocol}` · seeds {seeds} · {made_with}"
    parts = [f"# Leaderboard: {board.track} v{board.version}", head, _markdown(*_averages(board))]
    for group, tasks in board.groups.items():
        title = label(average(group)).removesuffix(" avg")
        parts += [f"## {title} tasks" if title.isupper() else f"## {title.capitalize()} tasks"]
        parts += [_markdown(*_tasks(board, group, tasks))]
    legend = "\n".join(f"- {line}" for line in _legend(board))
    parts += ["## How to read it", legend, f"Regenerate with `{command}`."]
    return "\n\n".join(parts) + "\n"


def _markdown(header: Sequence[str], lines: Lines) -> str:
    left = {"recipe", "backbone", "vs published"}
    rules = [":---" if title in left else "---:" for title in header]
    body = []
    for row, line in lines:
        cells = [cell.replace("|", "\\|") for cell in line]
        if row.state != "ranked":  # GitHub's Markdown knows no grey
            cells = [f"*{cell}*" if cell else "" for cell in cells]
        body.append(cells)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rules, *body))


def write(board: Leaderboard, folder: Path, *, made_with: str, command: str) -> tuple[Path, Path]:
    """Writes `leaderboard.csv` and `leaderboard.md`; the same records give the same bytes."""
    table, page = folder / "leaderboard.csv", folder / "leaderboard.md"
    write_text(table, to_csv(board))
    write_text(page, to_markdown(board, made_with=made_with, command=command))
    return table, page


# --- what Markdown and the terminal share --------------------------------------------------------


def _averages(board: Leaderboard) -> tuple[list[str], Lines]:
    """Header and lines of the table of averages."""
    averages = list(map(average, board.groups))
    told = [name for name in averages if any(name in (row.reported or {}) for row in board.rows)]
    header = ["rank", "recipe", "backbone"]
    for name in averages:
        header += [label(name), "paper"] if name in told else [label(name)]
    lines = []
    for row in board.rows:
        line = [row.standing, _recipe(row), row.backbone]
        for name in averages:
            line.append(_text(row, name))
            if name in told:
                line.append(f"{row.reported[name]:.2f}" if row.reported and name in row.reported else "")
        lines.append((row, [*line, row.reproduction] if board.compared else line))
    return [*header, "vs published"] if board.compared else header, lines


def _tasks(board: Leaderboard, group: str, tasks: Sequence[str]) -> tuple[list[str], Lines]:
    """Header and lines of one group's table: one decimal and no spaces, so seven tasks fit a page."""
    several = len({row.backbone for row in board.rows}) > 1
    header = ["recipe", *(task.replace("Benchmark", "B") for task in tasks)]
    lines = []
    for row in board.rows:
        name = _recipe(row) + (f"@{row.backbone}" if several else "")
        if row.seeds:  # the table of averages says what failed and what nobody ran
            lines.append((row, [name, *(_text(row, task, short=True) for task in tasks)]))
    return header, lines


def _recipe(row: Row) -> str:
    """The recipe's name, and the fingerprint of a stale one, which may have several rows."""
    return f"{row.recipe} {row.fingerprint[:6]}" if row.state == "stale" else row.recipe


def _text(row: Row, name: str, short: bool = False) -> str:
    cell = row.cells[name]
    if not isinstance(cell, Summary):
        return cell
    same = "†" if row.deterministic else ""
    if not short:
        return f"{cell.mean:.2f}{same} ({cell.n})" if row.deterministic else str(cell)
    if cell.sd is None or row.deterministic:
        return f"{cell.mean:.1f}{same}"
    return f"{cell.mean:.1f}±{cell.sd:.1f}"


def _legend(board: Leaderboard) -> list[str]:
    """What the marks in this very table mean, and nothing else."""
    rows, states = board.rows, {row.state for row in board.rows}
    first = label(average(next(iter(board.groups))))
    lines = [
        "Percentages: mean ± standard deviation over seeds (number of seeds).",
        f"Rank is 1 + the number of rows whose {first} is significantly better "
        f"(Welch's t, 5%, and more than {RANK_MARGIN} points); rows with one rank are tied.",
    ]
    if any(row.deterministic for row in rows):
        lines.append("† the same weights and scores at every seed, so there is no spread to show.")
    told = {
        "one seed": "one seed: shown, not ranked.",
        "partial": "partial: some tasks were not run; an average over a missing task is missing.",
        "failed": "failed: the run broke. not run: nobody tried.",
        "not run": "not run: nobody tried." if "failed" not in states else "",
        "unregistered": "unregistered: no such recipe is registered now.",
        "stale": "stale: made by an earlier version of the recipe or its data; run it again to rank it.",
    }
    lines += [told[state] for state in STATES if state in states and told.get(state)]
    for row in rows:
        if row.state in ("ranked", "one seed", "partial") and (row.failed or row.missing):
            lines.append(f"{row.name}: {_absent(row)}.")
    if any(row.reported for row in rows):
        lines.append("paper: what the recipe's own paper reports.")
    if board.compared:
        lines.append(
            "vs published (records of the same fingerprint): bit-equal, the same weights and scores at every "
            "common seed; inside or outside, the averages against the 95% interval of a change of seeds; "
            "–, nothing to compare with."
        )
    if board.excluded:
        lines.append(f"{board.excluded} records of another protocol are not in this table.")
    return lines


def _absent(row: Row) -> str:
    parts = [(row.failed, "failed"), (row.missing, "not run")]
    said = (f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))} {what}" for seeds, what in parts if seeds)
    return "; ".join(said)


# --- terminal ------------------------------------------------------------------------------------


def to_terminal(board: Leaderboard) -> Group:
    """The same tables for a terminal of 100 columns; rows nobody ran become one line."""
    from rich.console import Group
    from rich.text import Text

    backbones = {row.backbone for row in board.rows}
    title = f"{board.track} v{board.version}, protocol {board.protocol}"
    header, lines = _averages(board)
    if len(backbones) == 1:  # said once, it leaves room for the numbers
        title += f", backbone {backbones.pop()}"
        header, lines = _without(header, 2), [(row, _without(line, 2)) for row, line in lines]
    tables = [_rich(header, lines, title)]
    for group, tasks in board.groups.items():
        tables.append(_rich(*_tasks(board, group, tasks), label(average(group)).removesuffix(" avg")))
    notes = [line for line in _legend(board) if not line.startswith("not run")]
    if idle := [row.recipe for row in board.rows if row.state == "not run"]:
        notes.insert(0, f"not run: {', '.join(idle)}.")
    parts: list[RenderableType] = [*tables, Text("\n".join(notes), style="dim")]
    if board.compared:
        parts.append(Text(reproduced(board), style="bold"))
    return Group(*parts)


def reproduced(board: Leaderboard) -> str:
    """One line: how the measured rows stand against the published records."""
    counts = Counter(row.reproduction for row in board.rows if row.seeds)
    words: dict[Reproduction, str] = {"–": "with nothing to compare with"}
    order: tuple[Reproduction, ...] = ("bit-equal", "inside", "outside", "–")
    said = ", ".join(f"{counts[word]} {words.get(word, word)}" for word in order if counts[word])
    return f"Against the published records: {said or 'no rows'}."


def _without(cells: Sequence[str], index: int) -> list[str]:
    return [*cells[:index], *cells[index + 1 :]]


def _rich(header: Sequence[str], lines: Lines, title: str) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in header:
        left = name in ("recipe", "backbone", "vs published")
        table.add_column(name, justify="left" if left else "right", no_wrap=name != "recipe", overflow="fold")
    colours = {"bit-equal": "green", "inside": "green", "outside": "yellow", "failed": "red"}
    for row, line in lines:
        if row.state != "not run":
            cells = [Text(cell, style=colours.get(cell, "")) for cell in line]
            table.add_row(*cells, style="" if row.state == "ranked" else "dim")
    return table
