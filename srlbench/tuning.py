"""What is asked of a search: its suite, and what it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from srlbench import records, registry, search, suite, tracks, variants
from srlbench.errors import UsageError
from srlbench.plan import Plan, current, folder
from srlbench.recipe import Registered
from srlbench.tracks import Track

Files = tuple[Path, ...]


def plan_search(
    names: Sequence[str], track_name: str, backbone: Sequence[str], files: Files, results: Path, command: str
) -> Plan:
    """The suite of the search that a track declares, for some recipes or all, on some backbones or all it names."""
    rules = tracks.load(track_name)
    if not rules.search:
        raise UsageError(f"Track {rules.name} declares no search: its recipes say their settings themselves.")
    entries = _searched(names, files)
    plans = [
        suite.planned(
            list(search.points(entries, rules, name)),
            rules,
            [name],
            str(rules.search["seed"]),
            files,
            results / search.FOLDER,
            False,
            command,
        )
        for name in backbone or rules.searched
    ]
    runs = tuple(run for plan in plans for run in plan.runs)
    sources = {name: source for plan in plans for name, source in plan.sources.items()}
    return replace(plans[0], runs=runs, sources=sources, scored=False)


def searched(
    names: Sequence[str], rules: Track, backbone: Sequence[str], files: Files, results: Path
) -> tuple[list[search.Searched], list[Path]]:
    """What the search found, and, if it was made for all recipes and backbones, the files that say so."""
    entries, kept = _searched(names, files), records.scan(results / search.FOLDER, rules.name, rules.version).records
    now: dict[tuple[str, str], str] = {}
    for name in backbone or rules.searched:
        now |= current(list(search.points(entries, rules, name)), rules, [name])
    found = search.found(entries, rules, now, kept)
    if names or backbone:
        return found, []
    place = "" if results == Path("srlbench-results") else f" --results {results.name}"
    return found, search.write(found, rules, folder(results, rules), f"srlbench tune --track {rules.name}{place}")


def _searched(names: Sequence[str], files: Files) -> list[Registered]:
    if not names:
        return [entry for entry in registry.recipes(files).values() if entry.recipe.trained]
    entries = [registry.recipe(name, files) for name in dict.fromkeys(names)]
    for entry in entries:
        if variants.is_variant(entry.name) or not entry.recipe.trained:
            raise UsageError(f"'{entry.name}' has nothing to be tuned; recipes that train have.")
    return entries
