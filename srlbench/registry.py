"""Recipes by name: those of the package, of installed plug-ins and of files."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable, Mapping
from functools import cache, partial
from pathlib import Path

from srlbench import recipes as recipes_package
from srlbench import variants
from srlbench.errors import UsageError, unknown
from srlbench.recipe import Registered, _collected, plugins, proper
from srlbench.recipe.part import names_of

GROUP = "srlbench.recipes"  # of the entry points of other packages


def recipes(files: tuple[Path, ...] = ()) -> dict[str, Registered]:
    """Every recipe: of the package, of installed plug-ins (`srlbench.recipes`), of the given files, of this session."""
    found = installed(files)
    own = {name: entry for name, entry in _session().items() if name not in found or entry.replaces}
    return _in_order(found | own) if own else found


@cache
def installed(files: tuple[Path, ...] = ()) -> dict[str, Registered]:
    """The recipes that every process finds: all but those that were defined in this one."""
    found: dict[str, Registered] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(recipes_package.__path__)):
        _add(found, _collect_module(f"{recipes_package.__name__}.{module}"), module)
    for point in plugins.points(GROUP):
        found = plugins.tried(point, partial(_with, found, point.value)) or found
    for file in files:
        _add(found, _collect_file(file), str(file))
    return _in_order(found)


def _with(found: Mapping[str, Registered], module: str) -> dict[str, Registered]:
    """The recipes, and those of a module; all of them or none."""
    more = dict(found)
    _add(more, _collect_module(module), module)
    return more


def _in_order(found: dict[str, Registered]) -> dict[str, Registered]:
    """What needs no training comes first: the first rows of a suite are there within a minute."""
    return dict(sorted(found.items(), key=lambda item: item[1].recipe.trained))


def recipe(name: str, files: tuple[Path, ...] = ()) -> Registered:
    """A registered recipe, or a variant of one (`simcse-unsup+temperature=0.1`)."""
    return _named(name, recipes(files))


def known(name: str) -> Registered:
    """A recipe that this process knows from anywhere, a file of recipes included: a teacher may stand there."""
    return _named(name, {**{entry.name: entry for _, entry in _collected}, **recipes()})


def teachers(entry: Registered, pupils: tuple[str, ...] = ()) -> list[Registered]:
    """The recipes that teach this one, and those that teach them; a circle is a UsageError."""
    names = [name for part in entry.recipe.companions for name in names_of(part.arguments.get("recipe"))]
    above = (*pupils, entry.name)
    if circle := set(names) & set(above):
        raise UsageError(f"Recipe '{entry.name}' has a teacher that it teaches itself: {', '.join(sorted(circle))}.")
    return [each for one in map(known, names) for each in (one, *teachers(one, above))]


def _named(name: str, known: Mapping[str, Registered]) -> Registered:
    if variants.base(name) not in known:
        error = unknown("recipe", variants.base(name), known)
        raise UsageError(" ".join([str(error), *plugins.broken()]))
    found = known[variants.base(name)]
    return variants.variant(found, variants.parse(name)) if variants.is_variant(name) else found


def enter(entry: Registered, files: tuple[Path, ...] = ()) -> Registered:
    """Register a recipe for this session; it takes the place of an earlier one that the session gave this name."""
    proper(entry.name)
    known = installed(files).get(entry.name)
    if known is entry:
        return entry
    if known and not entry.replaces:
        raise UsageError(
            f"There is a registered recipe '{entry.name}' already; give yours another name, or say "
            "@recipe(replaces=True)."
        )
    if _session().get(entry.name) is not entry:
        _collected.append((SESSION, entry))
    return entry


def is_installed(entry: Registered, files: tuple[Path, ...] = ()) -> bool:
    """Whether another process finds this very recipe by its name."""
    try:
        known = _named(entry.name, installed(files))
    except UsageError:
        return False
    own, theirs = ([part.function for part in each.recipe.parts] for each in (entry, known))
    return known == entry and all(one is other for one, other in zip(own, theirs, strict=True))


SESSION = "__main__"
_taken: set[int] = set()  # of the collected: those that a module or file of the registry brought
_by_module: dict[str, list[Registered]] = {}


def _session() -> dict[str, Registered]:
    """The recipes that neither a plug-in nor a file brought: of a notebook, a script or an interactive session."""
    # A module that broke while it was imported is not among the modules, and what it registered before does not count.
    alive = ((where, entry) for where, entry in _collected if where in sys.modules)
    return {entry.name: entry for _, entry in alive if id(entry) not in _taken}


def _take(entries: list[Registered]) -> list[Registered]:
    _taken.update(map(id, entries))
    return entries


def _collect_module(name: str) -> list[Registered]:
    if name not in _by_module:
        module, before = name.partition(":")[0], len(_collected)
        try:
            importlib.import_module(module)
        finally:  # also what a broken one registered before it broke
            made = _take([entry for _, entry in _collected[before:]])
        # Somebody may have imported it, or a part of it, before.
        own = [entry for where, entry in _collected[:before] if f"{where}.".startswith(f"{module}.")]
        _by_module[name] = _take(own) + made
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
    before = len(_collected)
    try:
        spec.loader.exec_module(module)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:  # a file that ends the program must not end it as if all were well
        raise UsageError(f"Recipe file {file} cannot be read: {type(error).__name__}: {error}.") from error
    finally:
        collected = _take([entry for _, entry in _collected[before:]])
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
