"""The command line: one verb a question, one call each. Neither torch nor mteb is imported until a verb needs them."""

from __future__ import annotations

import errno
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from srlbench import __version__
from srlbench.cli.options import app
from srlbench.cli.renamed import note, today
from srlbench.cli.show import terminal
from srlbench.errors import RUN_FAILED, UNFORESEEN, USAGE, SrlbenchError
from srlbench.recipe import plugins

# Each of these modules adds its verbs to the application. Help shows verbs in this order.
# isort: off
from srlbench.cli import (  # noqa: F401
    runs, searches, encoders, diagnose, tables, checks, publishing, export, pretrain, registered, data, plot,
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
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a finished run is not lost to a terminal without ±
    try:
        try:
            app(now, prog_name="srlbench")
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except SrlbenchError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        sys.exit(_unforeseen(error, now) if (code := _of_streams(error)) is None else code)
    except KeyboardInterrupt:
        terminal.error("Interrupted.")
        sys.exit(130)
    except Exception as error:
        sys.exit(_unforeseen(error, now))
    finally:
        for sentence in plugins.broken():
            terminal.warn(sentence)


def _unforeseen(error: Exception, words: Sequence[str]) -> int:
    again = shlex.join(["srlbench", "--debug", *(word for word in words if word != "--debug")])
    _say(
        f"This is a bug in srlbench ({type(error).__name__}: {error}). `{again}` shows more: please report it "
        "with that output to the project's issue tracker."
    )
    return UNFORESEEN


def _of_streams(error: OSError) -> int | None:
    """The exit code where the output could not be written, or the working folder is gone; else None."""
    if isinstance(error, BrokenPipeError):
        terminal.silence()
        return terminal.PIPE_BROKEN
    if error.errno in (errno.ENOSPC, errno.EIO, errno.EBADF) and error.filename is None:
        terminal.silence()
        _say(f"Cannot write the output: {os.strerror(error.errno).lower()}.")
        return RUN_FAILED
    if isinstance(error, FileNotFoundError) and not _here():
        _say("The folder in which srlbench was started does not exist any more.")
        return USAGE
    return None


def _here() -> bool:
    try:
        return bool(os.getcwd())
    except OSError:
        return False


def _say(message: str) -> None:
    if terminal.debug:
        traceback.print_exc()
    terminal.error(message)
