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
    """The table of the registered recipes, beside the published reference."""
    return build(
        results.entered.records,
        scope(results.track),
        results.current,
        Papers(_here(results), _elsewhere(results)),
        results.published,
        results.confirmations,
    )


def scope(track: Track) -> Scope:
    """What may share a table with a track's own."""
    return Scope(track.name, track.version, track.protocol.label, track.groups, track.seeds)


def _here(results: Results) -> dict[tuple[str, str], Mapping[str, float]]:
    """What papers print for this very setting; empty on every track that is not the paper's."""
    starts = [backbones.resolve(name) for name in results.track.backbones]
    return {
        (entry.name, start.name): numbers
        for entry in results.recipes.values()
        for start in starts
        if (numbers := entry.reported.get(f"{results.track.name}/{start.hub_id or start.name}"))
    }


def _elsewhere(results: Results) -> list[Elsewhere]:
    """What papers print of the track's recipes in another setting, but on the same tasks."""
    if results.track.protocol.source != "senteval":
        return []
    return [
        (entry.name, setting.partition("/")[2], numbers)
        for entry in results.recipes.values()
        for setting, numbers in entry.reported.items()
        if not setting.startswith(f"{results.track.name}/")
    ]
