"""Verbs that ask what suits a recipe, and why: sweep, tune, claims."""

from __future__ import annotations

from typing import Annotated

import typer

from srlbench.analysis import compare as comparing
from srlbench.analysis import search as searches
from srlbench.analysis import sweep as sweeps
from srlbench.analysis.claims.judge import judge
from srlbench.analysis.claims.judge import write as write_claims
from srlbench.analysis.compare.agreement import agreements
from srlbench.analysis.compare.paired import MARGIN
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
    command,
    of,
    use,
)
from srlbench.cli.runs import finish, look_of, make, seeds_of
from srlbench.cli.show import analyses
from srlbench.errors import NOTHING_COMPARABLE
from srlbench.runs import search
from srlbench.runs.engines import Choice
from srlbench.runs.plan import Options, plan
from srlbench.runs.suite import Suite


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
    there, points = of(results, track, recipes), search.sweep(recipe, set_, tuple(recipes or ()))
    asked = Suite(there.track, tuple(points[1:]), tuple(backbone or ()), seeds_of(seeds))
    planned = plan(asked, Options(results, there.files, command(), False, look_of(observe_every, explain)))
    failed = make(planned, Choice(jobs=jobs), dry_run)
    found = sweeps.of(points, there, backbone or [])
    analyses.sweep(found, sweeps.write(found, there.folder / "sweeps", command()))
    finish(failed)


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
    there = of(results, track, recipes)
    entries = search.searched(recipe or [], there.files)
    options = Options(results, there.files, command())
    failed = make(search.plan_search(entries, there.track, backbone or [], options), Choice(jobs=jobs), dry_run)
    found = searches.found(entries, there, backbone or [])
    # What was chosen is written once all recipes and backbones were searched.
    analyses.searched(found, [] if recipe or backbone else searches.write(found, there))
    finish(failed)


@app.command()
def claims(
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    results: Results = DEFAULT_RESULTS,
) -> None:
    """Judge every claim of the papers by the records there are, and write claims.md beside them.

    Example: `srlbench claims --results results`
    """
    there = of(results, track, recipes)
    judged = judge(there)
    measured = any(found.word != "no evidence" for one in judged.values() for _, found in one)
    analyses.claims(judged, write_claims(judged, there) if measured else None)
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
    there = of(results, track, recipes)
    compared = comparing.compare(there, side or [], margin)
    page = None if side else comparing.write(compared, there)
    raise typer.Exit(analyses.compared(compared, page, json))


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
    found = agreements(of(results, track, recipes), of(results, other, recipes))
    analyses.agreements(found)
    if not any(each for _, _, each in found):
        raise typer.Exit(NOTHING_COMPARABLE)
