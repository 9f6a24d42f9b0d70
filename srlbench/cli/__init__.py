"""The command line: one verb a question, one call each. Neither torch nor mteb is imported until a verb needs them."""

from __future__ import annotations

import sys
import traceback
from typing import Annotated

import typer

from srlbench import __version__
from srlbench.cli import registered  # first, because help shows verbs in the order of their files
from srlbench.cli.options import app
from srlbench.cli.show import terminal
from srlbench.errors import SrlbenchError

# isort: split
from srlbench.cli import runs

# isort: split
from srlbench.cli import analysis, diagnose, encoders, publishing, reproduce

__all__ = ["analysis", "app", "diagnose", "encoders", "main", "publishing", "registered", "reproduce", "runs"]


def _version(value: bool) -> None:
    if value:
        typer.echo(f"srlbench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    terminal.debug = debug


def main() -> None:
    """The console script: errors a user can cause are one sentence and an exit code."""
    try:
        app()
    except SrlbenchError as error:
        if terminal.debug:
            traceback.print_exc()
        terminal.error(str(error))
        sys.exit(error.exit_code)
