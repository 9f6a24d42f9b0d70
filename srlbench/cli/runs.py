"""Verbs of runs and their records: run, leaderboard, check, baseline, doctor."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from srlbench import tracks
from srlbench.analysis import check as checks
from srlbench.analysis import leaderboard as leaderboards
from srlbench.analysis.check import reports
from srlbench.analysis.results import Results as FolderResults
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
    command,
    of,
    use,
)
from srlbench.cli.show import progress, terminal
from srlbench.errors import RUN_FAILED, UsageError
from srlbench.runs import engines
from srlbench.runs.doctor import examine
from srlbench.runs.engines import Choice
from srlbench.runs.job import Look, Share
from srlbench.runs.plan import Options, Plan, plan
from srlbench.runs.suite import Suite, chosen, parse_seeds


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
    rules, files = tracks.load(track), tuple(recipes or ())
    asked = Suite(rules, chosen(recipe or [], all_, files), tuple(backbone or ()), seeds_of(seeds))
    choice = Choice(engine, jobs, address, Share(cpus_per_run, gpus_per_run))
    look = look_of(observe_every, explain)
    planned = plan(asked, Options(results, files, command(), keep_encoders, look))
    failed = make(planned, choice, dry_run, fail_fast)
    _table(of(results, track, recipes))
    finish(failed)


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
    _table(of(results, track, recipes), json)


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
    report = checks.check(of(results, track, recipes), baseline)
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
    path = checks.accept(of(results, track, recipes), accept, output)
    typer.echo(f"Wrote {path}; review it and commit it.")


@app.command()
def doctor(track: TrackName = DEFAULT_TRACK, results: Results = DEFAULT_RESULTS) -> None:
    """Check this installation: versions, folder, backbone and data hashes, determinism."""
    raise typer.Exit(terminal.diagnosis(examine(tracks.load(track), results)))


def _table(results: FolderResults, json: bool = False) -> None:
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


def look_of(every: int | None, explain: bool) -> Look:
    """How closely runs are looked at; refused before the first of them if what it takes is not installed."""
    if explain and find_spec("shap") is None:
        raise UsageError("Shapley values need shap: pip install 'srlbench[explain]'")
    return Look(every, explain)


def make(planned: Plan, choice: Choice, dry_run: bool, fail_fast: bool = False) -> int:
    """Make what is missing under a progress display, and return how many runs failed; or only show the plan."""
    made_by = engines.engine(choice, planned.track.threads)
    if dry_run:
        progress.plan(planned)
        raise typer.Exit
    try:
        return progress.run(planned, made_by, choice.parallel, fail_fast)
    except KeyboardInterrupt:
        terminal.error("Interrupted. What was recorded is kept; the same command goes on from there.")
        raise typer.Exit(130) from None


def finish(failed: int) -> None:
    if failed:
        raise typer.Exit(RUN_FAILED)
