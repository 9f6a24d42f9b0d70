"""The verbs of `data`: the real text of the tasks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from srlbench.cli.options import KNOWN, Data, app
from srlbench.cli.show import terminal
from srlbench.data import mirror
from srlbench.data import pull as texts
from srlbench.tracks import protocol as protocols
from srlbench.tracks.protocol import Protocol

text = typer.Typer(help="Fetch, check and find the real text of the tasks.", no_args_is_help=True)
app.add_typer(text, name="data", rich_help_panel=KNOWN)


@text.command()
def pull(
    track: Annotated[
        str | None,
        typer.Option(
            metavar="TRACK", help="Fetch all that the runs of this track read: tasks, training text and backbones."
        ),
    ] = None,
) -> None:
    """Fetch SentEval's text, or all that a track reads, from the Hub into its cache; check every row of the tasks.

    Examples:

    - `srlbench data pull`
    - `srlbench data pull --track small`
    """
    places, rules = texts.pull(track)
    for place in places:
        typer.echo(place)
    raise typer.Exit(_verified([rules], None))


@text.command()
def verify(data: Data = None) -> None:
    """Check every set of the real tasks against its pinned rows.

    Examples:

    - `srlbench data verify --data DIR`
    """
    raise typer.Exit(_verified([protocols.load(name) for name in ("simcse", "mteb")], data))


@text.command("path")
def path_(data: Data = None) -> None:
    """Print the folder that SentEval's text is read from.

    Examples:

    - `srlbench data path`
    """
    typer.echo(mirror.senteval(data))


def _verified(rules: Sequence[Protocol], data: Path | None) -> int:
    checks = texts.verify(rules, data)
    return terminal.checks((f"{protocol} {name}", good, message) for protocol, name, good, message in checks)
