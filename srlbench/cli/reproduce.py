"""The verb of reruns: reproduce."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from srlbench import tracks
from srlbench.analysis import reproduction
from srlbench.cli.options import DEFAULT_RESULTS, DEFAULT_TRACK, WHERE, Data, Files, TrackName, app, command, use
from srlbench.cli.show import terminal
from srlbench.runs.recorded import find
from srlbench.runs.rerun import ensure_writable, rerun


@app.command()
def reproduce(
    row: Annotated[
        str,
        typer.Argument(
            metavar="ROW", help="RECIPE, RECIPE@BACKBONE, RECIPE@BACKBONE:SEED or a record's file; default: first seed."
        ),
    ],
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    results: Annotated[
        Path | None,
        typer.Option(help="Where the record is; default: the published reference.", rich_help_panel=WHERE),
    ] = None,
    data: Data = None,
    by: Annotated[str, typer.Option(help="Your name, for the confirmation; default: none.", show_default=False)] = "",
    out: Annotated[
        Path,
        typer.Option(help="Where the confirmation goes.", envvar="SRLBENCH_RESULTS", rich_help_panel=WHERE),
    ] = DEFAULT_RESULTS,
) -> None:
    """Run a record again, with its seed and settings: bitwise equal, within its interval, or outside?

    A confirmation is written, which can be contributed. Exit codes: 0 equal or within, 1 outside, 2 usage, 3 the run
    failed, 4 nothing comparable (a stale record, or other digits and no second seed to judge by).

    Examples: `srlbench reproduce bag-random`, `srlbench reproduce simcse-unsup@tiny:0 --by "A. Name"`
    """
    use(data)
    recorded = find(row, tracks.load(track), results, tuple(recipes or ()))
    ensure_writable(out)
    terminal.say(f"Running {recorded.name} of {recorded.track.name} v{recorded.track.version} again.")
    try:
        found = reproduction.of(rerun(recorded, command(), terminal.step))
    except KeyboardInterrupt:
        terminal.error("Interrupted. Nothing was written.")
        raise typer.Exit(130) from None
    terminal.reproduction(found)
    terminal.say(f"Wrote {reproduction.confirm(recorded, found, by, out)}; CONTRIBUTING says how to send it in.")
    raise typer.Exit(found.exit_code)
