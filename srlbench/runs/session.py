"""Runs from Python: recipes given as names, functions or objects, and the suites that are made of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from srlbench import registry, tracks
from srlbench.errors import SrlbenchError, UsageError, short
from srlbench.recipe import Recipe, Registered
from srlbench.records import address
from srlbench.runs import bar, engines, suite
from srlbench.runs.engines import Choice
from srlbench.runs.job import Observation, Outcome
from srlbench.runs.plan import Options, plan, tidy, walk
from srlbench.runs.suite import Suite

Asked = str | Callable[[], Recipe] | Mapping[str, Recipe]
EVERY = "all"


def chosen(asked: Sequence[Asked], files: tuple[Path, ...]) -> tuple[Registered, ...]:
    """The recipes, each once; those that are given as objects are registered for this session."""
    found: dict[str, Registered] = {}
    for one in asked:
        found |= {entry.name: entry for entry in _entries(one, files)}
    return tuple(found.values()) or suite.chosen((), False, files)


def _entries(one: Asked, files: tuple[Path, ...]) -> Iterable[Registered]:
    if isinstance(one, str):
        return registry.recipes(files).values() if one == EVERY else [registry.recipe(one, files)]
    if isinstance(one, Mapping):
        return [registry.enter(_named(name, recipe), files) for name, recipe in one.items()]
    if isinstance(entry := getattr(one, "entry", None), Registered):
        return [registry.enter(entry, files)]
    if isinstance(one, Recipe):
        raise UsageError("A Recipe has no name of its own: give it one, as in run({'my-recipe': recipe}).")
    raise UsageError(f"{one!r} is no recipe: give a name, a function marked with @recipe(), or {{'name': Recipe(…)}}.")


def _named(name: str, recipe: Recipe) -> Registered:
    if not isinstance(recipe, Recipe):
        raise UsageError(f"'{name}' is no Recipe but {recipe!r}.")
    recipe.check(name)
    return Registered(name, recipe, summary="", family="session", cite=None, reported={}, replaces=False)


def suite_of(
    recipes: tuple[Registered, ...],
    track: str | Path,
    backbones: str | Sequence[str],
    seeds: str | Iterable[int] | None,
) -> Suite:
    """The runs of these recipes, on some backbones or the track's, under some seeds or the track's."""
    names = (backbones,) if isinstance(backbones, str) else tuple(backbones)
    return Suite(tracks.load(str(track)), recipes, names, seeds_of(seeds))


def seeds_of(seeds: str | Iterable[int] | None) -> tuple[int, ...]:
    """`range(5)`, `[0, 2]` or "0-4"; none for those of the track."""
    if seeds is None:
        return ()
    if isinstance(seeds, str):
        return suite.parse_seeds(seeds)
    if not isinstance(seeds, Iterable):
        raise UsageError(f"seeds = {seeds!r} does not say which: range({seeds}) is the first {seeds}.")
    found = tuple(dict.fromkeys(islice(seeds, suite.MANY + 1)))
    if len(found) > suite.MANY:
        raise UsageError(f"seeds: {suite.RANGE}")
    for seed in found:
        if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= seed < suite.SEEDS:
            raise UsageError(f"seeds: {short(seed)} is no seed; a seed is a whole number from 0 on, below 2^32.")
    if not found:
        raise UsageError("seeds is empty; leave it out for those of the track.")
    return tuple(map(int, found))


def observation(every: int | None, explain: bool) -> Observation:
    """How runs are observed; an error before the first of them if a package is missing for it."""
    if explain and find_spec("shap") is None:
        raise UsageError("Shapley values need shap: pip install 'srlbench[explain]'")
    return Observation(every, explain)


def call(asked: Suite) -> str:
    """The call that makes a suite, as its records keep it."""
    names = ", ".join(repr(entry.name) for entry in asked.recipes)
    return f"srlbench.run({names}, track={asked.track.name!r}, backbones={asked.backbones}, seeds={asked.seeds})"


def make(asked: Suite, options: Options, choice: Choice, progress: bool | None, fail_fast: bool) -> None:
    """Execute and record the missing runs. A run that fails has a record, or with `fail_fast` raises an error."""
    planned, made_by = plan(asked, options), engines.engine(choice, asked.track.threads)
    tidy(planned)
    if not planned.missing:
        return
    if choice.name == engines.NAMES[0]:
        planned.ensure_fits()
    with closing(walk(planned, made_by, fail_fast)) as events, bar.of_runs(progress, len(planned.missing)) as see:
        for event in events:
            see(event)
            if fail_fast and isinstance(event.news, Outcome) and event.failed:
                reason = (event.news.record.error or {}).get("message")
                raise SrlbenchError(f"The run {address.of(event.job.key)} failed: {reason}")


def folder(path: str | Path) -> Path:
    """The folder of a path; ~ is the user's own."""
    return Path(os.path.expanduser(path))


def absolute(path: str | Path | None) -> Path | None:
    return None if path is None else folder(path).absolute()


def files_of(paths: str | Path | Sequence[str | Path]) -> tuple[Path, ...]:
    """The absolute paths of recipe files, so that the caller may change its folder."""
    several = (paths,) if isinstance(paths, str | Path) else paths
    return tuple(folder(path).absolute() for path in several)


def encoder(model: Any) -> Any:
    """An encoder as the evaluation takes it: an object as it is, anything else by its name."""
    return str(model) if isinstance(model, str | Path) else model
