"""The verb that makes records: run; and how the verbs of searches make theirs."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import typer

from srlbench import tracks
from srlbench.analysis import leaderboard as leaderboards
from srlbench.analysis.results import Results as FolderResults
from srlbench.cli import options as opt
from srlbench.cli.show import progress, terminal
from srlbench.errors import RUN_FAILED, UsageError
from srlbench.runs import engines
from srlbench.runs.engines import Choice
from srlbench.runs.job import Observation, Share
from srlbench.runs.plan import Options, Plan, plan
from srlbench.runs.suite import Suite, chosen, parse_seeds


@opt.app.command(rich_help_panel=opt.TRAIN)
def run(
    recipe: opt.Names = None,
    all_: Annotated[bool, typer.Option("--all", help="Run every registered recipe.", rich_help_panel=opt.WHAT)] = False,
    track: opt.TrackName = opt.DEFAULT_TRACK,
    backbone: opt.Backbones = None,
    seeds: opt.Seeds = None,
    recipes: opt.Files = None,
    results: opt.Results = opt.DEFAULT_RESULTS,
    keep_encoders: Annotated[
        bool, typer.Option(help="Keep the trained encoders beside the records.", rich_help_panel=opt.WHERE)
    ] = True,
    data: opt.Data = None,
    jobs: opt.Jobs = None,
    engine: opt.EngineName = opt.DEFAULT_ENGINE,
    address: opt.Address = None,
    cpus_per_run: opt.Cpus = None,
    gpus_per_run: opt.Gpus = None,
    dry_run: opt.DryRun = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Stop at the first failed run.", rich_help_panel=opt.HOW)
    ] = False,
    observe_every: opt.Every = None,
    explain: opt.Explain = False,
    json: opt.Json = False,
) -> None:
    """Train and score recipes, record every run, and show the table.

    A run that is recorded already is not made again. `--json` prints the table, or with `--dry-run` the plan.

    Examples:

    - `srlbench run --all`
    - `srlbench run simcse-unsup whitening --seeds 0-4`
    - `srlbench run --all --dry-run`
    """
    opt.use(data)
    rules, files = tracks.load(track), tuple(recipes or ())
    asked = Suite(rules, chosen(recipe or [], all_, files), tuple(backbone or ()), seeds_of(seeds))
    choice = Choice(engine, jobs, address, Share(cpus_per_run, gpus_per_run))
    look = look_of(observe_every, explain)
    planned = plan(asked, Options(results, files, opt.command(), keep_encoders, look))
    failed = make(planned, choice, dry_run, fail_fast, json)
    table(opt.of(results, track, recipes), json)
    finish(failed)


def table(results: FolderResults, json: bool = False) -> None:
    """Show the leaderboard, after its files beside the records were written."""
    board = leaderboards.leaderboard(results)
    if not json and results.entered.records:
        leaderboards.write(board, results)
    for problem in results.problems:
        terminal.warn(str(problem))
    if not json and all(row.state == "not run" for row in board.rows):
        advice = "`srlbench run --all` makes them."
        terminal.warn(f"There are no records of track {results.track.name} in {results.path}; {advice}")
        return
    terminal.leaderboard(board, json)


def seeds_of(text: str | None) -> tuple[int, ...]:
    """The seeds that were asked for; none for those of the track."""
    return parse_seeds(text) if text else ()


def look_of(every: int | None, explain: bool) -> Observation:
    """How closely runs are looked at; refused before the first of them if what it takes is not installed."""
    if explain and find_spec("shap") is None:
        raise UsageError("Shapley values need shap: pip install 'srlbench[explain]'")
    return Observation(every, explain)


def make(planned: Plan, choice: Choice, dry_run: bool, fail_fast: bool = False, json: bool = False) -> int:
    """Make what is missing under a progress display, and return how many runs failed; or only show the plan."""
    made_by = engines.engine(choice, planned.track.threads)
    if dry_run:
        progress.plan(planned, json)
        raise typer.Exit
    try:
        return progress.run(planned, made_by, choice.parallel, fail_fast)
    except KeyboardInterrupt:
        terminal.error("Interrupted. What was recorded is kept; the same command goes on from there.")
        raise typer.Exit(130) from None


def finish(failed: int) -> None:
    """End with the exit code of failed runs, and with where to read why they failed."""
    if failed:
        many = "1 run failed" if failed == 1 else f"{failed} runs failed"
        terminal.say(f"{many}; `srlbench show RECIPE@BACKBONE:SEED` shows why, as does a record's file.")
        raise typer.Exit(RUN_FAILED)
