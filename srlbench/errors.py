"""The errors that a user can cause or meet: each has a one-sentence message and an exit code."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

OK, REGRESSED, USAGE, RUN_FAILED, NOTHING_COMPARABLE = range(5)


class SrlbenchError(Exception):
    """A failure with a one-sentence message; the command line prints it and exits with `exit_code`."""

    exit_code = RUN_FAILED


class UsageError(SrlbenchError):
    """A wrong command, name or value from the user."""

    exit_code = USAGE


class NothingComparable(SrlbenchError):
    """A comparison that is impossible: the results exist, but there is nothing to compare them with."""

    exit_code = NOTHING_COMPARABLE


class StoreError(SrlbenchError):
    """A results folder or record that cannot be read or written."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """A usage error such as `Unknown recipe 'x'. Did you mean 'y'? Known: …`"""
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return UsageError(f"Unknown {kind} '{name}'.{hint} Known: {', '.join(names) or 'none'}.")
