"""What the terminal shows: results on stdout, progress and errors on stderr, plain where nobody watches."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from srlbench import comparisons, tables, verdicts
from srlbench import reproduction as reproductions
from srlbench.agreement import Agreement
from srlbench.claims import Claim, Finding
from srlbench.contests import Contest
from srlbench.errors import NOTHING_COMPARABLE, OK, RUN_FAILED
from srlbench.leaderboard import Leaderboard
from srlbench.scores import Scores
from srlbench.search import Searched, spelled
from srlbench.stats import average, label
from srlbench.sweep import Sweep

debug = False
out = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
err = Console(stderr=True, highlight=False)


def error(message: str) -> None:
    err.print(f"[bold red]Error:[/] {escape(message)}", soft_wrap=True)


def say(message: str) -> None:
    err.print(escape(message), soft_wrap=True)


def warn(message: str) -> None:
    err.print(f"[yellow]Note:[/] {escape(message)}", soft_wrap=True)


def listing(kinds: Mapping[str, Mapping[str, str]], as_json: bool) -> None:
    if as_json:
        out.print_json(json.dumps(kinds))
        return
    for kind, entries in kinds.items():
        table = Table(title=f"{kind} ({len(entries)})", title_justify="left", title_style="bold", box=None)
        table.add_column(style="cyan", no_wrap=True)
        table.add_column()
        for name, about in entries.items():
            table.add_row(name, escape(about))
        out.print(table, "")


def description(about: dict[str, Any], as_json: bool) -> None:
    if as_json:
        out.print_json(json.dumps(about))
        return
    out.print(f"[bold cyan]{about['name']}[/]  {escape(about['summary'])}")
    out.print(f"file recipes/{about['family']}.py · cite {about['cite'] or '–'} · on track {about['track']}\n")
    for backbone, settings in about["backbones"].items():
        table = Table(title=f"on {backbone}", title_justify="left", box=None, show_header=False)
        for key, value in settings.items():
            table.add_row(key, "–" if value is None else escape(str(value)))
        out.print(table)
    for setting, numbers in about["reported"].items():
        out.print(f"reported for {setting}: " + ", ".join(f"{k} {v}" for k, v in numbers.items()))


def step(stage: str, done: int, of: int) -> None:
    """One line that moves, where somebody watches."""
    if err.is_terminal and not os.environ.get("CI"):
        err.print(f"{stage} {done}/{of}", end="\r" if done < of else "\n")


def searched(found: Sequence[Searched], written: Sequence[Path]) -> None:
    """The development score of each point, the chosen one of each recipe in bold."""
    for backbone in dict.fromkeys(each.backbone for each in found):
        mine = [each for each in found if each.backbone == backbone]
        table = Table(title=f"on {backbone}", title_justify="left", box=None)
        for column in ("recipe", *(spelled(settings) for settings, _ in mine[0].points)):
            table.add_column(column, justify="left" if column == "recipe" else "right")
        for each in mine:
            cells = ["–" if score is None else f"{score:.2f}" for _, score in each.points]
            at = [settings for settings, _ in each.points].index(each.chosen) if each.chosen is not None else -1
            table.add_row(
                each.recipe, *(f"[bold]{cell}[/]" if place == at else cell for place, cell in enumerate(cells))
            )
        out.print(table, "")
    for path in written:
        err.print(f"Wrote {path}", soft_wrap=True)


def scores(found: Sequence[Scores]) -> None:
    """The tables that SimCSE's evaluation prints, then where the numbers came from."""
    shown: set[str] = set()
    for each in found:
        for group, names in each.groups.items():
            title = _title(group, each)
            if title not in shown:
                shown.add(title)
                _row(title, names, {**each.scores}, each.averages.get(group))
    for each in found:
        for said in each.warnings:
            warn(said)
    for source in dict.fromkeys((each.protocol, each.source) for each in found):
        out.print(f"{source[0]}: its text is from {escape(source[1])}", soft_wrap=True)
    first = found[0]
    revision = f" at {first.revision}" if first.revision else ""
    out.print(f"model: {escape(first.model)}{revision}, {duration(first.seconds or 0.0)} in all", soft_wrap=True)


def differences(pairs: Sequence[tuple[Scores, Scores]]) -> None:
    """Mine minus the other's, task by task."""
    for mine, other in pairs:
        for group, names in mine.groups.items():
            both = {name: mine.scores[name] - other.scores[name] for name in names if name in other.scores}
            mean = mine.averages.get(group, math.nan) - other.averages.get(group, math.nan)
            _row(f"{_title(group, mine)}, minus {other.model}", names, both, None if math.isnan(mean) else mean, "+")


def _title(group: str, of: Scores) -> str:
    probe = f", {of.probe} probe" if group != "sts" and of.probe else ""
    return f"{group.upper() if group == 'sts' else group.capitalize()} · {of.protocol}{probe}"


def _row(title: str, names: Sequence[str], values: Mapping[str, float], mean: float | None, sign: str = "") -> None:
    out.print(f"[bold]{escape(title)}[/]", soft_wrap=True)
    table = Table()
    for name in (*names, "Avg."):
        table.add_column(name, justify="right")
    cells = [f"{values[name]:{sign}.2f}" if name in values else "–" for name in names]
    table.add_row(*cells, "–" if mean is None else f"{mean:{sign}.2f}")
    out.print(table)


def sweep(found: Sweep, files: Sequence[Path]) -> None:
    """The grid's points in its order."""
    out.print(f"[bold]Sweep of {found.recipe}[/] · track {found.board.track} v{found.board.version}", soft_wrap=True)
    table = Table()
    for name in found.header():
        table.add_column(name, justify="left" if name == "backbone" else "right")
    for line in found.lines():
        table.add_row(*line)
    out.print(table)
    out.print(f"Wrote {', '.join(map(str, files))}.", soft_wrap=True)


