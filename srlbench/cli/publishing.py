"""The verb that shows results to others: publish."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from srlbench import publishing, terminal
from srlbench.cli.options import DEFAULT_RESULTS, WHAT, WHERE, Files, Results, app


@app.command()
def publish(
    to: Annotated[
        Path, typer.Option("--to", help="Folder of the site; one that is there is replaced.", rich_help_panel=WHERE)
    ],
    track: Annotated[
        list[str] | None,
        typer.Option(
            "--track",
            help="Rules of a competition, more than once for several; default: every track with records.",
            rich_help_panel=WHAT,
            show_default=False,
        ),
    ] = None,
    recipes: Files = None,
    results: Results = DEFAULT_RESULTS,
) -> None:
    """A static site of the results: leaderboards, recipes, papers and their claims, tracks, comparisons.

    Example: `srlbench publish --to site --results results`
    """
    size, problems = publishing.publish(to, track or [], tuple(recipes or ()), results)
    for problem in problems:
        terminal.warn(str(problem))
    typer.echo(f"Wrote {to / 'index.html'} and what belongs to it, {size / 1e6:.1f} MB; it can be read offline.")
