"""Verbs that ask why: sweep, claims, diagnose."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from srlbench import analysis, suite, terminal
from srlbench.cli.options import (
    DEFAULT_RESULTS,
    DEFAULT_TRACK,
    WHAT,
    Backbones,
    DryRun,
    Every,
    Explain,
    Files,
    Jobs,
    Json,
    Results,
    Seeds,
    TrackName,
    app,
)
from srlbench.cli.runs import command, finish, walk
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
    jobs: Jobs = None,
    dry_run: DryRun = False,
    observe_every: Every = None,
    explain: Explain = False,
) -> None:
    """A grid over a recipe's own settings, as ordinary runs and records, with a table of its own.

    Each point is a recipe by its name, as in `srlbench run simcse-unsup+temperature=0.1`.

    Example: `srlbench sweep simcse-unsup --set temperature=0.01,0.05,0.1 --set lr=1e-4,3e-4`
    """
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
    walk(plan, jobs, dry_run)
    terminal.sweep(*analysis.swept(points, plan, backbone or []))
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
    measured = any(found.word != "no evidence" for _, found in judged)
    terminal.claims(judged, analysis.write_claims(judged, rules, results) if measured else None)
    if not measured:
        raise typer.Exit(NOTHING_COMPARABLE)


diagnose = typer.Typer(help="Why a loss or an encoder behaves as it does.", no_args_is_help=True)
app.add_typer(diagnose, name="diagnose")

Losses = Annotated[
    list[str] | None,
    typer.Option("--loss", help="A loss, or one with settings: arccon+degrees=5; more than once for several."),
]
Picture = Annotated[Path | None, typer.Option(help="The figure, .svg or .png.", show_default=False)]


@diagnose.command()
def gradients(
    model: Annotated[str, typer.Argument(help="A folder, a run (recipe/backbone/seed-0), a backbone, or a Hub name.")],
    loss: Losses = None,
    text: Annotated[
        Path | None, typer.Option(help="Sentences, one a line; default: the track's.", show_default=False)
    ] = None,
    pairs: Annotated[int, typer.Option(min=2, help="Sentences; each and its dropout twin are a pair.")] = 64,
    pool: Annotated[
        str | None, typer.Option(help="Of a plain transformers model: cls, cls-pooler, mean, max, first-last.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the dropout.")] = 0,
    track: TrackName = DEFAULT_TRACK,
    results: Results = DEFAULT_RESULTS,
    json: Json = False,
) -> None:
    """Gradient dissipation, weights and ratio of losses on an encoder's own vectors, whatever the loss.

    Examples: `srlbench diagnose gradients tiny --pool mean --loss info_nce --loss met`,
    `srlbench diagnose gradients simcse-unsup/tiny/seed-0 --loss arccon+degrees=5`
    """
    found = analysis.gradients(model, loss or ["info_nce"], suite.track(track), text, pairs, pool, seed, results)
    terminal.gradients(found, json)


@diagnose.command()
def isotropy(
    model: Annotated[str, typer.Argument(help="A folder, a run (recipe/backbone/seed-0), a backbone, or a Hub name.")],
    text: Annotated[
        Path | None, typer.Option(help="Sentences, one a line; default: the track's.", show_default=False)
    ] = None,
    sentences: Annotated[int, typer.Option(min=2, help="How many of them, from the first on.")] = 1000,
    pool: Annotated[
        str | None, typer.Option(help="Of a plain transformers model: cls, cls-pooler, mean, max, first-last.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the tokens drawn for the baseline.")] = 0,
    as_published: Annotated[bool, typer.Option(help="With the quirks of the paper's own code.")] = False,
    track: TrackName = DEFAULT_TRACK,
    results: Results = DEFAULT_RESULTS,
    json: Json = False,
) -> None:
    """How isotropic and contextual an encoder's token vectors are, layer by layer (arXiv 2212.09170).

    Example: `srlbench diagnose isotropy tiny --pool mean --sentences 200`
    """
    found = analysis.isotropy(model, suite.track(track), text, sentences, pool, seed, as_published, results)
    terminal.isotropy(found, json)


@diagnose.command()
def dynamics(
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    results: Results = DEFAULT_RESULTS,
    out: Picture = None,
) -> None:
    """Dissipation and ratio against the training step, for every trained recipe that has records.

    Example: `srlbench diagnose dynamics --results results`
    """
    typer.echo(f"Wrote {analysis.dynamics(suite.track(track), tuple(recipes or ()), results, out)}.")


@diagnose.command()
def maps(
    loss: Losses = None,
    cells: Annotated[int, typer.Option(min=2, help="Of the grid of angles, each way; the paper has 100.")] = 20,
    batches: Annotated[int, typer.Option(min=1, help="Drawn for each cell; the paper has 1,000.")] = 2,
    out: Picture = None,
) -> None:
    """Dissipation and ratio over the angles to the positive and to the negatives, measured on simulated vectors.

    Example: `srlbench diagnose maps --loss info_nce --loss arccon --cells 5 --out maps.svg`
    """
    typer.echo(f"Wrote {analysis.maps(loss, cells, batches, out or Path('maps.svg'), terminal.step)}.")
