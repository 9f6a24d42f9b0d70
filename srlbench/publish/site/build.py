"""The site of a results folder: it has every track with records, and every registered recipe.

Its folder is written completely or not at all, and never over anything but a site.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from srlbench.analysis.claims.judge import judge
from srlbench.analysis.compare import every_pair
from srlbench.analysis.leaderboard import leaderboard
from srlbench.analysis.results import Results
from srlbench.errors import SrlbenchError
from srlbench.publish import folder
from srlbench.publish.site.contents import Definition, TrackResults
from srlbench.recipe import Loss
from srlbench.records import Problem

MARK = ".srlbench-site"


def publish(to: Path, chosen: Sequence[Results]) -> tuple[int, tuple[Problem, ...]]:
    """Write the site of the results of some tracks; its size in bytes, and the files there that are no records."""
    from srlbench.publish.site import pages

    check(to)
    definitions = {
        name: Definition(entry, entry.recipe.as_dict(), _docstring(entry.recipe.loss))
        for name, entry in chosen[0].recipes.items()
    }
    every = [_with_analyses(results, definitions) for results in chosen if results.records]
    if not every:
        raise SrlbenchError(f"There are no records in {chosen[0].path} that could be read.")
    size = write(to, pages.files(every, definitions))
    return size, tuple(problem for results in chosen for problem in results.problems)


def _with_analyses(results: Results, definitions: dict[str, Definition]) -> TrackResults:
    shown = TrackResults(results, leaderboard(results), judge(results), definitions)
    try:
        compared, pairs = every_pair(results)
    except SrlbenchError as error:  # no text of the tasks, or no predictions: then no numbers rather than other ones
        return replace(shown, uncompared=str(error))
    return replace(shown, compared=compared.comparisons, pairs=pairs)


def _docstring(loss: Loss | None) -> str | None:
    """The docstring of a loss, read from its text so that torch is not imported for a page."""
    if loss is None:
        return None
    for node in ast.walk(ast.parse(loss.source())):
        if isinstance(node, ast.FunctionDef) and node.name == loss.name:
            return inspect.cleandoc(ast.get_docstring(node) or "") or None
    return None


def check(to: Path) -> None:
    """Raise an error if the folder holds anything but a site of srlbench."""
    folder.check(to, MARK, "a site of srlbench")


def write(to: Path, files: Iterable[tuple[str, bytes]]) -> int:
    """Write the site, in exchange for the one that is there; return its size in bytes."""
    check(to)
    mark = (MARK, b"A site of srlbench publish, which may replace it.\n")
    *sizes, _ = folder.write(to.absolute(), chain(files, [mark]))
    return sum(sizes)
