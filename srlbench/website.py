"""What is asked of the results as a whole: their site."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from srlbench import analysis, backbones, records, registry, standings, tracks, variants
from srlbench.errors import SrlbenchError, UsageError
from srlbench.plan import folder
from srlbench.recipe import Loss, Registered
from srlbench.records import Problem
from srlbench.tracks import Track

if TYPE_CHECKING:
    from srlbench.site.contents import Definition, Results

Files = tuple[Path, ...]


def publish(to: Path, chosen: Sequence[str], files: Files, results: Path) -> tuple[int, tuple[Problem, ...]]:
    """Write the site of some tracks, or of all that have records; its bytes, and the files that are no records."""
    from srlbench.site import folder as site_folder
    from srlbench.site import pages

    site_folder.check(to)
    found = [tracks.load(name) for name in dict.fromkeys(chosen)] or measured(results)
    definitions = {name: _definition(entry) for name, entry in registry.recipes(files).items()}
    every: list[Results] = []
    problems: list[Problem] = []
    for rules in found:
        one, bad = _results(rules, files, results, definitions)
        if chosen and not one.runs:
            raise SrlbenchError(f"There are no records of track {rules.name} in {results}.")
        every += [one] if one.runs else []
        problems += bad
    if not every:
        raise SrlbenchError(f"There are no records in {results} that could be read.")
    return site_folder.write(to, pages.files(every, definitions)), tuple(problems)


def measured(results: Path) -> list[Track]:
    """The shipped tracks that have records in a results folder."""
    known = [tracks.load(name) for name in tracks.names()]
    if found := [rules for rules in known if (folder(results, rules) / "records").is_dir()]:
        return found
    raise UsageError(
        f"There are no records in {results}; `srlbench run --all` makes some, --results names another folder."
    )


def _results(
    rules: Track, files: Files, results: Path, definitions: dict[str, Definition]
) -> tuple[Results, tuple[Problem, ...]]:
    from srlbench.site.contents import Results

    board, problems = standings.leaderboard(rules, files, results, write=False)
    entered = [r for r in records.scan(results, rules.name, rules.version).records if not variants.is_variant(r.recipe)]
    changed = [r for r in analysis.fresh(rules, files, results) if variants.is_variant(r.recipe)]
    judged = analysis.judge(rules, files, results)
    pins = {name: backbones.resolve(name).sha256 for name in rules.backbones}
    return Results(rules, board, (*entered, *changed), judged, definitions, pins), problems


def _definition(entry: Registered) -> Definition:
    from srlbench.site.contents import Definition

    return Definition(
        name=entry.name,
        summary=entry.summary,
        family=entry.family,
        cite=entry.cite,
        twin=entry.twin,
        reported=entry.reported,
        settings=entry.recipe.as_dict(),
        loss=_told(entry.recipe.loss) if entry.recipe.loss else None,
    )


def _told(loss: Loss) -> str | None:
    """What a loss says of itself, read from its text so that torch is not imported for a page."""
    for node in ast.walk(ast.parse(loss.source())):
        if isinstance(node, ast.FunctionDef) and node.name == loss.name:
            return inspect.cleandoc(ast.get_docstring(node) or "") or None
    return None
