"""A registered recipe with some of its settings changed, and named by them: `simcse-unsup+temperature=0.1`."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from srlbench.errors import UsageError
from srlbench.recipe import Registered, change

MARK = "+"


def is_variant(name: str) -> bool:
    return MARK in name


def base(name: str) -> str:
    return name.partition(MARK)[0]


def variant(entry: Registered, changes: Mapping[str, Any]) -> Registered:
    """The recipe with these settings, whatever the track says of them; its name says each once, in order."""
    change(entry.recipe, entry.name, changes).check(entry.name)
    name = entry.name + MARK + ",".join(f"{key}={_spelled(value)}" for key, value in sorted(changes.items()))
    return replace(entry, name=name, changes=parse(name), reported={})  # read back: 1.0 and 1 are one setting


def parse(name: str) -> dict[str, Any]:
    """The changes that a variant's name speaks of."""
    return dict(_setting(part, name) for part in name.partition(MARK)[2].split(","))


def grid(settings: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Every combination of `key=value,value,…`, the last key fastest."""
    axes: dict[str, list[Any]] = {}
    for text in settings:
        key, sign, values = text.partition("=")
        if not sign or not key.strip() or not all(part.strip() for part in values.split(",")):
            raise UsageError(f"--set {text!r} is not like temperature=0.01,0.05,0.1.")
        if key.strip() in axes:
            raise UsageError(f"--set names {key.strip()} twice; give all its values at once.")
        axes[key.strip()] = list(dict.fromkeys(value_of(part.strip()) for part in values.split(",")))
    return (dict(zip(axes, point)) for point in itertools.product(*axes.values()))


def value_of(text: str) -> Any:
    """A number, true, false or none as itself; anything else is a word."""
    try:
        found = json.loads("null" if text == "none" else text)
    except ValueError:
        return text
    return text if isinstance(found, list | dict) else found


def _setting(text: str, name: str) -> tuple[str, Any]:
    key, sign, value = text.partition("=")
    if not sign or not key or not value:
        raise UsageError(f"'{name}' is no variant of a recipe; one is written like simcse-unsup{MARK}temperature=0.1.")
    return key, value_of(value)


def _spelled(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else f"{value:g}" if float(f"{value:g}") == value else repr(value)
