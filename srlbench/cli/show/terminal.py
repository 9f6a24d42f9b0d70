"""The output of verbs: results go to stdout; progress, notes and errors go to stderr."""

from __future__ import annotations

import json
import math
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table as RichTable
from rich.text import Text

from srlbench.analysis import reproduction as reproductions
from srlbench.analysis.leaderboard import page, tables
from srlbench.analysis.leaderboard.board import Leaderboard, Reproduction
from srlbench.analysis.table import Column, Line, Table, number
from srlbench.errors import OK, RUN_FAILED
from srlbench.escape import printable
from srlbench.evaluation.scores import Scores
from srlbench.records.private import without_secrets

PIPE_BROKEN = 141  # as of a program that the signal of a broken pipe ended: nothing is said of the numbers


class Shown(Console):
    """A console on which foreign text is shown, and never obeyed, and secrets are not shown."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            text = "" if segment.control else without_secrets(printable(segment.text))
            yield segment if segment.control else Segment(text, segment.style)

    def on_broken_pipe(self) -> None:
        """End without a word: whoever read this has read enough."""
        silence()
        raise SystemExit(PIPE_BROKEN)


def silence() -> None:
    """Write to stdout no more; else Python would try again at the end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


debug = False
_interactive = sys.stdout is not None and sys.stdout.isatty()
# A file has no width of its own; COLUMNS, which rich reads, may give it one.
out = Shown(highlight=False, width=None if _interactive or "COLUMNS" in os.environ else 120)
err = Shown(stderr=True, highlight=False)


def error(message: str) -> None:
    err.print(f"[bold red]Error:[/] {escape(message)}", soft_wrap=True)


def say(message: str) -> None:
    err.print(escape(message), soft_wrap=True)


def warn(message: str) -> None:
    err.print(f"[yellow]Note:[/] {escape(message)}", soft_wrap=True)


def paragraph(markup: str) -> None:
    """Print text on stdout; only the terminal breaks its lines."""
    out.print(markup, soft_wrap=True)


def as_json(plain: Any) -> None:
    out.print_json(json.dumps(plain))


def wrote(*paths: Path, json: bool = False) -> None:
    """Say which files were written; on stderr where stdout has JSON for programs."""
    (err if json else out).print(escape(f"Wrote {', '.join(map(str, paths))}."), soft_wrap=True)


def listing(kinds: Mapping[str, Mapping[str, str]]) -> None:
    """A table for each kind of registered things: a name and one line about it."""
    for kind, entries in kinds.items():
        table = RichTable(title=f"{kind} ({len(entries)})", title_justify="left", title_style="bold", box=None)
        table.add_column(style="cyan", no_wrap=True)
        table.add_column()
        for name, about in entries.items():
            table.add_row(name, escape(about))
        out.print(table, "")


def description(about: dict[str, Any]) -> None:
    """A recipe as the track runs it, on each backbone."""
    out.print(f"[bold cyan]{about['name']}[/]  {escape(about['summary'])}")
    out.print(f"file recipes/{about['family']}.py · cite {about['cite'] or '–'} · on track {about['track']}\n")
    for backbone, settings in about["backbones"].items():
        table = RichTable(title=f"on {backbone}", title_justify="left", box=None, show_header=False)
        for key, value in settings.items():
            table.add_row(key, "–" if value is None else escape(str(value)))
        out.print(table)
    for setting, numbers in about["reported"].items():
        out.print(f"reported for {setting}: " + ", ".join(f"{k} {v}" for k, v in numbers.items()))


def step(stage: str, done: int, of: int) -> None:
    """Progress as one line that is overwritten; only in a terminal."""
    if err.is_terminal and not os.environ.get("CI"):
        err.print(f"{stage} {done}/{of}", end="\r" if done < of else "\n")


