"""The verb that takes results out of this machine: publish."""

from __future__ import annotations

from typing import Annotated

import typer

from srlbench import hub as hubs
from srlbench import publication, suite, terminal
from srlbench.cli.options import DEFAULT_RESULTS, DEFAULT_TRACK, WHAT, WHERE, Results, TrackName, app
from srlbench.errors import UsageError


@app.command()
def publish(
    hub: Annotated[
        str | None,
        typer.Option(help="Repository on the Hub, OWNER/NAME.", rich_help_panel=WHERE, show_default=False),
    ] = None,
    track: TrackName = DEFAULT_TRACK,
    results: Results = DEFAULT_RESULTS,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            help="A run (recipe/backbone/seed-0) whose encoder goes to a model repository NAME-recipe-backbone-seed-0.",
            rich_help_panel=WHAT,
            show_default=False,
        ),
    ] = None,
    push: Annotated[bool, typer.Option("--push", help="Do it; else it is only shown.", rich_help_panel=WHERE)] = False,
) -> None:
    """Push a track's tables and records to the Hub as a dataset, and encoders with model cards; shown without --push.

    The token is that of the environment, HF_TOKEN. A push is one commit a repository: all of it, or nothing.

    Example: `srlbench publish --hub my-lab/srlbench-embedded --results results`
    """
    if hub is None:
        raise UsageError("Say where to publish: --hub OWNER/NAME.")
    secret = hubs.token() if push else ""
    wanted = publication.uploads(suite.track(track), results, encoder or [], hub)
    for upload in wanted:
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
