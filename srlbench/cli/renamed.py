"""Verbs and options of an earlier version: they work for one more version, with a note that gives the new ones."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

VERBS: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("baseline",): ("check",),
    ("agree",): ("compare",),
    ("compact",): ("shrink",),
    ("diagnose", "dynamics"): ("plot", "dynamics"),
    ("diagnose", "maps"): ("plot", "maps"),
}
# By the verb as it is typed today.
OPTIONS: Mapping[str, Mapping[str, str]] = {
    "check": {"--output": "--out", "--junit": "--out", "--markdown": "--out"},
    "evaluate": {"--csv": "--out"},
    "publish": {"--to": "--out"},
}
_VALUED = ("--track", "--recipes", "--results")  # options of `agree`, each with a value


def today(words: Sequence[str]) -> list[str]:
    """The command line with new names for renamed verbs and options."""
    start = next((place for place, word in enumerate(words) if not word.startswith("-")), len(words))
    head, rest = [*words[:start]], [*words[start:]]
    for old, new in VERBS.items():
        if tuple(rest[: len(old)]) == old:
            after = rest[len(old) :]
            rest = [*new, *(_with_track(after) if old == ("agree",) else after)]
            break
    if not rest:
        return head
    verb, *arguments = rest
    return [*head, verb, *_options(verb, arguments)]


def note(words: Sequence[str], now: Sequence[str]) -> str:
    """The note on a command line with old names."""
    old, new = (shlex.join(["srlbench", *each]) for each in (words, now))
    return f"`{old}` is now `{new}`."


def _options(verb: str, arguments: Sequence[str]) -> list[str]:
    renamed, found = OPTIONS.get(verb, {}), []
    for place, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        following = arguments[place + 1] if place + 1 < len(arguments) else ""
        # `--json` named a file once; it is a flag today.
        if verb == "evaluate" and name == "--json" and (equals or following.endswith(".json")):
            name = "--out"
        found.append(f"{renamed.get(name, name)}{equals}{value}")
    return found


def _with_track(arguments: Sequence[str]) -> list[str]:
    """Turn the track, which was an argument of `agree`, into an option of `compare`."""
    for place, word in enumerate(arguments):
        is_value = place > 0 and arguments[place - 1] in _VALUED
        if not word.startswith("-") and not is_value:
            return [*arguments[:place], "--with-track", *arguments[place:]]
    return [*arguments]
