"""A recipe: what is trained, on what, with which loss, and how its sentence vector is read off."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from srlbench.errors import UsageError, short
from srlbench.recipe.definition import Recipe, change, resolve
from srlbench.recipe.part import Part, parameters, required
from srlbench.recipe.parts import Augment, Companion, Loss, LossFunction, Post, Rewrite, View

__all__ = [
    "Augment", "Companion", "Loss", "LossFunction", "Part", "Post", "Recipe", "Registered", "Rewrite", "View", "change",
    "digest", "parameters", "recipe", "required", "resolve",
]  # fmt: skip


@dataclass(frozen=True)
class Registered:
    """A recipe under its name, with where it comes from and what its paper reports."""

    name: str
    recipe: Recipe
    summary: str
    family: str
    cite: str | None
    reported: Mapping[str, Mapping[str, float]]
    replaces: bool
    version_of: str | None = None  # another recipe: the two are compared
    changes: Mapping[str, Any] = field(default_factory=dict)  # of a variant: stronger than what a track says


# Filled by @recipe, with the module of the decorated function; read by the registry.
_collected: list[tuple[str, Registered]] = []


def recipe(
    *,
    name: str | None = None,
    cite: str | None = None,
    reported: Mapping[str, Mapping[str, float]] | None = None,
    replaces: bool = False,
    version_of: str | None = None,
    twin: str | None = None,
) -> Callable[[Callable[[], Recipe]], Callable[[], Recipe]]:
    """Register a function that returns a Recipe; its first docstring line is the recipe's description.

    reported: what the paper prints, by track and backbone: {"paper/bert-base-uncased": {"sts": 76.25}}.
    version_of: the registered recipe that this one is a version of; the two are compared (`twin` is its old name).
    replaces: take the place of a registered recipe of the same name, which is otherwise an error.
    """

    def register(build: Callable[[], Recipe]) -> Callable[[], Recipe]:
        called = proper(name or build.__name__.replace("_", "-"))
        made = build()
        made.check(called)
        module = sys.modules.get(build.__module__)
        family = Path(getattr(module, "__file__", None) or build.__module__).stem
        summary = (inspect.getdoc(build) or "").partition("\n")[0]
        original = version_of or twin
        entry = Registered(called, made, summary, family, cite, reported or {}, replaces, original)
        _collected.append((build.__module__, entry))
        build.entry = entry  # type: ignore[attr-defined]
        return build

    return register


def proper(name: str) -> str:
    """The name, if it can be one of a recipe, its folder and its page."""
    if not re.fullmatch(r"\w[\w.-]{0,99}", name):
        raise UsageError(f"{short(name)} is no name for a recipe: at most 100 letters, digits, dots and - make one.")
    return name


def digest(value: Any) -> str:
    """A short stable hash of plain JSON values."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=asdict)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Module(ModuleType):
    """This module, which can be called as the decorator: `srlbench.recipe` is the name of both."""

    def __call__(self, **settings: Any) -> Callable[[Callable[[], Recipe]], Callable[[], Recipe]]:
        return recipe(**settings)


sys.modules[__name__].__class__ = _Module