def scores(results: Sequence[Scores]) -> None:
    """The tables of SimCSE's evaluation, then notes, the source of the text, and the model."""
    shown: set[str] = set()
    for result in results:
        for group, names in result.groups.items():
            title = _title(group, result)
            if title not in shown:
                shown.add(title)
                _row(title, names, {**result.scores}, result.averages.get(group))
    for result in results:
        for warning in result.warnings:
            warn(warning)
    for source in dict.fromkeys((result.protocol, result.source) for result in results):
        paragraph(f"{source[0]}: its text is from {escape(source[1])}")
    first = results[0]
    revision = f" at {first.revision}" if first.revision else ""
    paragraph(f"model: {escape(first.model)}{revision}, {duration(first.seconds or 0.0)} in all")


def differences(pairs: Sequence[tuple[Scores, Scores]]) -> None:
    """The first scores of each pair minus the second, task by task."""
    for first, second in pairs:
        for group, names in first.groups.items():
            both = {name: first.scores[name] - second.scores[name] for name in names if name in second.scores}
            mean = first.averages.get(group, math.nan) - second.averages.get(group, math.nan)
            _row(f"{_title(group, first)}, minus {second.model}", names, both, None if math.isnan(mean) else mean, "+")


def _title(group: str, of: Scores) -> str:
    probe = f", {of.probe} probe" if group != "sts" and of.probe else ""
    return f"{group.upper() if group == 'sts' else group.capitalize()} · {of.protocol}{probe}"


def _row(title: str, names: Sequence[str], values: Mapping[str, float], mean: float | None, sign: str = "") -> None:
    cells = [number(values.get(name), f"{sign}.2f") for name in names] + [number(mean, f"{sign}.2f")]
    out.print(Table("scores", title, [*map(Column, names), Column("Avg.")], [Line(cells)]), "")


def checks(results: Iterable[tuple[str, bool, str]], json: bool = False) -> int:
    """A line for each check (its name, whether it passed, and a message), as it is made. Returns the exit code."""
    rows = []
    for name, good, message in results:
        rows.append({"name": name, "good": good, "about": message})
        if not json:
            mark = "[green]ok [/]" if good else "[red]bad[/]"
            paragraph(f"{mark} {name}: {escape(message)}")
    if json:
        as_json(rows)
    return OK if all(row["good"] for row in rows) else RUN_FAILED


def rows(board: Leaderboard) -> list[dict[str, Any]]:
    """The rows of a leaderboard in JSON's own types."""
    left = set() if board.confirmed else {"confirmed"}
    return [{key: value for key, value in asdict(row).items() if key not in left} for row in board.rows]


def board_of(board: Leaderboard) -> Group:
    """The tables for a terminal of 80 columns or more; recipes without runs are named in one line."""
    title = f"Track {board.scope.track} v{board.scope.version} · protocol {board.scope.protocol}"
    title += f" · backbone {board.backbones[0]}" if len(board.backbones) == 1 else ""
    parts: list[RenderableType] = [Text(title, style="bold"), Text()]
    for table in tables.every(board):
        lines = [line for line in table.lines if line.state != "not run"]
        parts += [replace(table, lines=lines), Text()]
    notes = [line for line in page.legend(board) if not line.startswith("not run")]
    if idle := [row.recipe for row in board.rows if row.state == "not run"]:
        notes.insert(0, f"not run: {', '.join(idle)}.")
    parts.append(Text("\n".join(notes), style="dim"))
    if board.compared:
        parts.append(Text(reproduced(board), style="bold"))
    return Group(*parts)


def reproduced(board: Leaderboard) -> str:
    """One line: how many rows agree with the published records."""
    counts = Counter(row.reproduction for row in board.rows if row.seeds)
    words: dict[Reproduction, str] = {"–": "with nothing to compare with"}
    order: tuple[Reproduction, ...] = ("bit-equal", "inside", "outside", "–")
    parts = ", ".join(f"{counts[word]} {words.get(word, word)}" for word in order if counts[word])
    return f"Against the published records: {parts or 'no rows'}."


def reproduction(verdict: reproductions.Reproduction) -> None:
    colour = {0: "green", 1: "red"}.get(verdict.exit_code, "yellow")
    first, *more = map(escape, reproductions.to_lines(verdict))
    paragraph("\n".join([f"[{colour}]{verdict.word}[/]{first.removeprefix(verdict.word)}", *more]))


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
