"""What the terminal shows: results on stdout, progress and errors on stderr, plain where nobody watches."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Table

from srlbench import plan as plans
from srlbench import tables, verdicts
from srlbench.agreement import Agreement
from srlbench.claims import Claim, Finding
from srlbench.compare import Comparison, spelled_p, spelled_span
from srlbench.errors import OK, RUN_FAILED
from srlbench.jobs import Event, Outcome
from srlbench.jobs import Progress as Step
from srlbench.leaderboard import Leaderboard
from srlbench.plan import Plan
from srlbench.records import Record
from srlbench.scores import Scores
from srlbench.search import Searched, spelled
from srlbench.stats import average, label, with_averages
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


def plan(plan: Plan) -> None:
    """The plan, one line a recipe and backbone."""
    cells: dict[tuple[str, str, str], list[plans.Run]] = defaultdict(list)
    for run_ in plan.runs:
        cells[run_.key.recipe, run_.key.backbone, run_.key.fingerprint].append(run_)
    table = Table(title=f"{plan.track.name} v{plan.track.version}", title_justify="left", box=None)
    for column in ("recipe", "backbone", "fingerprint", *plan_states(plan), "cost"):
        table.add_column(column, justify="right" if column == "cost" else "left")
    for (recipe, backbone, print_), runs in cells.items():
        by_state = [_seeds(r.key.seed for r in runs if r.state == state) for state in plan_states(plan)]
        table.add_row(recipe, backbone, print_, *by_state, _cost([r for r in runs if r.state != plans.DONE]))
    out.print(table)
    missing = plan.missing
    reckoned = sum(run_.seconds or 0.0 for run_ in missing) / 3600 if plan.track.estimate else None
    cost = _together(missing) if reckoned is None else f", about {reckoned:,.0f} GPU hours, reckoned from operations"
    out.print(f"\n{len(plan.runs)} runs, {len(missing)} to make{cost}.")


def plan_states(plan: Plan) -> list[str]:
    found = {run_.state for run_ in plan.runs}
    return [s for s in (plans.DONE, plans.STALE, plans.FAILED, plans.TO_DO) if s in found]


def run(plan: Plan, engine: plans.Engine, jobs: int, fail_fast: bool) -> None:
    """Make the missing runs under a progress display."""
    if not plan.missing:
        err.print(f"Nothing to do: all {len(plan.runs)} runs are recorded in {plan.results}.")
        return
    progress = _Watched(plan, jobs) if err.is_terminal and not os.environ.get("CI") else _Logged(plan, jobs)
    with progress.live():
        for event in plans.walk(plan, engine, fail_fast):
            progress.see(event)


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
    out.print(f"model: {escape(first.model)}{revision}, {_duration(first.seconds or 0.0)} in all", soft_wrap=True)


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


def compared(found: Mapping[str, Sequence[Comparison]], path: Path | None) -> None:
    """A table for each average: how much better, and how sure that is."""
    colours = {"better": "green", "worse": "red"}
    for name, comparisons in found.items():
        table = Table(title=label(name), title_justify="left", title_style="bold", box=None)
        for column in ("recipe", "against", "difference", "95% interval", "p", ""):
            table.add_column(column, justify="right" if column in ("difference", "p") else "left")
        for c in comparisons:
            word = f"[{colours[c.word]}]{c.word}[/]" if c.word in colours else f"[dim]{c.word}[/]"
            table.add_row(c.system, c.against, f"{c.value:+.2f}", spelled_span(c), spelled_p(c.p), word)
        out.print(table, "")
    if path:
        out.print(f"Wrote {path}.", soft_wrap=True)


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
        out.print_json(json.dumps([asdict(row) for row in board.rows]))
        return
    out.print(tables.to_terminal(board))


def report(report: verdicts.Report) -> None:
    out.print(verdicts.to_terminal(report))


def diagnosis(findings: Iterable[tuple[str, bool, str]]) -> int:
    sound = True
    for name, good, said in findings:
        out.print(
            f"[{'green' if good else 'red'}]{'ok ' if good else 'bad'}[/] {name}: {escape(said)}",
            soft_wrap=True,
        )
        sound = sound and good
    return OK if sound else RUN_FAILED


class _Logged:
    """Progress as plain lines: one a finished run, for logs and pipes."""

    def __init__(self, plan: Plan, jobs: int) -> None:
        self.plan, self.jobs = plan, jobs
        self.left = {r.key: r.seconds for r in plan.missing}
        self.total = len(self.left)
        self.start = time.monotonic()
        self.spent, self.expected = 0.0, 0.0

    @contextmanager
    def live(self) -> Iterator[None]:
        cost = _together(self.plan.missing, self.jobs)
        self.say(f"{self.total} runs to make, {self.jobs} side by side{cost}. Records go to {self.plan.results}.")
        yield

    def say(self, line: str) -> None:
        err.print(line, soft_wrap=True)

    def see(self, event: Event) -> None:
        if isinstance(event.news, Outcome):
            record = event.news.record
            seconds = self.left.pop(event.job.key, None)
            self.spent += record.timings.get("total_s", 0.0)
            self.expected += seconds or 0.0
            self.say(f"[{self.total - len(self.left)}/{self.total}] {_said(record, self.plan)}{self.time_left()}")

    def time_left(self) -> str:
        """From what runs like these cost before, corrected by how this machine does; from the mean if unknown."""
        done = self.total - len(self.left)
        if not self.left or not done:
            return ""
        mean, pace = self.spent / done, self.spent / self.expected if self.expected else 1.0
        work = sum(pace * s if s else mean for s in self.left.values())
        return f" · about {_duration(work / min(self.jobs, len(self.left)))} left"


class _Watched(_Logged):
    """Progress as bars, for people: one for the suite, one for each run under way."""

    @contextmanager
    def live(self) -> Iterator[None]:
        self.bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}"),
            console=err,
        )
        self.rows: dict[Any, TaskID] = {}
        with self.bars:
            cost = _together(self.plan.missing, self.jobs)
            self.suite = self.bars.add_task("[bold]suite", total=self.total, said=f"starting{cost}")
            yield

    def say(self, line: str) -> None:
        self.bars.console.print(line, soft_wrap=True)

    def see(self, event: Event) -> None:
        key = event.job.key
        if isinstance(event.news, Step):
            if key not in self.rows:
                self.rows[key] = self.bars.add_task(f"{key.recipe} {key.seed}", said="")
            step = event.news
            self.bars.update(self.rows[key], completed=step.done, total=step.of, said=step.stage)
        else:
            if key in self.rows:
                self.bars.remove_task(self.rows.pop(key))
            super().see(event)
            self.bars.update(self.suite, advance=1, said=self.time_left().removeprefix(" · "))


def _said(record: Record, plan: Plan) -> str:
    run = f"[cyan]{record.recipe}[/] {record.backbone} seed {record.seed}"
    seconds = _duration(record.timings.get("total_s", 0.0))
    if record.status == "failed":
        return f"{run}: [red]failed[/] after {seconds}: {escape((record.error or {})['message'])}"
    averages = with_averages(record.scores, plan.track.groups) if plan.scored else record.scores
    shown = {label(average(group)): average(group) for group in plan.track.groups} if plan.scored else {}
    said = ", ".join(f"{name} {averages[key]:.2f}" for name, key in (shown or {n: n for n in averages}).items())
    return f"{run}: {said} ({seconds})"


def _together(runs: list[plans.Run], jobs: int = 1) -> str:
    known = [r.seconds for r in runs if r.seconds]
    if not known:
        return ""
    total = sum(known) / len(known) * len(runs)
    return f", about {_duration(total / jobs)}" + (" one after the other" if jobs == 1 else "")


def _cost(runs: list[plans.Run]) -> str:
    if not runs:
        return ""
    return _duration(sum(r.seconds for r in runs if r.seconds)) if all(r.seconds for r in runs) else "unknown"


def _seeds(seeds: Iterator[int]) -> str:
    """0-2, 5 for 0, 1, 2, 5."""
    spans: list[list[int]] = []
    for seed in sorted(seeds):
        if spans and seed == spans[-1][1] + 1:
            spans[-1][1] = seed
        else:
            spans.append([seed, seed])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
