"""The pictures of one recipe: of its training, and of its scores along a setting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from srlbench import variants
from srlbench.analysis.leaderboard.board import Row
from srlbench.publish.site import pictures, traces
from srlbench.publish.site.board_pictures import MAPPED, along
from srlbench.publish.site.contents import TrackResults
from srlbench.publish.site.svg import Picture, picture
from srlbench.records import Record
from srlbench.stats import average, label, with_averages

OBSERVED = {
    "dev": "dev, Spearman × 100",
    "uniformity": "uniformity",
    "alignment": "alignment",
    "anisotropy": "anisotropy",
    "intra_similarity": "intra-sentence similarity",
    **MAPPED,
}
LEVELS = 2  # values of a setting that make a curve


def drawn(results: TrackResults, row: Row, name: str) -> Iterator[Picture]:
    """Its training, and its scores along every setting that was swept; `name` begins the names of the pictures."""
    runs = list(results.of(row).values())
    panels: dict[str, traces.Along] = {"training loss": losses} if (losses := _losses(runs)) else {}
    panels |= {title: found for path, title in OBSERVED.items() if (found := along(runs, path))}
    if panels:
        yield picture(
            traces.training(panels),
            f"{name}-training",
            "Learning dynamics and gradients",
            f"{row.recipe}: {', '.join(panels)} against the training step.",
            f"Against the training step: {traces.BAND}.",
        )
    yield from _settings(results, row, name)


def _losses(runs: Sequence[Record]) -> dict[float, list[float]]:
    """The recorded losses, which are means of equal stretches of the training."""
    found: dict[float, list[float]] = {}
    for run in runs:
        losses, steps = run.training.get("losses") or [], number_of(run.training.get("steps"))
        for number, loss in enumerate(losses if isinstance(losses, list) else [], 1):
            if steps and (value := number_of(loss)) is not None:
                found.setdefault(steps * number / len(losses), []).append(value)
    return found


def _settings(results: TrackResults, row: Row, name: str) -> Iterator[Picture]:
    """A curve for each setting that alone takes several values, as sparsity does."""
    groups = results.board.scope.groups
    curves: dict[str, dict[float, list[Record]]] = {}
    for variant, runs in changed(results, row).items():
        changes = variants.parse(variant)
        if len(changes) == 1 and isinstance(level := next(iter(changes.values())), int | float):
            curves.setdefault(next(iter(changes)), {})[float(level)] = runs
    for number, (key, levels) in enumerate(sorted(curves.items())):
        if len(levels) < LEVELS:
            continue
        panels: dict[str, dict[float, list[float]]] = {}
        for level, runs in sorted(levels.items()):
            for run in runs:
                scores = with_averages(run.scores, groups)
                values = {label(average(group)): scores.get(average(group)) for group in groups}
                values |= {title: run.measured(f"pairs.{title}") for title in ("alignment", "uniformity")}
                for title, value in values.items():
                    if value is not None:
                        panels.setdefault(title, {}).setdefault(level, []).append(value)
        yield picture(
            traces.setting(panels, key, pictures.decades([level for level in levels if level])),
            f"{name}-curve-{number}",
            f"Scores along {key}",
            f"{row.recipe}: {', '.join(panels)} for {key} of {', '.join(f'{x:g}' for x in levels)}.",
            f"Along {key}: {traces.BAND}; the averages are in the table “With other settings”.",
        )


def changed(results: TrackResults, row: Row) -> dict[str, list[Record]]:
    """The runs of the recipe's variants, by their names."""
    found: dict[str, list[Record]] = {}
    for run in results.runs:
        own = variants.is_variant(run.recipe) and variants.base(run.recipe) == row.recipe
        if own and (run.backbone, run.protocol, run.status) == (row.backbone, results.board.scope.protocol, "ok"):
            found.setdefault(run.recipe, []).append(run)
    return found


def number_of(value: Any) -> float | None:
    return value if isinstance(value, int | float) else None
