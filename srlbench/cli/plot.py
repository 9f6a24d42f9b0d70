"""The verbs of `plot`: figures from the records, and of losses alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from srlbench.analysis import diagnoses as drawn
from srlbench.analysis import dynamics as trainings
from srlbench.analysis import gains as trained
from srlbench.analysis.results import with_records
from srlbench.cli import options as opt
from srlbench.cli.diagnose import Losses
from srlbench.cli.show import terminal

plot = typer.Typer(help="Draw figures of trainings and of losses.", no_args_is_help=True)
opt.app.add_typer(plot, name="plot", rich_help_panel=opt.READ)

Picture = Annotated[Path | None, opt.where(metavar="FILE", help="Write the figure to this file: .svg or .png.")]


@plot.command()
def dynamics(
    recipe: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RECIPE",
            help="Recipes or variants, drawn as one line each; default: every recipe, in a panel of its own.",
        ),
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(
            "--measure",
            metavar="NAME",
            help="dissipation, ratio, dev, anisotropy, intra, self, norm, uniformity, alignment and others. May be "
            "given more than once.",
        ),
    ] = None,
    track: opt.TrackName = opt.DEFAULT_TRACK,
    recipes: opt.Files = None,
    results: opt.Results = opt.DEFAULT_RESULTS,
    out: Picture = None,
) -> None:
    """Draw what runs measured of their own training, step by step.

    Examples:

    - `srlbench plot dynamics --results results`
    - `srlbench plot dynamics simcse-unsup mhe --results results`
    """
    terminal.wrote(trainings.draw(opt.of(results, track, recipes), recipe or [], measure or [], out))


@plot.command()
def gains(recipes: opt.Files = None, results: opt.Results = opt.DEFAULT_RESULTS, out: Picture = None) -> None:
    """Draw what training adds on each backbone, over its untrained self and beside the control.

    Every track of the results folder with records is drawn; a recipe has a dot if it has two seeds or more.

    Examples:

    - `srlbench plot gains --results results --out gains.svg`
    """
    found = with_records(results, tuple(recipes or ()))
    terminal.wrote(trained.draw(found, out or results / "gains.svg"))


@plot.command()
def maps(
    loss: Losses = None,
    cells: Annotated[int, typer.Option(min=2, metavar="N", help="How many angles each way; the paper has 100.")] = 20,
    batches: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="How many batches are drawn for each pair of angles; the paper has 1,000."
        ),
    ] = 2,
    out: Picture = None,
) -> None:
    """Draw dissipation and ratio of losses over the angles to positive and negatives, on simulated vectors.

    Examples:

    - `srlbench plot maps --loss info_nce --loss arccon --cells 5 --out maps.svg`
    """
    terminal.wrote(drawn.maps(loss, cells, batches, out or Path("maps.svg"), terminal.step))
