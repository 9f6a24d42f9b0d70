"""The verb that publishes results: publish."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from srlbench.analysis.results import Results as FolderResults
from srlbench.analysis.results import with_records
from srlbench.cli import options as opt
from srlbench.cli.show import terminal
from srlbench.errors import SrlbenchError, UsageError
from srlbench.publish import dataset
from srlbench.publish import hub as hubs
from srlbench.publish.site import build

Site = Annotated[
    Path | None,
    opt.where("--out", metavar="DIR", help="Write a site to this folder; a site that is there is replaced."),
]
Repository = Annotated[str | None, opt.where(metavar="OWNER/NAME", help="The dataset repository on the Hub.")]
Tracks = Annotated[
    list[str] | None,
    opt.what(
        metavar="TRACK",
        help="The track; for a site it may be given more than once, and all that have records are the default.",
    ),
]
Encoders = Annotated[
    list[str] | None,
    opt.what(
        metavar="RUN",
        help=f"A run ({opt.RUN}) whose encoder goes to a model repository NAME-recipe-backbone-seed-0. May be given "
        "more than once.",
    ),
]


@opt.app.command(rich_help_panel=opt.SHARE)
def publish(
    out: Site = None,
    hub: Repository = None,
    track: Tracks = None,
    recipes: opt.Files = None,
    results: opt.Results = opt.DEFAULT_RESULTS,
    data: opt.Data = None,
    encoder: Encoders = None,
    push: Annotated[bool, opt.where("--push", help="Push to the Hub; without it the push is only shown.")] = False,
) -> None:
    """Share the results: as a static site in a folder, or as a dataset on the Hub.

    `--push` takes its token from the environment (HF_TOKEN). It makes one commit in each repository.

    Examples:

    - `srlbench publish --out site`
    - `srlbench publish --hub my-lab/srlbench --results results`
    """
    opt.use(data)
    if (out is None) == (hub is None):
        raise UsageError("Say where to publish: --out DIR for a site, or --hub OWNER/NAME.")
    if out is not None:
        if encoder or push:
            raise UsageError("--encoder and --push go with --hub.")
        build.check(out)
        asked = [opt.of(results, name, recipes) for name in dict.fromkeys(track or [])]
        _site(out, asked or with_records(results, tuple(recipes or ())), bool(track))
    else:
        if len(track or []) > 1:
            raise UsageError("One repository holds one track: give --track once.")
        _hub(hub or "", opt.of(results, (track or [opt.DEFAULT_TRACK])[0], recipes), encoder or [], push)


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