def claims(by_backbone: Mapping[str, Iterable[tuple[Claim, Finding]]], path: Path | None) -> None:
    """A table a paper, a line a claim."""
    for backbone, judged in by_backbone.items():
        if len(by_backbone) > 1:
            out.print(f"[bold]on {backbone}[/]")
        _claims(judged)
    if path:
        out.print(f"Wrote {path}.", soft_wrap=True)


def compared(contest: Contest, as_json: bool) -> int:
    """A table for each average, or one of two systems with their tasks; then who had nothing to compare."""
    found, rules = contest.found, contest.track
    code = OK if found else NOTHING_COMPARABLE
    if as_json:
        about = {"track": rules.name, "version": rules.version, "protocol": rules.protocol.label}
        told = {"comparisons": [*map(comparisons.to_json, found)], "rest": [*map(asdict, contest.rest)]}
        out.print_json(json.dumps(about | told))
        return code
    averages = [average(group) for group in rules.groups]
    if len({(each.system, each.against) for each in found}) == 1:
        _compared(None, *comparisons.by_task(found), {label(name) for name in averages})
        for each in found:
            if each.name in averages:
                out.print(escape(comparisons.sees(each)), soft_wrap=True)
    else:
        for name in averages:
            if mine := [each for each in found if each.name == name]:
                _compared(label(name), comparisons.MANY, comparisons.lines(mine), set())
    for one in contest.rest:
        out.print(f"[yellow]{one.word}[/] {escape(one.name)}: {escape(one.reason)}", soft_wrap=True)
    for said in comparisons.legend(found) if found else ():
        out.print(f"[dim]{escape(said)}[/]", soft_wrap=True)
    if contest.page:
        out.print(f"Wrote {contest.page}.", soft_wrap=True)
    return code


def _compared(title: str | None, header: Sequence[str], lines: Sequence[Sequence[str]], bold: Collection[str]) -> None:
    colours = {"better": "green", "worse": "red"}
    table = Table(title=title, title_justify="left", title_style="bold", box=None)
    for column in header:
        left = column.strip() in comparisons.WORDS and column != "95% interval"
        table.add_column(escape(column), justify="left" if left else "right", no_wrap=column == "95% interval")
    for *cells, word in lines:
        said = f"[{colours[word]}]{word}[/]" if word in colours else f"[dim]{word}[/]"
        table.add_row(*map(escape, cells), said, style="bold" if cells[0] in bold else None)
    out.print(table, "")


def agreements(found: Sequence[tuple[str, str, Agreement | None]]) -> None:
    """A line for each average, backbone and kind of recipe."""
    table = Table(box=None)
    for column in ("", "recipes", "n", "Spearman", "95% interval", "Kendall"):
        table.add_column(column, justify="left" if column in ("", "recipes") else "right")
    for where, which, each in found:
        cells = ("–", "too few in common", "", "")
        if each:
            interval = f"{each.low:+.2f} to {each.high:+.2f}"
            cells = (str(len(each.recipes)), f"{each.spearman:+.2f}", interval, f"{each.kendall:+.2f}")
        table.add_row(where, which, *cells)
    out.print(table)


def _claims(judged: Iterable[tuple[Claim, Finding]]) -> None:
    colours = {"supported": "green", "contradicted": "red", "inconclusive": "yellow"}
    by_paper: dict[str, Table] = {}
    for claim, found in judged:
        if claim.paper not in by_paper:
            by_paper[claim.paper] = Table(title=claim.paper, title_justify="left", title_style="bold")
            for name in ("claim", "verdict", "effect [95% interval]", "seeds"):
                by_paper[claim.paper].add_column(name, justify="right" if name == "seeds" else "left")
        word = f"[{colours[found.word]}]{found.word}[/]" if found.word in colours else f"[dim]{found.word}[/]"
        said = escape(str(found)) if found.effect is not None else f"[dim]{escape(found.detail)}[/]"
        by_paper[claim.paper].add_row(escape(claim.text), word, said, str(found.n or "–"))
    out.print(*by_paper.values(), sep="\n")


def verified(findings: Iterable[tuple[str, str, bool, str]]) -> int:
    sound = True
    for protocol, name, good, said in findings:
        mark = f"[{'green' if good else 'red'}]{'ok ' if good else 'bad'}[/]"
        out.print(f"{mark} {protocol} {name}: {escape(said)}", soft_wrap=True)
        sound = sound and good
    return OK if sound else RUN_FAILED


def leaderboard(board: Leaderboard, as_json: bool = False) -> None:
    if as_json:
        left = set() if board.confirmed else {"confirmed"}
        rows = [{key: value for key, value in asdict(row).items() if key not in left} for row in board.rows]
        out.print_json(json.dumps(rows))
        return
    out.print(tables.to_terminal(board))


def report(report: verdicts.Report) -> None:
    out.print(verdicts.to_terminal(report))


def reproduction(found: reproductions.Reproduction) -> None:
    colour = {0: "green", 1: "red"}.get(found.exit_code, "yellow")
    first, *more = map(escape, reproductions.to_lines(found))
    out.print(f"[{colour}]{found.word}[/]{first.removeprefix(found.word)}", *more, sep="\n", soft_wrap=True)


def diagnosis(findings: Iterable[tuple[str, bool, str]]) -> int:
    sound = True
    for name, good, said in findings:
        out.print(
            f"[{'green' if good else 'red'}]{'ok ' if good else 'bad'}[/] {name}: {escape(said)}",
            soft_wrap=True,
        )
        sound = sound and good
    return OK if sound else RUN_FAILED


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
