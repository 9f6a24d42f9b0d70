"""The leaderboard of a results folder: rows computed from records, ranked, and their tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from srlbench import backbones
from srlbench.analysis.leaderboard.board import Elsewhere, Leaderboard, Papers, Scope
from srlbench.analysis.leaderboard.rows import build
from srlbench.analysis.results import Results
from srlbench.tracks import Track

__all__ = ["Leaderboard", "leaderboard", "scope"]


def leaderboard(results: Results, compared: bool = True) -> Leaderboard:
    """The leaderboard of the registered recipes, compared with the published records."""
    board = build(
        results.without_variants.records,
        scope(results.track),
        results.current,
        _papers(results),
        results.published if compared else None,
        results.confirmations,
    )
    return replace(board, references=results.references)


def scope(track: Track) -> Scope:
    """The scope of a track's own table."""
    return Scope(track.name, track.version, track.protocol.label, track.groups, track.seeds)


def _papers(results: Results) -> Papers:
    """What papers report of the track's recipes: for its very settings, and on the same tasks in other settings."""
    starts = [backbones.resolve(name) for name in results.track.backbones]
    encoders = {start.hub_id or start.name: start.name for start in starts}
    same_tasks = results.track.protocol.source == "senteval"
    here: dict[tuple[str, str], Mapping[str, float]] = {}
    elsewhere: list[Elsewhere] = []
    for entry in results.recipes.values():
        for setting, numbers in entry.reported.items():
            track, _, encoder = setting.partition("/")
            if track == results.track.name and encoder in encoders:
                here[entry.name, encoders[encoder]] = numbers
            elif track != results.track.name and same_tasks:
                elsewhere.append((entry.name, encoder, numbers))
    return Papers(here, elsewhere)
