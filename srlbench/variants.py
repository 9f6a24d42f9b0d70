"""Recipe variants: a registered recipe with changed settings, which its name lists: `simcse-unsup+temperature=0.1`."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from srlbench.errors import UsageError
from srlbench.recipe import Registered, change

MARK = "+"
LONGEST = 240  # letters of a name, as the name of a folder


def is_variant(name: str) -> bool:
    return MARK in name


def base(name: str) -> str:
    return name.partition(MARK)[0]


def variant(entry: Registered, changes: Mapping[str, Any]) -> Registered:
    """The recipe with these settings, which win over the track's; its name lists each setting once, sorted by key."""
    name = _named(entry.name, changes)
    if len(quote(name)) > LONGEST:
        raise UsageError(f"'{name[:50]}…' has more letters than a file's name may have; change fewer settings at once.")
    same = parse(name)  # so that 1.0 and 1 are the same setting
    change(entry.recipe, entry.name, same).check(entry.name)
    return replace(entry, name=name, changes=same, reported={})


def changed(name: str, settings: Mapping[str, Any]) -> str:
    """The name of a recipe or variant with these settings too; those in its name win."""
    return _named(base(name), {**settings, **(parse(name) if is_variant(name) else {})})


def parse(name: str) -> dict[str, Any]:
    """The changed settings that the name of a variant lists."""
    return dict(_setting(part, name) for part in name.partition(MARK)[2].split(","))


def grid(settings: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Every combination of the values in `key=value,value,…`; the last key changes fastest."""
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
    """The value of a text: a number, True, False or None; any other text is a string."""
    try:
        value = json.loads("null" if text == "none" else text)
    except ValueError:
        return text
    return text if isinstance(value, list | dict) else value


def _named(recipe: str, changes: Mapping[str, Any]) -> str:
    return recipe + MARK + ",".join(f"{key}={_text(value)}" for key, value in sorted(changes.items()))


def _setting(text: str, name: str) -> tuple[str, Any]:
    key, sign, value = text.partition("=")
    if not sign or not key or not value:
        raise UsageError(f"'{name}' is not a recipe variant; write one like simcse-unsup{MARK}temperature=0.1.")
    return key, value_of(value)


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return value if isinstance(value, str) else f"{value:g}" if float(f"{value:g}") == value else repr(value)
