"""Verbs that ask what suits a recipe, and why: sweep, tune, claims."""

from __future__ import annotations

from typing import Annotated

import typer

from srlbench import analysis, contests, findings, suite, tuning
from srlbench.cli.options import (
    DEFAULT_RESULTS,
    DEFAULT_TRACK,
    WHAT,
    Backbones,
    Data,
    DryRun,
    Every,
    Explain,
    Files,
    Jobs,
    Json,
    Names,
    Results,
    Seeds,
    TrackName,
    app,
    use,
)
from srlbench.cli.runs import command, finish, only_show, walk
from srlbench.compare import MARGIN
from srlbench.errors import NOTHING_COMPARABLE


@app.command()
def sweep(
    recipe: Annotated[str, typer.Argument(help="A recipe's name.")],
    set_: Annotated[
        list[str],
        typer.Option(
            "--set",
            help="A setting of the recipe or its loss, and its values: temperature=0.01,0.05.",
            rich_help_panel=WHAT,
        ),
    ],
    track: TrackName = DEFAULT_TRACK,
    backbone: Backbones = None,
    seeds: Seeds = None,
    recipes: Files = None,
    results: Results = DEFAULT_RESULTS,
    data: Data = None,
    jobs: Jobs = None,
    dry_run: DryRun = False,
    observe_every: Every = None,
    explain: Explain = False,
) -> None:
    """A grid over a recipe's own settings, as ordinary runs and records, with a table of its own.

    Each point is a recipe by its name, as in `srlbench run simcse-unsup+temperature=0.1`.

    Example: `srlbench sweep simcse-unsup --set temperature=0.01,0.05,0.1 --set lr=1e-4,3e-4`
    """
    use(data)
    plan, points = analysis.plan_sweep(
        recipe,
        set_,
        track,
        backbone or [],
        seeds,
        tuple(recipes or ()),
        results,
        command(),
        suite.look(observe_every, explain),
    )
    only_show(plan, dry_run)
    walk(plan, suite.engine(plan, jobs), jobs or suite.cores())
    findings.sweep(*analysis.swept(points, plan, backbone or []))
    finish(plan)


@app.command()
def tune(
    recipe: Names = None,
    track: TrackName = "small",
    backbone: Backbones = None,
    recipes: Files = None,
    results: Results = DEFAULT_RESULTS,
    data: Data = None,
    jobs: Jobs = None,
    dry_run: DryRun = False,
) -> None:
    """Choose each recipe's settings by the development set, over the grid that the track declares for all of them.

    Example: `srlbench tune --track small`
    """
    use(data)
    files = tuple(recipes or ())
    plan = tuning.plan_search(recipe or [], track, backbone or [], files, results, command())
    only_show(plan, dry_run)
    walk(plan, suite.engine(plan, jobs), jobs or suite.cores())
    findings.searched(*tuning.searched(recipe or [], plan.track, backbone or [], files, results))
    finish(plan)


@app.command()
def claims(
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    results: Results = DEFAULT_RESULTS,
) -> None:
    """Judge every claim of the papers by the records there are, and write claims.md beside them.

    Example: `srlbench claims --results results`
    """
    rules = suite.track(track)
    judged = analysis.judge(rules, tuple(recipes or ()), results)
    measured = any(found.word != "no evidence" for one in judged.values() for _, found in one)
    findings.claims(judged, analysis.write_claims(judged, rules, results) if measured else None)
    if not measured:
        raise typer.Exit(NOTHING_COMPARABLE)


@app.command()
def compare(
    side: Annotated[
        list[str] | None,
        typer.Argument(
            help="A and B: recipes (simcse-sup, simcse-sup@mini), runs (simcse-sup:0, a record's file) or results "
            "folders. One alone, or all if none is named: with the control and what it is a version of.",
            show_default=False,
        ),
    ] = None,
    margin: Annotated[float, typer.Option(min=0, help="Points; a smaller difference is of no use.")] = MARGIN,
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    results: Results = DEFAULT_RESULTS,
    data: Data = None,
    json: Json = False,
) -> None:
    """How much better A is than B, paired by item and seed, from the recorded predictions.

    Examples: `srlbench compare simcse-sup simcse-unsup`, `srlbench compare srlbench-results results`
    """
    use(data)
    contest = contests.compared(suite.track(track), side or [], tuple(recipes or ()), results, margin)
    raise typer.Exit(findings.compared(contest, json))


@app.command()
def agree(
    other: Annotated[str, typer.Argument(help="The track to be predicted.")],
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    results: Results = DEFAULT_RESULTS,
) -> None:
    """How alike two tracks order the recipes: is the quick one a fair predictor of the other?

    Example: `srlbench agree small --results results`
    """
    found = contests.agreements(suite.track(track), suite.track(other), tuple(recipes or ()), results)
    findings.agreements(found)
    if not any(each for _, _, each in found):
        raise typer.Exit(NOTHING_COMPARABLE)
