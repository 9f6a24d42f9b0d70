"""The errors that a user can cause or meet: each has a one-sentence message and an exit code."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

OK, REGRESSED, USAGE, RUN_FAILED, NOTHING_COMPARABLE = range(5)
UNFORESEEN = 70  # a bug of srlbench itself; sysexits.h calls it EX_SOFTWARE
MANY = 50  # names; more are not listed


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


def short(value: object) -> str:
    """A value in a message, cut if it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """A usage error such as `Unknown recipe 'x'. Did you mean 'y'? Known: …`"""
    names = sorted(known)
    by_letters = {each.casefold(): each for each in names}
    close = get_close_matches(name.casefold(), by_letters, n=1)
    hint = f" Did you mean '{by_letters[close[0]]}'?" if close else ""
    more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
    return UsageError(f"Unknown {kind} {short(name)}.{hint} Known: {', '.join(names[:MANY]) or 'none'}{more}.")
