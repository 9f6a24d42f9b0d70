"""The verb that shows results to others: publish."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from srlbench import hub as hubs
from srlbench import publication, suite, terminal, website
from srlbench.cli.options import DEFAULT_RESULTS, DEFAULT_TRACK, WHAT, WHERE, Files, Results, app
from srlbench.errors import UsageError


@app.command()
def publish(
    to: Annotated[
        Path | None,
        typer.Option("--to", help="Folder of a site; one that is there is replaced.", rich_help_panel=WHERE),
    ] = None,
    hub: Annotated[
        str | None, typer.Option(help="Dataset repository on the Hub, OWNER/NAME.", rich_help_panel=WHERE)
    ] = None,
    track: Annotated[
        list[str] | None,
        typer.Option(
            help="Rules of a competition; for a site more than once, and all that have records by default.",
            rich_help_panel=WHAT,
            show_default=False,
        ),
    ] = None,
    recipes: Files = None,
    results: Results = DEFAULT_RESULTS,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            help="A run (recipe/backbone/seed-0) whose encoder goes to a model repository NAME-recipe-backbone-seed-0.",
            rich_help_panel=WHAT,
            show_default=False,
        ),
    ] = None,
    push: Annotated[
        bool, typer.Option("--push", help="Push to the Hub; else it is only shown.", rich_help_panel=WHERE)
    ] = False,
) -> None:
    """Results for others: --to a folder, as a static site; --hub, a track's tables and records as a dataset.

    With --push the token is that of the environment, HF_TOKEN, and a push is one commit a repository.

    Examples: `srlbench publish --to site --results results`, `srlbench publish --hub my-lab/srlbench --results results`
    """
    if (to is None) == (hub is None):
        raise UsageError("Say where to publish: --to DIR for a site, or --hub OWNER/NAME.")
    if to is not None:
        if encoder or push:
            raise UsageError("--encoder and --push go with --hub.")
        _site(to, track or [], tuple(recipes or ()), results)
    else:
        if len(track or []) > 1:
            raise UsageError("One repository holds one track: give --track once.")
        _hub(hub or "", (track or [DEFAULT_TRACK])[0], results, encoder or [], push)


def _site(to: Path, chosen: Sequence[str], files: tuple[Path, ...], results: Path) -> None:
    size, problems = website.publish(to, chosen, files, results)
    for problem in problems:
        terminal.warn(str(problem))
    typer.echo(f"Wrote {to / 'index.html'} and what belongs to it, {size / 1e6:.1f} MB; it can be read offline.")


def _hub(repository: str, track: str, results: Path, encoders: Sequence[str], push: bool) -> None:
    secret = hubs.token() if push else ""
    for upload in publication.uploads(suite.track(track), results, encoders, repository):
        for line in hubs.outline(upload):
            typer.echo(line)
        if push:
            try:
                typer.echo(hubs.push(upload, secret))
            except KeyboardInterrupt:
                terminal.error("Interrupted. A commit is whole or not there; the same command pushes what is not.")
                raise typer.Exit(130) from None
    if not push:
        terminal.say("Nothing was pushed; --push does it.")
