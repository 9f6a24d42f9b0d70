"""What is asked about why and when a recipe works: sweeps over its settings, how its training went, claims."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from srlbench import backbones, inspection, records, registry, suite, sweep, tracks, variants
from srlbench import dynamics as over_steps
from srlbench import leaderboard as leaderboards
from srlbench.claims import Claim, Finding, claims, page
from srlbench.claims.evidence import Evidence
from srlbench.errors import SrlbenchError, UsageError, unknown
from srlbench.jobs import Look
from srlbench.plan import Plan, current, folder
from srlbench.recipe import Registered
from srlbench.records import Record
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


def judge(rules: Track, files: Files, results: Path) -> dict[str, Judged]:
    """Every claim on every backbone, looked at with the records of a results folder that are not stale."""
    found = fresh(rules, files, results)
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


def dynamics(
    rules: Track, chosen: Sequence[str], measures: Sequence[str], files: Files, results: Path, out: Path | None
) -> Path:
    """The figure of how measures went in training: of some recipes a line each, or of all a panel each."""
    for name in measures:
        if name not in over_steps.MEASURES:
            raise unknown("measure", name, over_steps.MEASURES)
    wanted = tuple(dict.fromkeys(measures)) or (over_steps.SPACE if chosen else over_steps.GRADIENTS)
    found = over_steps.by_recipe(fresh(rules, files, results), wanted)
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


def fresh(rules: Track, files: Files, results: Path) -> list[Record]:
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
