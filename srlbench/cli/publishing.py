"""The verb that shows results to others: publish."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from srlbench.analysis.results import Results as FolderResults
from srlbench.analysis.results import measured
from srlbench.cli.options import DEFAULT_RESULTS, DEFAULT_TRACK, WHAT, WHERE, Data, Files, Results, app, of, use
from srlbench.cli.show import terminal
from srlbench.errors import SrlbenchError, UsageError
from srlbench.publish import dataset
from srlbench.publish import hub as hubs
from srlbench.publish.site import build, folder


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
    data: Data = None,
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

    Examples: `srlbench publish --to site`, `srlbench publish --hub my-lab/srlbench --results results`
    """
    use(data)
    if (to is None) == (hub is None):
        raise UsageError("Say where to publish: --to DIR for a site, or --hub OWNER/NAME.")
    if to is not None:
        if encoder or push:
            raise UsageError("--encoder and --push go with --hub.")
        folder.check(to)
        asked = [of(results, name, recipes) for name in dict.fromkeys(track or [])]
        _site(to, asked or measured(results, tuple(recipes or ())), bool(track))
    else:
        if len(track or []) > 1:
            raise UsageError("One repository holds one track: give --track once.")
        _hub(hub or "", of(results, (track or [DEFAULT_TRACK])[0], recipes), encoder or [], push)


def _site(to: Path, chosen: Sequence[FolderResults], asked: bool) -> None:
    for results in chosen if asked else ():
        if not results.records:
            raise SrlbenchError(f"There are no records of track {results.track.name} in {results.path}.")
    size, problems = build.publish(to, chosen)
    for problem in problems:
        terminal.warn(str(problem))
    typer.echo(f"Wrote {to / 'index.html'} and what belongs to it, {size / 1e6:.1f} MB; it can be read offline.")


def _hub(repository: str, results: FolderResults, encoders: Sequence[str], push: bool) -> None:
    secret = hubs.token() if push else ""
    for upload in dataset.uploads(results, encoders, repository):
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
