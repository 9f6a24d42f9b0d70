"""The verbs that look things up: list, show."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from srlbench import backbones, records, registry, tracks
from srlbench.analysis.results import Results as FolderResults
from srlbench.cli import completion
from srlbench.cli import options as opt
from srlbench.cli.show import record as one
from srlbench.cli.show import terminal
from srlbench.data.pull import counted
from srlbench.errors import UsageError, unknown
from srlbench.recipe.members import Kind
from srlbench.recipe.parts import KINDS
from srlbench.records import Record, RecordError, address
from srlbench.runs.fingerprint import fingerprint
from srlbench.stats import Groups
from srlbench.tracks.resolve import applies, resolved


@opt.app.command("list", rich_help_panel=opt.KNOWN)
def list_(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            help="recipes, tracks, a kind of part (losses, companions, ...), tasks or backbones; default: all.",
        ),
    ] = None,
    track: opt.TrackName = opt.DEFAULT_TRACK,
    recipes: opt.Files = None,
    json: opt.Json = False,
) -> None:
    """List what is registered: recipes and their parts, tracks, tasks and backbones.

    Examples:

    - `srlbench list`
    - `srlbench list recipes --json`
    """
    known = listing(kind, track, tuple(recipes or ()))
    terminal.as_json(known) if json else terminal.listing(known)


@opt.app.command(rich_help_panel=opt.KNOWN)
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help=f"A recipe's name, a run ({opt.RUN}), or a record's file.",
            autocompletion=completion.rows,
        ),
    ],
    track: opt.TrackName = opt.DEFAULT_TRACK,
    recipes: opt.Files = None,
    results: opt.Results = opt.DEFAULT_RESULTS,
    json: opt.Json = False,
) -> None:
    """Show a recipe as a track runs it, or all that is recorded of one run.

    Of a run it shows the scores, the fingerprint, the conditions and the settings; of a failed run the error and its
    traceback. `--json` prints the record.

    Examples:

    - `srlbench show simcse-unsup --track embedded`
    - `srlbench show simcse-unsup@tiny:0 --results results`
    """
    asked = address.parse(name)
    if not name.endswith(".json") and asked.backbone is None and asked.seed is None:
        about = describe(name, track, tuple(recipes or ()))
        terminal.as_json(about) if json else terminal.description(about)
        return
    there = opt.of(results, track, recipes)
    found, path, others = _file(Path(name)) if name.endswith(".json") else _run(name, there)
    if json:
        terminal.as_json(found.as_plain())
    else:
        one.record(found, path, *_today(found, there))
    one.notes(found, others)


def _file(path: Path) -> tuple[Record, Path, tuple[Record, ...]]:
    try:
        return records.read(path), path, ()
    except RecordError as error:
        raise UsageError(f"{path} is no record: {error}.") from None


def _run(name: str, results: FolderResults) -> tuple[Record, Path, tuple[Record, ...]]:
    """The record of one run, its path, and other versions of it."""
    track = results.track
    if not results.records:
        raise UsageError(
            f"There are no records of track {track.name} in {results.path}; `srlbench run --all` makes some, "
            "--results names another folder and --track another track."
        )
    asked = address.parse(name)
    elsewhere = {key.track for key in records.recorded(results.path) if asked.matches(key)} - {track.name}
    if elsewhere and not asked.among(results.records):
        raise UsageError(f"{asked} is not recorded on track {track.name}, but on {', '.join(sorted(elsewhere))}: "
                         "--track says which.")  # fmt: skip
    found, *others = address.one(name, results.records, results.is_current)
    path = records.record_path(results.path, found.key, failed=found.status == "failed")
    return found, path, tuple(others)


def _today(record: Record, results: FolderResults) -> tuple[str | None, Groups]:
    """The fingerprint that the run would have today (None if it cannot be made any more), and its track's groups."""
    own = (record.track, record.track_version) == (results.track.name, results.track.version)
    if not own and record.track not in tracks.names():
        return None, {}
    rules = results.track if own else tracks.load(record.track)
    groups = rules.groups if rules.version == record.track_version else {}
    try:
        entry = registry.recipe(record.recipe, results.files)
        return fingerprint(entry, rules, backbones.resolve(record.backbone)), groups
    except UsageError:
        return None, groups


def listing(kind: str | None, track: str, files: tuple[Path, ...]) -> dict[str, dict[str, str]]:
    """Everything registered, by kind: a name and one line about it."""
    rules = tracks.load(track)
    about: dict[str, Callable[[], dict[str, str]]] = {
        "recipes": lambda: {name: entry.summary for name, entry in registry.recipes(files).items()},
        "tracks": lambda: {name: tracks.load(name).summary for name in tracks.names()},
        **{kind.folder: partial(_members, kind) for kind in KINDS},
        "tasks": lambda: {name: f"{rule.kind}, {counted(rule.rows)}" for name, rule in rules.protocol.tasks.items()},
        "backbones": backbones.known,
    }
    if kind is not None and kind not in about:
        raise unknown("kind", kind, about)
    return {each: entries() for each, entries in about.items() if kind in (None, each)}


def describe(name: str, track: str, files: tuple[Path, ...]) -> dict[str, Any]:
    """A recipe as the track runs it on each of its backbones."""
    rules = tracks.load(track)
    entry = registry.recipe(name, files)
    starts = [backbones.resolve(backbone) for backbone in rules.backbones]
    settings = {
        start.name: {"fingerprint": fingerprint(entry, rules, start), **resolved(entry, rules, start).as_dict()}
        for start in starts
        if applies(entry, start)
    }
    about = {name: getattr(entry, name) for name in ("name", "summary", "family", "cite", "reported")}
    return {**about, "track": f"{rules.name} v{rules.version}", "backbones": settings}


def _members(kind: Kind) -> dict[str, str]:
    return {name: _first_line(kind.path(name)) for name in kind.names()}


def _first_line(path: Path) -> str:
    return path.read_text(encoding="utf-8").partition("\n")[0].strip().strip('"')
