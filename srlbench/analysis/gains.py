"""What training adds on each backbone: over its untrained self, and over the control of its track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from srlbench import backbones, registry
from srlbench.analysis.compare.discrimination import scores_by_seed
from srlbench.analysis.results import Results
from srlbench.errors import UsageError
from srlbench.stats import average, label
from srlbench.tracks.resolve import resolved

KINDS = {"twins": "unsupervised", "triplets": "supervised", "none": "not trained"}
MODEL = "simcse-unsup"  # is read as the other recipes of its track are


@dataclass(frozen=True)
class Gains:
    """One backbone of one track: the score of its untrained self, and by how much every recipe is above it."""

    track: str
    backbone: str
    untrained: float
    score: str  # what is averaged
    control: str
    above: dict[str, tuple[str, float, int]]  # recipe -> kind, points, seeds


def gains(results: Sequence[Results]) -> list[Gains]:
    """A row for each track and backbone that has records, over recipes with two seeds or more."""
    rows = []
    for each in results:
        track, primary = each.track, average(next(iter(each.track.groups)))
        scores = scores_by_seed(each)
        for name in dict.fromkeys(backbones.resolve(start).name for start in track.ranked):
            found = {k: [*v.values()] for k, v in scores.get((name, primary), {}).items() if k in each.recipes}
            itself = _untrained(each, name)
            if itself not in found:
                continue
            start = fmean(found[itself])
            above = {
                recipe: (KINDS[each.recipes[recipe].recipe.data], fmean(values) - start, len(values))
                for recipe, values in found.items()
                if len(values) > 1 and recipe != itself
            }
            rows.append(Gains(f"{track.name} v{track.version}", name, start, label(primary), track.control, above))
    return rows


def _untrained(results: Results, backbone: str) -> str:
    """The recipe that reads the backbone as the trained ones are read, without training it."""
    start = backbones.resolve(backbone)
    if not start.layered:
        return "input-words"
    return f"untrained-{resolved(registry.recipe(MODEL), results.track, start).pool}"


def draw(results: Sequence[Results], path: Path) -> Path:
    """Draw them, a line for each backbone."""
    rows = [row for row in gains(results) if row.above]
    if not rows:
        raise UsageError("There is nothing to draw: no backbone has an untrained row and a recipe with two seeds.")
    from srlbench.analysis.figures import strips

    strips(rows, path)
    return path
