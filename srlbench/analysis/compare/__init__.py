"""Recipes against each other on the same items: how much better, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from srlbench import records, registry, variants
from srlbench.analysis.compare import paired, systems, tables
from srlbench.analysis.compare.paired import MARGIN, Comparison
from srlbench.analysis.compare.predictions import scored
from srlbench.analysis.compare.systems import Folder, System
from srlbench.analysis.results import Cell, Results
from srlbench.errors import SrlbenchError, UsageError
from srlbench.records import address
from srlbench.stats import average
from srlbench.tracks import Track


@dataclass(frozen=True)
class Unmeasured:
    """Two sides of which at least one has nothing to compare."""

    name: str
    word: Literal["newly failing", "newly fixed", "failing", "not comparable"]
    reason: str


@dataclass(frozen=True)
class Compared:
    """Comparisons that were made together, and the pairs that had nothing to compare."""

    track: Track
    found: tuple[Comparison, ...]
    rest: tuple[Unmeasured, ...] = ()


def compare(results: Results, sides: Sequence[str] = (), margin: float = MARGIN) -> Compared:
    """Two recipes, runs or folders with each other; one recipe, or every one, with the control and its original."""
    if len(sides) > 2:
        raise UsageError("Two are compared at a time: two recipes, two runs, or two results folders.")
    folders = [Path(side) for side in sides if Path(side).is_dir()]
    if len(folders) == 2:
        first, second = (replace(results, path=folder) for folder in folders)
        return _folders(first, second, margin)
    if folders:
        raise UsageError(f"{folders[0]} is a results folder: compare it with another one.")
    for side in sides:
        if not systems.is_file(side):
            registry.recipe(address.parse(side).recipe, results.files)
    if len(sides) == 2:
        return _two(results, sides, margin)
    everyone = systems.systems([r for r in results.fresh if not variants.is_variant(r.recipe)], results.path)
    mine = systems.chosen(sides[0], results) if sides else everyone
    pairs = list(usual(mine, everyone, results))
    if not pairs:
        again = f"`srlbench run --track {results.track.name}` makes it."
        raise SrlbenchError(f"There is nothing to compare in {results.path}; {again}")
    everyone |= mine
    return Compared(results.track, _compare({c: everyone[c] for pair in pairs for c in pair}, pairs, results, margin))


def usual(mine: Iterable[Cell], everyone: Mapping[Cell, System], results: Results) -> Iterator[tuple[Cell, Cell]]:
    """Each with the control, and with the recipe that it is a version of, on its backbone."""
    originals = {name: entry.version_of for name, entry in results.recipes.items()}
    for recipe, backbone in mine:
        for other in (results.track.control, originals.get(recipe)):
            if other and other != recipe and (other, backbone) in everyone:
                yield (recipe, backbone), (other, backbone)


def write(compared: Compared, results: Results) -> Path:
    """`comparisons.md` beside the records."""
    track, path = results.track, results.folder / "comparisons.md"
    names = [average(group) for group in track.groups]
    head = f"{track.name} v{track.version}"
    records.write_text(path, tables.to_markdown(compared.found, names, head, results.command("compare")))
    return path


def _two(results: Results, sides: Sequence[str], margin: float) -> Compared:
    """A against B on each backbone that both have, or wherever each has but one."""
    track, chosen = results.track, [systems.chosen(side, results) for side in sides]
    for side, found in zip(sides, chosen, strict=True):
        if not found:
            raise SrlbenchError(f"There is no fresh record of {side}; `srlbench run --track {track.name}` makes them.")
    a, b = chosen
    pairs = [(x, y) for x in a for y in b if x[1] == y[1]] or [(x, y) for x in a for y in b if len(a) == len(b) == 1]
    if not pairs:
        raise SrlbenchError(f"{sides[0]} and {sides[1]} have no backbone in common.")
    of_runs, comparisons = all(map(systems.is_run, sides)), []
    for x, y in pairs:
        first, second = (f"{side}{'' if '@' in side or len(pairs) == 1 else '@' + x[1]}" for side in sides)
        if first == second:
            raise UsageError("The two sides are one and the same.")
        both = scored(track, {first: a[x], second: b[y]})
        comparisons += paired.compare([(first, second)], both, track.groups, margin, of_runs=of_runs)
    return Compared(track, tuple(comparisons))


def _folders(first: Results, second: Results, margin: float) -> Compared:
    """Every recipe of one folder against itself in another."""
    track, a, b = first.track, systems.folder(first), systems.folder(second)
    rest = [_unmeasured(cell, a, b, (first.path, second.path)) for cell in sorted({*a.cells, *b.cells})]
    both = [cell for cell in a.systems if cell in b.systems]
    here, there = ({cell: f"{'@'.join(cell)} in {side.path}" for cell in both} for side in (first, second))
    named = {here[cell]: a.systems[cell] for cell in both} | {there[cell]: b.systems[cell] for cell in both}
    pairs = [(here[cell], there[cell]) for cell in both]
    found = paired.compare(pairs, scored(track, named), track.groups, margin)
    return Compared(track, tuple(found), tuple(each for each in rest if each))


def _unmeasured(cell: Cell, a: Folder, b: Folder, paths: tuple[Path, Path]) -> Unmeasured | None:
    if cell in a.systems and cell in b.systems:
        return None
    name = "@".join(cell)
    if cell in a.failed and cell in b.systems:
        return Unmeasured(name, "newly failing", f"all its runs failed in {paths[0]}")
    if cell in b.failed and cell in a.systems:
        return Unmeasured(name, "newly fixed", f"all its runs failed in {paths[1]}")
    if cell in a.failed and cell in b.failed:
        return Unmeasured(name, "failing", "all its runs failed in both")
    why = [f"no record in {path}" for path, side in zip(paths, (a, b), strict=True) if cell not in side.cells]
    why += [side.unclear[cell] for side in (a, b) if cell in side.unclear]
    return Unmeasured(name, "not comparable", "; ".join(why))


def _compare(
    chosen: Mapping[Cell, System], pairs: Sequence[tuple[Cell, Cell]], results: Results, margin: float
) -> tuple[Comparison, ...]:
    several = len({backbone for _, backbone in chosen}) > 1
    labels = {cell: "@".join(cell) if several else cell[0] for cell in chosen}
    items = scored(results.track, {labels[cell]: system for cell, system in chosen.items()})
    named = [(labels[a], labels[b]) for a, b in pairs]
    return tuple(paired.compare(named, items, results.track.groups, margin))
