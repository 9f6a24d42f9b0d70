"""What is asked about why and when a recipe works: sweeps over its settings, how its training went, claims."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from srlbench import (
    agreement,
    backbones,
    compare,
    data,
    inspection,
    records,
    registry,
    search,
    suite,
    sweep,
    tracks,
    variants,
)
from srlbench import dynamics as over_steps
from srlbench import leaderboard as leaderboards
from srlbench.claims import Claim, Finding, claims, page
from srlbench.claims.evidence import Evidence
from srlbench.errors import SrlbenchError, UsageError, unknown
from srlbench.jobs import Look
from srlbench.plan import Plan, current, folder
from srlbench.recipe import Registered
from srlbench.records import Key, Record
from srlbench.stats import average, label, with_averages
from srlbench.tracks import Track

Report = Callable[[str, int, int], None]
Judged = list[tuple[Claim, Finding]]
Files = tuple[Path, ...]


def plan_sweep(
    recipe: str,
    settings: Sequence[str],
    track_name: str,
    backbone: Sequence[str],
    seeds: str | None,
    files: Files,
    results: Path,
    command: str,
    look: Look,
) -> tuple[Plan, list[Registered]]:
    """The suite of a grid over a recipe's own settings, and its points: the recipe as registered, and its variants."""
    rules, entry = tracks.load(track_name), registry.recipe(recipe, files)
    if variants.is_variant(entry.name):
        raise UsageError(f"Sweep {variants.base(recipe)}, and give what differs with --set.")
    points = [variants.variant(entry, changes) for changes in variants.grid(settings)]
    plan = suite.planned(points, rules, backbone, seeds, files, results, False, command, look)
    return plan, [entry, *points]


def swept(points: Sequence[Registered], plan: Plan, backbone: Sequence[str]) -> tuple[sweep.Sweep, list[Path]]:
    """What a sweep found, and the files that say so, beside the leaderboard."""
    rules = plan.track
    now = current(points, rules, backbone)
    found = records.scan(plan.results, rules.name, rules.version).records
    own = [record for record in found if now.get((record.recipe, record.backbone)) == record.fingerprint]
    measures: dict[str, dict[str, list[float]]] = {}
    for record in own:
        values = with_averages(record.scores, rules.groups)
        taken = {f"{label(average(group))} (%)": values.get(average(group)) for group in rules.groups}
        taken |= {name: record.measured(f"pairs.{name}") for name in ("alignment", "uniformity")}
        for title, value in taken.items():
            if value is not None:
                measures.setdefault(title, {}).setdefault(record.recipe, []).append(value)
    board = leaderboards.build(
        own,
        track=rules.name,
        version=rules.version,
        protocol=rules.protocol.label,
        current=now,
        groups=rules.groups,
    )
    looks = over_steps.by_recipe(own, over_steps.SPACE) if len(now) == len(points) else {}
    made = sweep.Sweep(points[0].name, {point.name: point.changes for point in points}, board, measures, looks)
    return made, sweep.write(made, folder(plan.results, rules) / "sweeps", plan.command)


def plan_search(
    names: Sequence[str], track_name: str, backbone: Sequence[str], files: Files, results: Path, command: str
) -> Plan:
    """The suite of the search that a track declares, for some recipes or all, on some of its backbones or all."""
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
        for name in backbone or rules.backbones
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
    for name in backbone or rules.backbones:
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


def judge(rules: Track, files: Files, results: Path) -> dict[str, Judged]:
    """Every claim on every backbone, looked at with the records of a results folder that are not stale."""
    found = _fresh(rules, files, results)
    measured = {record.backbone for record in found}
    kept = [name for name in _starts(rules) if name in measured] or _starts(rules)[:1]
    command = f"srlbench run --track {rules.name}"
    evidence = {name: Evidence((r for r in found if r.backbone == name), rules.groups, command) for name in kept}
    return {name: [(claim, claim.look(seen)) for claim in claims()] for name, seen in evidence.items()}


def _starts(rules: Track) -> list[str]:
    return [backbones.resolve(name).name for name in rules.backbones]


