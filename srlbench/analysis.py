"""What is asked about why and when a recipe works: sweeps over its settings, the gradients of its loss, claims."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from srlbench import leaderboard as leaderboards
from srlbench import records, registry, suite, sweep, tracks, variants
from srlbench.errors import UsageError
from srlbench.plan import Plan, current, folder
from srlbench.recipe import Registered

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
) -> tuple[Plan, list[Registered]]:
    """The suite of a grid over a recipe's own settings, and its points: the recipe as registered, and its variants."""
    rules, entry = tracks.load(track_name), registry.recipe(recipe, files)
    if variants.is_variant(entry.name):
        raise UsageError(f"Sweep {variants.base(recipe)}, and give what differs with --set.")
    points = [variants.variant(entry, changes) for changes in variants.grid(settings)]
    plan = suite.planned(points, rules, backbone, seeds, files, results, False, command)
    return plan, [entry, *points]


def swept(points: Sequence[Registered], plan: Plan, backbone: Sequence[str]) -> tuple[sweep.Sweep, list[Path]]:
    """What a sweep found, and the files that say so, beside the leaderboard."""
    rules = plan.track
    now = current(points, rules, backbone)
    found = records.scan(plan.results, rules.name, rules.version).records
    board = leaderboards.build(
        [record for record in found if now.get((record.recipe, record.backbone)) == record.fingerprint],
        track=rules.name,
        version=rules.version,
        protocol=rules.protocol.label,
        current=now,
        groups=rules.groups,
    )
    made = sweep.Sweep(points[0].name, {point.name: point.changes for point in points}, board)
    return made, sweep.write(made, folder(plan.results, rules) / "sweeps", plan.command)
