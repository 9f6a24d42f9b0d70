"""The verb that makes records, run, and the steps of it that sweep and tune share."""

from __future__ import annotations

from typing import Annotated

import typer

from srlbench import tracks
from srlbench.analysis.leaderboard import Leaderboard, leaderboard, page
from srlbench.analysis.results import Results as FolderResults
from srlbench.cli import options as opt
from srlbench.cli.show import progress, terminal
from srlbench.errors import RUN_FAILED
from srlbench.publish import trackers
from srlbench.runs import engines
from srlbench.runs.engines import Choice
from srlbench.runs.job import Share
from srlbench.runs.plan import Options, Plan, plan
from srlbench.runs.session import observation
from srlbench.runs.suite import Suite, chosen, parse_seeds


class Interrupted(typer.Exit):
    """Somebody stopped the runs; what was recorded stays."""

    def __init__(self) -> None:
        super().__init__(130)


@opt.app.command(rich_help_panel=opt.TRAIN)
def run(
    recipe: opt.Names = None,
    all_: Annotated[bool, opt.what("--all", help="Run every registered recipe.")] = False,
    track: opt.TrackName = opt.DEFAULT_TRACK,
    backbone: opt.Backbones = None,
    seeds: opt.Seeds = None,
    recipes: opt.Files = None,
    results: opt.Results = opt.DEFAULT_RESULTS,
    keep_encoders: Annotated[bool, opt.where(help="Keep the trained encoders beside the records.")] = True,
    data: opt.Data = None,
    jobs: opt.Jobs = None,
    engine: opt.EngineName = opt.DEFAULT_ENGINE,
    address: opt.Address = None,
    cpus_per_run: opt.Cpus = None,
    gpus_per_run: opt.Gpus = None,
    dry_run: opt.DryRun = False,
    fail_fast: Annotated[bool, opt.how("--fail-fast", help="Stop at the first failed run.")] = False,
    observe_every: opt.Every = None,
    explain: opt.Explain = False,
    track_with: opt.Trackers = None,
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
    look = observation(observe_every, explain)
    planned = plan(asked, Options(results, files, opt.command(), keep_encoders, look))
    trackers.check(track_with or [])
    with trackers.following([] if dry_run else track_with or [], asked, results, terminal.warn, terminal.say):
        try:
            failed = make(planned, choice, dry_run, fail_fast, json)
        except Interrupted:
            if (found := opt.of(results, track, recipes)).without_variants.records:
                table(found, json)
            raise
    table(opt.of(results, track, recipes), json)
    finish(failed)


def table(results: FolderResults, json: bool = False) -> Leaderboard:
    """Write the leaderboard's files beside the records, and show it; with `json`, only print it."""
    board = leaderboard(results)
    if not json and results.without_variants.records:
        page.write(board, results.folder, results.command("leaderboard"))
    for problem in results.problems:
        terminal.warn(str(problem))
    if json:
        terminal.as_json(terminal.rows(board))
    elif all(row.state == "not run" for row in board.rows):
        advice = "`srlbench run --all` makes them."
        terminal.warn(f"There are no records of track {results.track.name} in {results.path}; {advice}")
    else:
        terminal.out.print(terminal.board_of(board))
    return board


def seeds_of(text: str | None) -> tuple[int, ...]:
    """The seeds of `--seeds`; none means those of the track."""
    return parse_seeds(text) if text else ()


def make(planned: Plan, choice: Choice, dry_run: bool, fail_fast: bool = False, json: bool = False) -> int:
    """Make the missing runs under a progress display and return how many failed; or only show the plan, and exit."""
    made_by = engines.engine(choice, planned.track.threads)
    if dry_run:
        terminal.as_json(progress.plain(planned)) if json else progress.plan(planned)
        raise typer.Exit
    if choice.name == engines.NAMES[0]:
        planned.ensure_fits()
    try:
        return progress.run(planned, made_by, choice.parallel, fail_fast)
    except KeyboardInterrupt:
        terminal.error("Interrupted. What was recorded is kept; the same command goes on from there.")
        raise Interrupted from None


def finish(failed: int) -> None:
    """If runs failed, say where to read why, and exit with their exit code."""
    if failed:
        many = "1 run failed" if failed == 1 else f"{failed} runs failed"
        terminal.say(f"{many}; `srlbench show RECIPE@BACKBONE:SEED` shows why, as does a record's file.")
        raise typer.Exit(RUN_FAILED)