def write_claims(judged: Mapping[str, Judged], rules: Track, results: Path) -> Path:
    place = "" if results == Path("srlbench-results") else f" --results {results.name}"
    path = folder(results, rules) / "claims.md"
    command = f"srlbench claims --track {rules.name}{place}"
    records.write_text(path, page.to_markdown(judged, rules.name, rules.version, rules.protocol.label, command))
    return path


def compared(
    rules: Track, names: Sequence[str], against: Sequence[str], files: Files, results: Path
) -> tuple[dict[str, list[compare.Comparison]], Path | None]:
    """Paired comparisons by average: of all recipes with the control and their twins, or of some with others."""
    for name in (*names, *against):
        registry.recipe(name, files)
    kept = [record for record in _fresh(rules, files, results) if not variants.is_variant(record.recipe)]
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
    for record in _fresh(rules, files, results):
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


def dynamics(
    rules: Track, chosen: Sequence[str], measures: Sequence[str], files: Files, results: Path, out: Path | None
) -> Path:
    """The figure of how measures went in training: of some recipes a line each, or of all a panel each."""
    for name in measures:
        if name not in over_steps.MEASURES:
            raise unknown("measure", name, over_steps.MEASURES)
    wanted = tuple(dict.fromkeys(measures)) or (over_steps.SPACE if chosen else over_steps.GRADIENTS)
    found = over_steps.by_recipe(_fresh(rules, files, results), wanted)
    for name in chosen:
        registry.recipe(name, files)
    lacking = [name for name in chosen if name not in found]
    if lacking or not found:
        what = ", ".join(lacking) or f"track {rules.name}"
        raise SrlbenchError(f"No run of {what} in {results} was looked at for that; `srlbench run` makes some.")
    kept = {name: each for name, each in found.items() if name in (chosen or found)}
    if not chosen:
        kept = {name: each for name, each in kept.items() if not variants.is_variant(name)}
    from srlbench import plots

    path = out or folder(results, rules) / ("-".join(("dynamics", *chosen, *measures)) + ".svg")
    if chosen and len(chosen) <= plots.TOGETHER:
        titles = {name: over_steps.MEASURES[name][1] for name in wanted}
        _drawn(lambda: plots.measures({name: kept[name] for name in chosen}, path, panels=titles, name="recipe"))
    else:
        _drawn(lambda: plots.dynamics(kept, path, panels=wanted))
    return path


def maps(losses: Sequence[str] | None, cells: int, batches: int, out: Path, report: Report) -> Path:
    """The figure of the simulation maps, of every registered loss or of some."""
    chosen = {name: inspection.loss(name) for name in losses or registry.loss_names()}
    from srlbench import plots
    from srlbench.diagnostics import simulation

    found: dict[str, dict[str, Any]] = {}
    for name, loss in chosen.items():
        report("simulate", len(found), len(chosen))
        found[name] = vars(simulation.of_loss(loss, simulation.Grid(cells=cells, batches=batches)))
    report("simulate", len(found), len(chosen))
    _drawn(lambda: plots.maps(found, out))
    return out


def _drawn(draw: Callable[[], None]) -> None:
    try:
        draw()
    except (OSError, ValueError) as error:
        raise UsageError(f"Cannot draw: {error}") from error


def _fresh(rules: Track, files: Files, results: Path) -> list[Record]:
    """The good records of recipes and variants as they are now, on the track's own backbones."""
    found = records.scan(results, rules.name, rules.version).records
    own = [
        r
        for r in found
        if r.status == "ok" and (r.protocol, r.backbone in rules.backbones) == (rules.protocol.label, True)
    ]
    now = current(_known({record.recipe for record in own}, files), rules)
    return [record for record in own if now.get((record.recipe, record.backbone)) == record.fingerprint]


def _known(names: Iterable[str], files: Files) -> Iterator[Registered]:
    """Those of the recipes and variants that can still be made."""
    for name in sorted(names):
        try:
            yield registry.recipe(name, files)
        except UsageError:
            continue
