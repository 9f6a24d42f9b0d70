"""The verbs that look for the settings of recipes: sweep, tune."""

from __future__ import annotations

from typing import Annotated

import typer

from srlbench.analysis import search as searches
from srlbench.analysis import sweep as sweeps
from srlbench.cli import options as opt
from srlbench.cli.runs import finish, make, seeds_of
from srlbench.cli.show import analyses
from srlbench.runs import search
from srlbench.runs.engines import Choice
from srlbench.runs.plan import Options, plan
from srlbench.runs.session import observation
from srlbench.runs.suite import Suite


@opt.app.command(rich_help_panel=opt.TRAIN)
def sweep(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="The name of a recipe.")],
    set_: Annotated[
        list[str],
        opt.what(
            "--set",
            metavar="SETTING=VALUES",
            help="A setting of the recipe or of its loss, and its values: temperature=0.01,0.05. "
            "May be given more than once.",
        ),
    ],
    track: opt.TrackName = opt.DEFAULT_TRACK,
    backbone: opt.Backbones = None,
    seeds: opt.Seeds = None,
    recipes: opt.Files = None,
    results: opt.Results = opt.DEFAULT_RESULTS,
    data: opt.Data = None,
    jobs: opt.Jobs = None,
    dry_run: opt.DryRun = False,
    observe_every: opt.Every = None,
    explain: opt.Explain = False,
    json: opt.Json = False,
) -> None:
    """Run a recipe at every point of a grid over its own settings, and show one table of all points.

    Each point is an ordinary recipe, as in `srlbench run simcse-unsup+temperature=0.1`, with ordinary records.

    Examples:

    - `srlbench sweep simcse-unsup --set temperature=0.01,0.05,0.1 --set lr=1e-4,3e-4`
    """
    opt.use(data)
    there, points = opt.of(results, track, recipes), search.sweep(recipe, set_, tuple(recipes or ()))
    asked = Suite(there.track, tuple(points[1:]), tuple(backbone or ()), seeds_of(seeds))
    planned = plan(asked, Options(results, there.files, opt.command(), False, observation(observe_every, explain)))
    failed = make(planned, Choice(jobs=jobs), dry_run, json=json)
    result = sweeps.of(points, there, backbone or [])
    analyses.sweep(result, sweeps.write(result, there.folder / "sweeps", opt.command()), json)
    finish(failed)


@opt.app.command(rich_help_panel=opt.TRAIN)
def tune(
    recipe: opt.Names = None,
    track: opt.TrackName = "small",
    backbone: opt.Backbones = None,
    recipes: opt.Files = None,
    results: opt.Results = opt.DEFAULT_RESULTS,
    data: opt.Data = None,
    jobs: opt.Jobs = None,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
) -> None:
    """Choose the settings of each recipe by the development set, from the same grid for all recipes.

    The track declares the grid. The choice is written when all recipes and backbones were searched.

    Examples:

    - `srlbench tune --track small`
    """
    opt.use(data)
    there = opt.of(results, track, recipes)
    entries = search.searched(recipe or [], there.files)
    options = Options(results, there.files, opt.command())
    planned = search.plan_search(entries, there.track, backbone or [], options)
    failed = make(planned, Choice(jobs=jobs), dry_run, json=json)
    result = searches.collect(entries, there, backbone or [])
    analyses.searched(result, [] if recipe or backbone else searches.write(result, there), json)
    finish(failed)
