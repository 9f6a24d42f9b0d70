"""Recipes by name: those of the package, of installed plug-ins and of files."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from srlbench import recipe as recipe_module
from srlbench import recipes as recipes_package
from srlbench import variants
from srlbench.errors import UsageError, unknown
from srlbench.recipe import Registered


@cache
def recipes(files: tuple[Path, ...] = ()) -> dict[str, Registered]:
    """Every recipe: those of the package, of installed plug-ins (`srlbench.recipes`), of the given files."""
    found: dict[str, Registered] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(recipes_package.__path__)):
        _add(found, _collect_module(f"{recipes_package.__name__}.{module}"), module)
    for point in sorted(entry_points(group="srlbench.recipes"), key=lambda p: p.name):
        _add(found, _collect_module(point.value), point.value)
    for file in files:
        _add(found, _collect_file(file), str(file))
    # What needs no training comes first: the first rows of a suite are there within a minute.
    return dict(sorted(found.items(), key=lambda item: item[1].recipe.trained))


def recipe(name: str, files: tuple[Path, ...] = ()) -> Registered:
    """A registered recipe, or a variant of one (`simcse-unsup+temperature=0.1`)."""
    known = recipes(files)
    if variants.base(name) not in known:
        raise unknown("recipe", variants.base(name), known)
    found = known[variants.base(name)]
    return variants.variant(found, variants.parse(name)) if variants.is_variant(name) else found


_by_module: dict[str, list[Registered]] = {}


def _collect_module(name: str) -> list[Registered]:
    if name not in _by_module:
        before = len(recipe_module._collected)
        importlib.import_module(name.partition(":")[0])
        _by_module[name] = recipe_module._collected[before:]
    return _by_module[name]


def _collect_file(file: Path) -> list[Registered]:
    path = file.resolve()
    if not path.is_file():
        raise UsageError(f"No recipe file at {file}.")
    spec = importlib.util.spec_from_file_location(f"srlbench_recipes_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    before = len(recipe_module._collected)
    try:
        spec.loader.exec_module(module)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"Recipe file {file} cannot be read: {type(error).__name__}: {error}") from error
    collected = recipe_module._collected[before:]
    if not collected:
        raise UsageError(f"Recipe file {file} registers no recipe; mark a function with @recipe().")
    return collected


def _add(found: dict[str, Registered], more: Iterable[Registered], origin: str) -> None:
    for entry in more:
        if entry.name in found and not entry.replaces:
            raise UsageError(
                f"{origin} registers recipe '{entry.name}', which exists already; "
                "give it another name, or say @recipe(replaces=True)."
            )
        found[entry.name] = entry
