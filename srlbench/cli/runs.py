"""Verbs of recipes and their runs: list, show, run, leaderboard, check, baseline, doctor."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from srlbench import progress, reports, standings, suite, terminal
from srlbench.cli.options import (
    DEFAULT_ENGINE,
    DEFAULT_RESULTS,
    DEFAULT_TRACK,
    HOW,
    WHAT,
    WHERE,
    Address,
    Backbones,
    Cpus,
    Data,
    DryRun,
    EngineName,
    Every,
    Explain,
    Files,
    Gpus,
    Jobs,
    Json,
    Names,
    Results,
    Seeds,
    TrackName,
    app,
    use,
)
from srlbench.errors import RUN_FAILED
from srlbench.jobs import Share
from srlbench.plan import Engine, Plan
from srlbench.tracks import Track


@app.command("list")
def list_(
    kind: Annotated[
        str | None,
        typer.Argument(help="recipes, tracks, losses, tasks or backbones; default: all.", show_default=False),
    ] = None,
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    json: Json = False,
) -> None:
    """What is registered: recipes, tracks, losses, tasks, backbones.

    Examples: `srlbench list`, `srlbench list recipes --json`
    """
    terminal.listing(suite.listing(kind, track, tuple(recipes or ())), json)


@app.command()
def show(
    recipe: Annotated[str, typer.Argument(help="A recipe's name.")],
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    json: Json = False,
) -> None:
    """A recipe as a track resolves it: every setting, its loss, its fingerprint, what its paper reports.

    Example: `srlbench show simcse-unsup --track embedded`
    """
    terminal.description(suite.describe(recipe, track, tuple(recipes or ())), json)


@app.command()
def run(
    recipe: Names = None,
    all_: Annotated[bool, typer.Option("--all", help="Every registered recipe.", rich_help_panel=WHAT)] = False,
    track: TrackName = DEFAULT_TRACK,
    backbone: Backbones = None,
    seeds: Seeds = None,
    recipes: Files = None,
    results: Results = DEFAULT_RESULTS,
    keep_encoders: Annotated[
        bool, typer.Option(help="Keep the trained encoders beside the records.", rich_help_panel=WHERE)
    ] = True,
    data: Data = None,
    jobs: Jobs = None,
    engine: EngineName = DEFAULT_ENGINE,
    address: Address = None,
    cpus_per_run: Cpus = None,
    gpus_per_run: Gpus = None,
    dry_run: DryRun = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Stop at the first failed run.", rich_help_panel=HOW)
    ] = False,
    observe_every: Every = None,
    explain: Explain = False,
) -> None:
    """Train and evaluate recipes, record every run, show the table. What is done already is not done again.

    Examples: `srlbench run --all`, `srlbench run simcse-unsup whitening --seeds 0-4`, `srlbench run --all --dry-run`
    """
    use(data)
    plan = suite.plan(
        recipe or [],
        all_,
        track,
        backbone or [],
        seeds,
        tuple(recipes or ()),
        results,
        keep_encoders,
        command(),
        suite.look(observe_every, explain),
    )
    made_by = suite.engine(plan, jobs, engine, address, Share(cpus_per_run, gpus_per_run))
    only_show(plan, dry_run)
    walk(plan, made_by, jobs or (suite.cores() if engine == DEFAULT_ENGINE else None), fail_fast)
    _table(plan.track, tuple(recipes or ()), results)
    finish(plan)


@app.command()
def leaderboard(
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    results: Results = DEFAULT_RESULTS,
    json: Json = False,
) -> None:
    """Rebuild leaderboard.csv and leaderboard.md from the records, and show the table.

    Examples: `srlbench leaderboard`, `srlbench leaderboard --results results`
    """
    _table(suite.track(track), tuple(recipes or ()), results, json)


@app.command()
def check(
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    results: Results = DEFAULT_RESULTS,
    baseline: Annotated[
        Path | None,
        typer.Option(help="Reviewed expectations; default: the published ones.", show_default=False),
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML here.", rich_help_panel=WHERE)] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a Markdown page here.", rich_help_panel=WHERE)] = None,
    github: Annotated[
        bool,
        typer.Option("--github", help="Annotate a GitHub Actions run, and its summary page.", rich_help_panel=WHERE),
    ] = False,
) -> None:
    """Compare fresh records with the reviewed baseline: a verdict a recipe, and an exit code for CI.

    Exit codes: 0 ok, 1 regressed or drifted, 2 usage, 3 a run failed, 4 nothing comparable.

    Examples: `srlbench check --results srlbench-results`, `srlbench check --junit check.xml --github`
    """
    report = standings.check(suite.track(track), tuple(recipes or ()), results, baseline)
    reports.write(report, junit, markdown, os.environ.get("GITHUB_STEP_SUMMARY") if github else None)
    terminal.report(report)
    for line in reports.to_annotations(report) if github else ():
        typer.echo(line)
    raise typer.Exit(report.exit_code)


@app.command()
def baseline(
    accept: Annotated[str, typer.Option("--accept", help="Why these records are the new expectation.")],
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    results: Results = DEFAULT_RESULTS,
    output: Annotated[
        Path | None,
        typer.Option(help="File to write; default: baseline.toml beside the records.", show_default=False),
    ] = None,
) -> None:
    """Write a new baseline from the records, to be reviewed and committed.

    Example: `srlbench baseline --accept "first release" --results results`
    """
    path = standings.accept(suite.track(track), tuple(recipes or ()), results, accept, output)
    typer.echo(f"Wrote {path}; review it and commit it.")


@app.command()
def doctor(track: TrackName = DEFAULT_TRACK, results: Results = DEFAULT_RESULTS) -> None:
    """Check this installation: versions, folder, backbone and data hashes, determinism."""
    raise typer.Exit(terminal.diagnosis(suite.examine(track, results)))


def _table(rules: Track, files: tuple[Path, ...], results: Path, json: bool = False) -> None:
    board, problems = standings.leaderboard(rules, files, results, write=not json)
    for problem in problems:
        terminal.warn(str(problem))
    if not json and all(row.state == "not run" for row in board.rows):
        terminal.warn(f"There are no records of track {rules.name} in {results}; `srlbench run --all` makes them.")
        return
    terminal.leaderboard(board, json)


def only_show(plan: Plan, dry_run: bool) -> None:
    if dry_run:
        progress.plan(plan)
        raise typer.Exit


def walk(plan: Plan, engine: Engine, jobs: int | None, fail_fast: bool = False) -> None:
    """Make what is missing under a progress display; jobs: how many at once, None if that is the engine's to say."""
    try:
        progress.run(plan, engine, jobs, fail_fast)
    except KeyboardInterrupt:
        terminal.error("Interrupted. What was recorded is kept; the same command goes on from there.")
        raise typer.Exit(130) from None


def finish(plan: Plan) -> None:
    if plan.failures:
        raise typer.Exit(RUN_FAILED)


def command() -> str:
    return shlex.join(["srlbench", *sys.argv[1:]])
