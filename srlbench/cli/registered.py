"""Verbs of what is registered: list, show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from srlbench import backbones, losses, registry, tracks
from srlbench.cli.options import DEFAULT_TRACK, Files, Json, TrackName, app
from srlbench.cli.show import terminal
from srlbench.data.pull import counted
from srlbench.errors import unknown
from srlbench.runs.fingerprint import fingerprint
from srlbench.tracks.resolve import resolved


@app.command("list")
def list_(
    kind: Annotated[
        str | None,
        typer.Argument(help="recipes, tracks, losses, tasks or backbones; default: all.", show_default=False),
    ] = None,
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    json: Json = False,
) -> None:
    """What is registered: recipes, tracks, losses, tasks, backbones.

    Examples: `srlbench list`, `srlbench list recipes --json`
    """
    terminal.listing(listing(kind, track, tuple(recipes or ())), json)


@app.command()
def show(
    recipe: Annotated[str, typer.Argument(help="A recipe's name.")],
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    json: Json = False,
) -> None:
    """A recipe as a track resolves it: every setting, its loss, its fingerprint, what its paper reports.

    Example: `srlbench show simcse-unsup --track embedded`
    """
    terminal.description(describe(recipe, track, tuple(recipes or ())), json)


def listing(kind: str | None, track: str, files: tuple[Path, ...]) -> dict[str, dict[str, str]]:
    """Everything registered, by kind: a name and one line about it."""
    rules = tracks.load(track)
    about: dict[str, Callable[[], dict[str, str]]] = {
        "recipes": lambda: {name: entry.summary for name, entry in registry.recipes(files).items()},
        "tracks": lambda: {name: tracks.load(name).summary for name in tracks.names()},
        "losses": lambda: {name: _first_line(losses.path(name)) for name in losses.names()},
        "tasks": lambda: {name: f"{rule.kind}, {counted(rule.rows)}" for name, rule in rules.protocol.tasks.items()},
        "backbones": lambda: {name: f"sha256 {backbones.resolve(name).sha256[:16]}" for name in backbones.names()},
    }
    if kind is not None and kind not in about:
        raise unknown("kind", kind, about)
    return {each: told() for each, told in about.items() if kind in (None, each)}


def describe(name: str, track: str, files: tuple[Path, ...]) -> dict[str, Any]:
    """A recipe as the track runs it on each of its backbones."""
    rules = tracks.load(track)
    entry = registry.recipe(name, files)
    starts = [backbones.resolve(backbone) for backbone in rules.backbones]
    return {
        "name": entry.name,
        "summary": entry.summary,
        "family": entry.family,
        "cite": entry.cite,
        "reported": entry.reported,
        "track": f"{rules.name} v{rules.version}",
        "backbones": {
            start.name: {
                "fingerprint": fingerprint(entry, rules, start),
                **resolved(entry, rules, start).as_dict(),
            }
            for start in starts
        },
    }


def _first_line(path: Path) -> str:
    return path.read_text(encoding="utf-8").partition("\n")[0].strip().strip('"')
