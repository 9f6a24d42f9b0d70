"""The verbs of `export`: the records in the forms of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from srlbench.cli import options as opt
from srlbench.cli.show import terminal
from srlbench.publish import mteb_folder

export = typer.Typer(help="Write the records in the forms of other tools.", no_args_is_help=True)
opt.app.add_typer(export, name="export", rich_help_panel=opt.SHARE)


@export.callback()
def _group() -> None:
    """Write the records in the forms of other tools."""


@export.command()
def mteb(
    out: Annotated[
        Path, opt.where("--out", metavar="DIR", help="The folder to write; an earlier export there is replaced.")
    ],
    track: opt.TrackName = opt.DEFAULT_TRACK,
    recipes: opt.Files = None,
    results: opt.Results = opt.DEFAULT_RESULTS,
) -> None:
    """Write every current run as a model in mteb's result folder, which mteb's load_results reads.

    Examples:

    - `srlbench export mteb --results results --out mteb-results`
    """
    there = opt.of(results, track, recipes)
    done = mteb_folder.export(there, out)
    for problem in there.problems:
        terminal.warn(str(problem))
    for note in mteb_folder.notes(there, done.unknown):
        terminal.warn(note)
    typer.echo(f"Wrote {done.runs} runs in {done.files} files to {out}, which mteb.ResultCache reads.")
