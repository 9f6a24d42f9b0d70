"""The leaderboard of a results folder: rows computed from records, ranked, and their tables."""

from __future__ import annotations

from collections.abc import Mapping

from srlbench import backbones
from srlbench.analysis.leaderboard.board import Elsewhere, Leaderboard, Papers, Scope
from srlbench.analysis.leaderboard.rows import build
from srlbench.analysis.results import Results
from srlbench.tracks import Track

__all__ = ["Leaderboard", "leaderboard", "scope"]


def leaderboard(results: Results) -> Leaderboard:
    """The leaderboard of the registered recipes, compared with the published records."""
    return build(
        results.without_variants.records,
        scope(results.track),
        results.current,
        Papers(_here(results), _elsewhere(results)),
        results.published,
        results.confirmations,
    )


def scope(track: Track) -> Scope:
    """The scope of a track's own table."""
    return Scope(track.name, track.version, track.protocol.label, track.groups, track.seeds)


def _here(results: Results) -> dict[tuple[str, str], Mapping[str, float]]:
    """The scores that papers report for the settings of this track."""
    starts = [backbones.resolve(name) for name in results.track.backbones]
    return {
        (entry.name, start.name): numbers
        for entry in results.recipes.values()
        for start in starts
        if (numbers := entry.reported.get(f"{results.track.name}/{start.hub_id or start.name}"))
    }


def _elsewhere(results: Results) -> list[Elsewhere]:
    """The scores that papers report for the same recipes and tasks in other settings."""
    if results.track.protocol.source != "senteval":
        return []
    return [
        (entry.name, setting.partition("/")[2], numbers)
        for entry in results.recipes.values()
        for setting, numbers in entry.reported.items()
        if not setting.startswith(f"{results.track.name}/")
    ]
