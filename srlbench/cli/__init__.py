"""The command line: one verb a question, one call each. Neither torch nor mteb is imported until a verb needs them."""

from __future__ import annotations

import shlex
import sys
import traceback
from typing import Annotated

import typer

from srlbench import __version__
from srlbench.cli.options import app
from srlbench.cli.renamed import note, today
from srlbench.cli.show import terminal
from srlbench.errors import UNFORESEEN, SrlbenchError
from srlbench.recipe import plugins

# Each of these modules adds its verbs to the application. Help shows verbs in this order.
# isort: off
from srlbench.cli import (  # noqa: F401
    runs, searches, encoders, diagnose, tables, checks, publishing, pretrain, registered, data, plot,
)  # fmt: skip
# isort: on

__all__ = ["app", "main"]


def _version(value: bool) -> None:
    if value:
        typer.echo(f"srlbench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    terminal.debug = debug


def main() -> None:
    """The console script: an error is one sentence and an exit code, also one that nobody foresaw."""
    words = sys.argv[1:]
    if (now := today(words)) != words:
        terminal.warn(note(words, now))
    terminal.debug = "--debug" in now[:2]  # before any verb is known
    try:
        app(now, prog_name="srlbench")
    except SrlbenchError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        terminal.error("Interrupted.")
        sys.exit(130)
    except Exception as error:
        again = shlex.join(["srlbench", "--debug", *(word for word in now if word != "--debug")])
        _say(
            f"This is a bug in srlbench ({type(error).__name__}: {error}). `{again}` shows more: please report it "
            "with that output to the project's issue tracker."
        )
        sys.exit(UNFORESEEN)
    finally:
        for sentence in plugins.broken():
            terminal.warn(sentence)


def _say(message: str) -> None:
    if terminal.debug:
        traceback.print_exc()
    terminal.error(message)
