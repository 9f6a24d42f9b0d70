"""The plan of a suite, and the progress of its runs: bars in a terminal, else one line for each run."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import RenderableType
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn

from srlbench.analysis.table import Column, Line, Table, texts
from srlbench.cli.show.standings import Standings
from srlbench.cli.show.terminal import duration, err, out
from srlbench.records import Key, Record
from srlbench.runs import plan as plans
from srlbench.runs.job import Crew, Event, Lost, Outcome
from srlbench.runs.job import Progress as Step
from srlbench.runs.plan import Plan
from srlbench.stats import average, label, with_averages


def plan(plan: Plan) -> None:
    """The plan: one line for each recipe and backbone."""
    cells: dict[tuple[str, str, str], list[plans.Run]] = defaultdict(list)
    for run_ in plan.runs:
        cells[run_.key.recipe, run_.key.backbone, run_.key.fingerprint].append(run_)
    states = plan_states(plan)
    columns = [Column("recipe", "left"), Column("backbone", "left"), Column("fingerprint", "left", spare=1)]
    columns += [*(Column(state, "left") for state in states), Column("cost")]
    lines = []
    for cell, runs in cells.items():
        by_state = [_seeds(r.key.seed for r in runs if r.state == state) for state in states]
        lines.append(Line(texts(*cell, *by_state, _cost([r for r in runs if r.state != plans.DONE]))))
    out.print(Table("plan", f"{plan.track.name} v{plan.track.version}", columns, lines))
    missing = plan.missing
    memory = {run_.key.backbone: run_.memory for run_ in missing if run_.memory}
    for backbone, needed in memory.items():
        out.print(f"Nobody timed these runs on {backbone}: about {needed / 1e9:.1f} GB of memory each. That and "
                  "the cost are reckoned from its size and a short calibration.", soft_wrap=True)  # fmt: skip
    reckoned = sum(run_.seconds or 0.0 for run_ in missing) / 3600 if plan.track.estimate else None
    cost = _together(missing) if reckoned is None else f", about {reckoned:,.0f} GPU hours, reckoned from operations"
    out.print(f"\n{_runs(len(plan.runs))}, {len(missing)} to make{cost}.")


def plain(plan: Plan) -> dict[str, Any]:
    """The plan in JSON's own types."""
    names = ("recipe", "backbone", "fingerprint", "seed")
    runs = [
        {**{name: getattr(run_.key, name) for name in names}, "state": run_.state, "seconds": run_.seconds}
        | ({"memory": run_.memory} if run_.memory else {})
        for run_ in plan.runs
    ]
    return {"track": plan.track.name, "version": plan.track.version, "results": str(plan.results), "runs": runs}


def plan_states(plan: Plan) -> list[str]:
    found = {run_.state for run_ in plan.runs}
    return [s for s in (plans.DONE, plans.STALE, plans.FAILED, plans.TO_DO) if s in found]


def run(plan: Plan, engine: plans.Engine, jobs: int | None, fail_fast: bool) -> int:
    """Make the missing runs under a progress display, and return how many failed.

    jobs: how many at once, if that is known before.
    """
    plans.tidy(plan)
    if not plan.missing:
        err.print(f"Nothing to do: all {len(plan.runs)} runs are recorded in {plan.results}.")
        return 0
    progress = _Watched(plan, jobs) if err.is_terminal and not os.environ.get("CI") else _Logged(plan, jobs)
    with progress.live():
        for event in plans.walk(plan, engine, fail_fast):
            progress.see(event)
    return progress.failed


