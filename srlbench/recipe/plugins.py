"""What packages that are installed beside this one add by entry points. A broken one costs what it adds, no more."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from srlbench.errors import UsageError

Made = TypeVar("Made")

_broken: dict[str, str] = {}  # an entry point, and why it cannot be used


def points(group: str, name: str | None = None) -> list[EntryPoint]:
    """The entry points of a group, in the order of their names."""
    found = entry_points(group=group) if name is None else entry_points(group=group, name=name)
    return sorted(found, key=lambda point: point.name)


def tried(point: EntryPoint, use: Callable[[], Made]) -> Made | None:
    """What an entry point gives; None if it is broken, which `broken` then tells."""
    try:
        return use()
    except (Exception, SystemExit) as error:  # it is somebody else's code, and may do anything
        said = " ".join(str(error).split())
        _broken[f"{point.name} = {point.value}"] = f"{type(error).__name__}: {said}" if said else type(error).__name__
        return None


def used(point: EntryPoint, use: Callable[[], Made]) -> Made:
    """What an entry point gives; a broken one is a UsageError, for somebody asked for it."""
    found = tried(point, use)
    if found is None:
        raise UsageError(sentence(f"{point.name} = {point.value}"))
    return found


def broken() -> list[str]:
    """A sentence for each plug-in that was found broken so far."""
    return [sentence(name) for name in _broken]


def sentence(name: str) -> str:
    return f"The plug-in '{name}' is broken and was left out: {_broken[name]}."
