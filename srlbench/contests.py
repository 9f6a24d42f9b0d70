"""What is asked of recipes against each other: paired differences, and whether tracks agree on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from srlbench import agreement, compare, comparisons, data, records, registry, sides, variants
from srlbench.analysis import fresh
from srlbench.compare import Comparison
from srlbench.errors import SrlbenchError, UsageError
from srlbench.plan import current, folder
from srlbench.records import Record
from srlbench.sides import Cell, Held, System
from srlbench.stats import average, label, with_averages
from srlbench.tracks import Track

Files = tuple[Path, ...]


@dataclass(frozen=True)
class Unmeasured:
    """Two sides of which at least one has nothing to compare."""

    name: str
    word: Literal["newly failing", "newly fixed", "failing", "not comparable"]
    reason: str


@dataclass(frozen=True)
class Contest:
    """What came of a comparison, and the page that says so, if one is kept."""

    track: Track
    found: tuple[Comparison, ...]
    rest: tuple[Unmeasured, ...] = ()
    page: Path | None = None


def compared(rules: Track, names: Sequence[str], files: Files, results: Path, margin: float) -> Contest:
    """Of all recipes, or one, with the control and what it is a version of; of two recipes, runs or folders."""
    if len(names) > 2:
        raise UsageError("Two are compared at a time: two recipes, two runs, or two results folders.")
    folders = [Path(name) for name in names if Path(name).is_dir()]
    if len(folders) == 2:
        return _folders(rules, folders[0], folders[1], files, margin)
    if folders:
        raise UsageError(f"{folders[0]} is a results folder: compare it with another one.")
    for name in names:
        if not sides.is_file(name):
            registry.recipe(sides.recipe_of(name), files)
    kept = fresh(rules, files, results)
    systems = {name: sides.chosen(name, kept, results, rules) for name in names}
    if len(names) == 2:
        return _two(rules, names, systems, margin)
    everyone = sides.systems([record for record in kept if not variants.is_variant(record.recipe)], results)
    mine = systems[names[0]] if names else everyone
    pairs = list(_usual(mine, everyone, rules, files))
    if not pairs:
        raise SrlbenchError(f"There is nothing to compare in {results}; `srlbench run --track {rules.name}` makes it.")
    everyone |= mine
    found = _compare(rules, {cell: everyone[cell] for pair in pairs for cell in pair}, pairs, margin)
    return Contest(rules, found, page=None if names else _write(found, rules, results))


def _usual(
    mine: Iterable[Cell], everyone: Mapping[Cell, System], rules: Track, files: Files
) -> Iterator[tuple[Cell, Cell]]:
    """Each with the control, and with the recipe that it is a version of, on its backbone."""
    twins = {name: entry.twin for name, entry in registry.recipes(files).items()}
    for recipe, backbone in mine:
        for other in (rules.control, twins.get(recipe)):
            if other and other != recipe and (other, backbone) in everyone:
                yield (recipe, backbone), (other, backbone)


def _two(rules: Track, names: Sequence[str], systems: Mapping[str, Mapping[Cell, System]], margin: float) -> Contest:
    """A against B on each backbone that both have, or wherever each has but one."""
    a, b = (systems[name] for name in names)
    for name, side in systems.items():
        if not side:
            raise SrlbenchError(f"There is no fresh record of {name}; `srlbench run --track {rules.name}` makes them.")
    pairs = [(x, y) for x in a for y in b if x[1] == y[1]] or [(x, y) for x in a for y in b if len(a) == len(b) == 1]
    if not pairs:
        raise SrlbenchError(f"{names[0]} and {names[1]} have no backbone in common.")
    found = []
    for x, y in pairs:
        labels = [f"{text}{'' if '@' in text or len(pairs) == 1 else '@' + x[1]}" for text in names]
        if labels[0] == labels[1]:
            raise UsageError("The two sides are one and the same.")
        of_runs = all(map(sides.is_run, names))
        both = {labels[0]: a[x], labels[1]: b[y]}
        found += compare.compare([(labels[0], labels[1])], _marked(rules, both), rules.groups, margin, of_runs=of_runs)
    return Contest(rules, tuple(found))


def _folders(rules: Track, first: Path, second: Path, files: Files, margin: float) -> Contest:
    """Every recipe of one folder against itself in another."""
    now = current(registry.recipes(files).values(), rules)
    a, b = (sides.held(rules, place, now) for place in (first, second))
    rest = [_unmeasured(cell, a, b, first, second) for cell in sorted({*a.cells, *b.cells})]
    both = [cell for cell in a.systems if cell in b.systems]
    label_a, label_b = ({cell: f"{_spelled(cell)} in {place}" for cell in both} for place in (first, second))
    systems = {label_a[cell]: a.systems[cell] for cell in both} | {label_b[cell]: b.systems[cell] for cell in both}
    pairs = [(label_a[cell], label_b[cell]) for cell in both]
    found = compare.compare(pairs, _marked(rules, systems), rules.groups, margin)
    return Contest(rules, tuple(found), tuple(each for each in rest if each))


def _unmeasured(cell: Cell, a: Held, b: Held, first: Path, second: Path) -> Unmeasured | None:
    if cell in a.systems and cell in b.systems:
        return None
    name = _spelled(cell)
    if cell in a.failed and cell in b.systems:
        return Unmeasured(name, "newly failing", f"all its runs failed in {first}")
    if cell in b.failed and cell in a.systems:
        return Unmeasured(name, "newly fixed", f"all its runs failed in {second}")
    if cell in a.failed and cell in b.failed:
        return Unmeasured(name, "failing", "all its runs failed in both")
    why = [f"no record in {place}" for place, side in ((first, a), (second, b)) if cell not in side.cells]
    why += [side.unclear[cell] for side in (a, b) if cell in side.unclear]
    return Unmeasured(name, "not comparable", "; ".join(why))


def _compare(
    rules: Track, systems: Mapping[Cell, System], pairs: Sequence[tuple[Cell, Cell]], margin: float
) -> tuple[Comparison, ...]:
    several = len({backbone for _, backbone in systems}) > 1
    labels = {cell: _spelled(cell) if several else cell[0] for cell in systems}
    marked = _marked(rules, {labels[cell]: system for cell, system in systems.items()})
    return tuple(compare.compare([(labels[a], labels[b]) for a, b in pairs], marked, rules.groups, margin))


def _marked(rules: Track, systems: Mapping[str, System]) -> dict[str, dict[str, compare.Marked]]:
    """Each system on the tasks of every group that some of its seeds were wholly scored on."""
    made: dict[str, dict[str, compare.Marked]] = {}
    gold: dict[str, Any] = {}
    for name, system in systems.items():
        runs = {seed: (set(run.scores), _predictions(system, run)) for seed, run in system.runs.items()}
        for tasks in rules.groups.values():
            whole = {seed: found for seed, (scored, found) in runs.items() if scored >= {*tasks}}
            for task in tasks if whole else ():
                if task not in gold:
                    gold[task] = _truth(rules, task)
                found = {seed: predictions.get(task, ()) for seed, predictions in whole.items()}
                _refuse_short(found, len(gold[task]), f"{name} on {task}")
                correlated = rules.protocol.tasks[task].kind == "sts"
                made.setdefault(name, {})[task] = compare.marked(found, gold[task], correlated=correlated)
    return made


def _predictions(system: System, run: Record) -> dict[str, Any]:
    return records.read_predictions(records.predictions_path(system.results, run.key))


def _write(found: Sequence[Comparison], rules: Track, results: Path) -> Path:
    place = "" if results == Path("srlbench-results") else f" --results {results.name}"
    path = folder(results, rules) / "comparisons.md"
    command = f"srlbench compare --track {rules.name}{place}"
    names = [average(group) for group in rules.groups]
    records.write_text(path, comparisons.to_markdown(found, names, f"{rules.name} v{rules.version}", command))
    return path


def _spelled(cell: Cell) -> str:
    return "@".join(cell)


def agreements(
    rules: Track, other: Track, files: Files, results: Path
) -> list[tuple[str, str, agreement.Agreement | None]]:
    """Of each average that both tracks have and each backbone of the second: how alike the recipes are ordered.

    Once over all recipes in common, once over those that train.
    """
    averages = [average(group) for group in rules.groups if group in other.groups]
    first, second = (_means(track, files, results) for track in (rules, other))
    trains = {name for name, entry in registry.recipes(files).items() if entry.recipe.trained}
    found = []
    for backbone, theirs in second.items():
        ours = next(iter(first.values()), {})
        for name in averages:
            a, b = (
                {recipe: values[name] for recipe, values in side.items() if name in values} for side in (ours, theirs)
            )
            where = f"{label(name)}, {other.name} on {backbone}"
            found.append((where, "all recipes", agreement.agreement(a, b)))
            kept = {recipe: value for recipe, value in a.items() if recipe in trains}
            found.append((where, "recipes that train", agreement.agreement(kept, b)))
    return found


def _means(rules: Track, files: Files, results: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Backbone -> recipe -> mean scores and averages over the seeds."""
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for record in fresh(rules, files, results):
        if not variants.is_variant(record.recipe):
            own = found.setdefault(record.backbone, {}).setdefault(record.recipe, {})
            for name, value in with_averages(record.scores, rules.groups).items():
                own.setdefault(name, []).append(value)
    return {
        backbone: {recipe: {k: fmean(v) for k, v in own.items()} for recipe, own in recipes.items()}
        for backbone, recipes in found.items()
    }


def _refuse_short(found: Mapping[int, Any], items: int, whose: str) -> None:
    for seed, values in found.items():
        if len(values) != items:
            raise SrlbenchError(f"The predictions of {whose}, seed {seed}, are {len(values)}, of {items} items.")


def _truth(rules: Track, task: str) -> Any:
    import numpy as np

    columns = data.task(rules.protocol, task).splits["test"]
    return np.array(columns["score"] if "score" in columns else columns["label"])
