"""What is asked of recipes against each other: paired differences, and whether tracks agree on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from srlbench import agreement, compare, data, records, registry, variants
from srlbench.analysis import fresh
from srlbench.errors import SrlbenchError
from srlbench.plan import folder
from srlbench.records import Key, Record
from srlbench.stats import average, label, with_averages
from srlbench.tracks import Track

Files = tuple[Path, ...]


def compared(
    rules: Track, names: Sequence[str], against: Sequence[str], files: Files, results: Path
) -> tuple[dict[str, list[compare.Comparison]], Path | None]:
    """Paired comparisons by average: of all recipes with the control and their twins, or of some with others."""
    for name in (*names, *against):
        registry.recipe(name, files)
    kept = [record for record in fresh(rules, files, results) if not variants.is_variant(record.recipe)]
    several = len({record.backbone for record in kept}) > 1
    systems = {r.key: f"{r.recipe}@{r.backbone}" if several else r.recipe for r in kept}
    pairs = list(_pairs(kept, systems, rules, names, against, files))
    if not pairs:
        raise SrlbenchError(f"There is nothing to compare in {results}; `srlbench run --track {rules.name}` makes it.")
    found = {}
    for group, tasks in rules.groups.items():
        predictions: dict[str, dict[int, Any]] = {}
        for record in kept:
            if set(tasks) <= record.scores.keys():
                path = records.predictions_path(results, record.key)
                predictions.setdefault(systems[record.key], {})[record.seed] = records.read_predictions(path)
        if able := [pair for pair in pairs if {*pair} <= predictions.keys()]:
            named = {name for pair in able for name in pair}
            gold = {task: _truth(rules, task) for task in tasks}
            correlated = rules.protocol.tasks[tasks[0]].kind == "sts"
            mine = {name: seeds for name, seeds in predictions.items() if name in named}
            found[average(group)] = compare.compare(able, mine, gold, correlated)
    if names or against:
        return found, None
    place = "" if results == Path("srlbench-results") else f" --results {results.name}"
    path = folder(results, rules) / "comparisons.md"
    said = compare.to_markdown(found, f"{rules.name} v{rules.version}", f"srlbench compare --track {rules.name}{place}")
    records.write_text(path, said)
    return found, path


def _pairs(
    kept: Sequence[Record],
    systems: Mapping[Key, str],
    rules: Track,
    names: Sequence[str],
    against: Sequence[str],
    files: Files,
) -> Iterator[tuple[str, str]]:
    """On each backbone, each recipe and those it is compared with; all if no names are given."""
    twins = {name: [entry.twin] for name, entry in registry.recipes(files).items() if entry.twin}
    for backbone in dict.fromkeys(record.backbone for record in kept):
        there = {record.recipe: systems[record.key] for record in kept if record.backbone == backbone}
        for name in [name for name in there if not names or name in names]:
            others = against or [rules.control, *twins.get(name, [])]
            yield from ((there[name], there[other]) for other in others if other in there and other != name)


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


def _truth(rules: Track, task: str) -> Any:
    import numpy as np

    columns = data.task(rules.protocol, task).splits["test"]
    return np.array(columns["score"] if "score" in columns else columns["label"])