class _Logged:
    """Progress as plain lines, one for each finished run: for logs and pipes."""

    def __init__(self, plan: Plan, jobs: int | None) -> None:
        self.plan, self.jobs = plan, jobs
        self.crew: Crew | None = None
        self.failed = 0
        self.left = {r.key: r.seconds for r in plan.missing}
        self.total = len(self.left)
        self.standings = Standings(plan) if plan.scored else None
        self.spent, self.expected = 0.0, 0.0

    @contextmanager
    def live(self) -> Iterator[None]:
        many = f"{self.jobs} side by side" if self.jobs else "as many side by side as the cluster takes"
        self.say(f"{_runs(self.total)} to make, {many}{self.cost()}. Records go to {self.plan.results}.")
        yield

    def cost(self) -> str:
        return _together(self.plan.missing, self.jobs) if self.jobs else ""

    def say(self, line: str) -> None:
        err.print(line, soft_wrap=True)

    def see(self, event: Event) -> None:
        self.crew = event.crew
        self.failed += event.failed
        if isinstance(event.news, Lost):
            news, run = event.news, _named(event.job.key)
            self.say(f"{run}: [yellow]lost[/], {escape(news.reason)}; again ({news.attempt + 1} of {news.of})")
        elif isinstance(event.news, Outcome):
            record = event.news.record
            seconds = self.left.pop(event.job.key, None)
            self.spent += record.timings.get("total_s", 0.0)
            self.expected += seconds or 0.0
            self.say(f"[{self.total - len(self.left)}/{self.total}] {_said(record, self.plan)}{self.end_of_line()}")
            if self.standings:
                self.stand(self.standings, self.standings.see(record))

    def stand(self, standings: Standings, whole: bool) -> None:
        """Show the table so far: here whenever all runs of a seed have ended."""
        if whole:
            err.print(standings.table())

    def end_of_line(self) -> str:
        return self.status()

    def status(self) -> str:
        """The state of the cluster, if there is one, and the time left."""
        if self.crew is None:
            return self.time_left()
        one = "machine" if self.crew.machines == 1 else "machines"
        text = f"{self.crew.machines} {one}, {self.crew.running} running, {self.crew.queued} queued"
        return f" · {text}, {self.failed} failed{self.time_left()}"

    def time_left(self) -> str:
        """Estimated from what the same runs took before, corrected by the pace so far; else from the mean."""
        done = self.total - len(self.left)
        if not self.left or not done:
            return ""
        mean, pace = self.spent / done, self.spent / self.expected if self.expected else 1.0
        work = sum(pace * s if s else mean for s in self.left.values())
        at_once = self.crew.running if self.crew else self.jobs or 1
        return f" · about {duration(work / max(1, min(at_once, len(self.left))))} left"


class _Bars(Progress):
    """Bars with a table above them."""

    above: Table | None = None

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from filter(None, [self.above])
        yield from super().get_renderables()


class _Watched(_Logged):
    """Progress as bars: one for the suite, and one for each run that is going on."""

    @contextmanager
    def live(self) -> Iterator[None]:
        self.bars = _Bars(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
            TextColumn("{task.fields[stage]}"), console=err,
        )  # fmt: skip
        self.rows: dict[Any, TaskID] = {}
        with self.bars:
            self.suite = self.bars.add_task("[bold]suite", total=self.total, stage=f"starting{self.cost()}")
            try:
                yield
            finally:
                self.bars.above = None  # the leaderboard follows

    def end_of_line(self) -> str:
        return ""  # the bar says it

    def stand(self, standings: Standings, whole: bool) -> None:
        # As many rows as the window has room for, above the bars.
        self.bars.above = standings.table(max(3, err.height - len(self.rows) - 8))

    def say(self, line: str) -> None:
        self.bars.console.print(line, soft_wrap=True)

    def see(self, event: Event) -> None:
        key = event.job.key
        if isinstance(event.news, Step):
            if key not in self.rows:
                self.rows[key] = self.bars.add_task(f"{key.recipe} {key.seed}", stage="")
            step = event.news
            self.bars.update(self.rows[key], completed=step.done, total=step.of, stage=step.stage)
        elif key in self.rows:
            self.bars.remove_task(self.rows.pop(key))
        super().see(event)
        done = self.total - len(self.left)
        if self.crew or isinstance(event.news, Outcome):
            self.bars.update(self.suite, completed=done, stage=self.status().removeprefix(" · "))


def _said(record: Record, plan: Plan) -> str:
    run = _named(record.key)
    seconds = duration(record.timings.get("total_s", 0.0))
    if record.status == "failed":
        return f"{run}: [red]failed[/] after {seconds}: {escape((record.error or {})['message'])}"
    averages = with_averages(record.scores, plan.track.groups) if plan.scored else record.scores
    shown = {label(average(group)): average(group) for group in plan.track.groups} if plan.scored else {}
    named = {name: averages[key] for name, key in shown.items() if key in averages} or averages
    text = ", ".join(f"{name} {value:.2f}" for name, value in named.items())
    return f"{run}: {text} ({seconds})"


def _named(key: Key) -> str:
    return f"[cyan]{key.recipe}[/] {key.backbone} seed {key.seed}"


def _together(runs: list[plans.Run], jobs: int = 1) -> str:
    known = [r.seconds for r in runs if r.seconds]
    if not known:
        return ""
    total = sum(known) / len(known) * len(runs)
    return f", about {duration(total / jobs)}" + (" one after the other" if jobs == 1 and len(runs) > 1 else "")


def _runs(n: int) -> str:
    return "1 run" if n == 1 else f"{n} runs"


def _cost(runs: list[plans.Run]) -> str:
    if not runs:
        return ""
    return duration(sum(r.seconds for r in runs if r.seconds)) if all(r.seconds for r in runs) else "unknown"


def _seeds(seeds: Iterator[int]) -> str:
    """Seeds as ranges: `0-2, 5` for 0, 1, 2, 5."""
    spans: list[list[int]] = []
    for seed in sorted(seeds):
        if spans and seed == spans[-1][1] + 1:
            spans[-1][1] = seed
        else:
            spans.append([seed, seed])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)
