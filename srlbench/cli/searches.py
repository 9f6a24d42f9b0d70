"""The verbs that look for the settings of recipes: sweep, tune."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from srlbench.analysis import search as searches
from srlbench.analysis import sweep as sweeps
from srlbench.analysis.results import Results
from srlbench.cli import completion
from srlbench.cli import options as opt
from srlbench.cli.runs import finish, make, seeds_of
from srlbench.cli.show import analyses, terminal
from srlbench.errors import UsageError
from srlbench.runs import sampler as samplers
from srlbench.runs import search
from srlbench.runs.engines import Choice
from srlbench.runs.plan import Options, plan
from srlbench.runs.sampler import Sampling
from srlbench.runs.session import observation
from srlbench.runs.suite import Suite


@opt.app.command(rich_help_panel=opt.TRAIN)
def sweep(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="The name of a recipe.", autocompletion=completion.recipes)
    ],
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


Sampler = Annotated[
    str,
    opt.what(metavar="NAME", help="How points are chosen: grid (all of the track's), or tpe (by Optuna, an extra)."),
]
Trials = Annotated[
    int | None, opt.what(min=1, metavar="N", help="Points that tpe tries of each recipe on each backbone; default: 20.")
]
SamplerSeed = Annotated[
    int | None, opt.what(min=0, metavar="N", help="The seed of tpe; default: 0. The runs keep the track's own.")
]


@opt.app.command(rich_help_panel=opt.TRAIN)
def tune(
    recipe: opt.Names = None,
    track: opt.TrackName = "small",
    backbone: opt.Backbones = None,
    recipes: opt.Files = None,
    results: opt.Results = opt.DEFAULT_RESULTS,
    data: opt.Data = None,
    sampler: Sampler = samplers.GRID,
    trials: Trials = None,
    seed: SamplerSeed = None,
    jobs: opt.Jobs = None,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
) -> None:
    """Choose the settings of each recipe by the development set, from the same grid for all recipes.

    The track declares the grid. The choice is written when all recipes and backbones were searched. With
    `--sampler tpe` (extra `optuna`) Optuna chooses points within the range of the grid, for the recipes that are named:
    `srlbench tune simcse-unsup --track small --sampler tpe --trials 20`.

    Examples:

    - `srlbench tune --track small`
    """
    opt.use(data)
    samplers.check(sampler)
    there = opt.of(results, track, recipes)
    if sampler != samplers.GRID:
        sampling = Sampling(trials or Sampling.trials, seed or Sampling.seed)
        _sample(there, recipe or [], backbone or [], sampling, Choice(jobs=jobs), dry_run, json)
        return
    if trials is not None or seed is not None:
        raise UsageError("--trials and --seed are those of a sampler: add --sampler tpe.")
    entries = search.searched(recipe or [], there.files)
    options = Options(results, there.files, opt.command())
    planned = search.plan_search(entries, there.track, backbone or [], options)
    failed = make(planned, Choice(jobs=jobs), dry_run, json=json)
    result = searches.collect(entries, there, backbone or [])
    analyses.searched(result, [] if recipe or backbone else searches.write(result, there), json)
    finish(failed)


def _sample(
    there: Results,
    names: Sequence[str],
    chosen: Sequence[str],
    sampling: Sampling,
    choice: Choice,
    dry_run: bool,
    json: bool,
) -> None:
    if not names:
        raise UsageError("--sampler tpe searches the recipes that are named: name one or more.")
    command, failed = _whole(sampling), 0
    studies = samplers.studies(search.searched(names, there.files), there.track, chosen, sampling)
    options = Options(there.path, there.files, command)
    for number, planned in samplers.rounds(studies, there.track, options, sampling):
        terminal.say(f"Trial {number} of {sampling.trials}:")
        failed += make(planned, choice, dry_run, json=json)
    found = searches.sampled(studies)
    analyses.searched(found, searches.write_sampled(found, there, sampling, command), json)
    finish(failed)


def _whole(sampling: Sampling) -> str:
    """The command as it was typed, with the budget and the seed also where they were left out."""
    typed = {word.partition("=")[0] for word in sys.argv}
    left_out = {"--trials": sampling.trials, "--seed": sampling.seed}
    return " ".join([opt.command(), *(f"{name} {value}" for name, value in left_out.items() if name not in typed)])
