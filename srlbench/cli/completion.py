"""What a shell completes: recipes, backbones, tracks and recorded runs. Anything that goes wrong completes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from srlbench import backbones, records, registry, tracks
from srlbench.analysis.results import DEFAULT
from srlbench.records import address

Complete = Callable[[typer.Context, str], list[str]]


def _of(names: Callable[[typer.Context], Iterable[str]]) -> Complete:
    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        try:
            return [name for name in names(ctx) if name.startswith(incomplete)]
        except Exception:  # a shell has no place for an error
            return []

    return complete


def _recipes(ctx: typer.Context) -> Iterable[str]:
    return registry.recipes(tuple(ctx.params.get("recipes") or ()))


def _runs(ctx: typer.Context) -> Iterable[str]:
    """The addresses of recorded runs of the track, from the names of their files."""
    keys = records.recorded(Path(ctx.params.get("results") or DEFAULT))
    track = ctx.params.get("track")
    return (str(address.of(key)) for key in keys if track in (None, key.track))


recipes = _of(_recipes)
runs = _of(_runs)
backbone = _of(lambda _: backbones.known())
track = _of(lambda _: tracks.names())
encoders = _of(lambda ctx: [*backbones.known(), *_runs(ctx)])
rows = _of(lambda ctx: [*_recipes(ctx), *_runs(ctx)])
