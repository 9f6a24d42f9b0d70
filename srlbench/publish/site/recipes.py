"""The content of a recipe's page: its definition, and its runs on each track."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from srlbench import variants
from srlbench.analysis.compare.tables import numbers, word
from srlbench.analysis.leaderboard.board import Row, names
from srlbench.analysis.leaderboard.tables import measure, score, span
from srlbench.analysis.table import Cell, Column, Line, Table, number, texts
from srlbench.publish.site.board_pictures import along
from srlbench.publish.site.contents import METHODS, TrackResults, listed, slug
from srlbench.publish.site.recipe_pictures import OBSERVED, changed, drawn, number_of
from srlbench.publish.site.svg import Picture
from srlbench.recipe import Registered
from srlbench.records import Record
from srlbench.stats import average, label, summarise, with_averages


@dataclass(frozen=True)
class Section:
    """A recipe on one track and backbone: its row, the tables and pictures of its runs, and its failures."""

    name: str  # its id on the page
    results: TrackResults
    row: Row
    command: str
    tables: Sequence[Table]
    pictures: Sequence[Picture]
    resolved: Mapping[str, str]
    failures: Sequence[str]
    compared: bool


def sections(results: TrackResults, recipe: str) -> Iterator[Section]:
    for row in results.board.rows:
        if row.recipe != recipe:
            continue
        stale = row.state in ("stale", "unregistered")
        name = f"{slug(results.rules.name)}-{slug(row.backbone)}" + (f"-{row.fingerprint}" if stale else "")
        runs = results.of(row)
        key = (row.recipe, row.backbone, row.fingerprint)
        broken = [r for r in results.runs if r.status == "failed" and (r.recipe, r.backbone, r.fingerprint) == key]
        yield Section(
            name=name,
            results=results,
            row=row,
            command=_command(results, row),
            tables=[table for table in _tables(results, row, name) if table.lines],
            pictures=list(drawn(results, row, name)),
            resolved=settings(next(iter(runs.values())).resolved) if runs else {},
            failures=[_failure(record) for record in broken],
            compared=bool(_against(results, row)),
        )


def settings(found: Mapping[str, Any]) -> dict[str, str]:
    """Settings as text, without those that are None."""
    plain: dict[str, str] = {}
    for key, each in found.items():
        if isinstance(each, Mapping):
            inside = ", ".join(f"{k} = {_text(v)}" for k, v in each.items() if k != "name")
            plain[key] = f"{each.get('name', '')}({inside})"
        elif each is not None:
            plain[key] = _text(each)
    return plain


def reported(known: Registered) -> Table | None:
    """The scores of the recipe in papers, in their own settings."""
    averages = list(dict.fromkeys(name for numbers in known.reported.values() for name in numbers))
    columns = [Column("track and encoder", "left"), *(Column(label(name)) for name in averages)]
    lines = [
        Line([Cell(setting), *(Cell(f"{n[a]:.2f}", n[a]) if a in n else Cell() for a in averages)])
        for setting, n in known.reported.items()
    ]
    return Table("reported", "As papers print it", columns, lines) if lines else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else json.dumps(value)


def _command(results: TrackResults, row: Row) -> str:
    seeds = sorted({*row.seeds, *row.failed} or results.rules.seeds)
    words = ["srlbench", "run", row.recipe, "--track", results.rules.name]
    words += ["--backbone", row.backbone] if results.rules.backbones != (row.backbone,) else []
    return shlex.join([*words, "--seeds", listed(seeds)])


def _failure(record: Record) -> str:
    error = record.error or {}
    message = str(error.get("message", "")).strip().partition("\n")[0]
    return f"Seed {record.seed} failed: {error.get('type', '')}: {message[:300]}"


def _tables(results: TrackResults, row: Row, name: str) -> Iterator[Table]:
    if row.seeds:
        yield _scores(results, row, name)
        yield _seeds(results, row, name)
        yield _trained(results, row, name)
        yield _words(results, row, name)
        yield _variants(results, row, name)


def _against(results: TrackResults, row: Row) -> list[Row]:
    """The rows of the control and of the recipe's original, where they were compared with this one."""
    known, first = results.definitions.get(row.recipe), names(results.board.scope.groups)[0]
    asked = (results.rules.control, known.entry.version_of if known else None)
    others = (results.row(name, row.backbone) for name in asked)
    return [other for other in others if row.current and other and results.comparison(row, other, first)]


def _scores(results: TrackResults, row: Row, name: str) -> Table:
    """Every score, and how far it is from the control's and its original's."""
    against = _against(results, row)
    columns = [Column("", "left"), Column("mean ± sd (n)"), Column("95% interval")]
    for other in against:
        minus = f"minus {other.recipe}"
        columns += [Column(minus), Column("95% interval", about=f"of {minus}"), Column("", "left", about=minus)]
    lines = []
    for each in names(results.board.scope.groups):
        cells = [Cell(label(each)), score(row, each), span(row, each)]
        for other in against:
            found = results.comparison(row, other, each)
            cells += [*numbers(found)[:2], word(found)] if found else texts("–", "", "")
        lines.append(Line(cells, "average" if each.endswith("_avg") else ""))
    return Table(f"{name}-scores", "Scores", columns, lines)


def _seeds(results: TrackResults, row: Row, name: str) -> Table:
    runs, averages = results.of(row), [average(group) for group in results.board.scope.groups]
    sparse = any("sparsity" in run.training for run in runs.values())
    columns = [Column("seed"), *(Column(label(each)) for each in averages), Column("loss, first"), Column("loss, last")]
    columns += [Column("zero weights")] if sparse else []
    columns += [Column("seconds"), Column("memory, MB"), Column("weights (SHA-256)", "left")]
    lines = []
    for seed, scores in results.scores(row).items():
        run = runs[seed]
        values = [scores.get(each) for each in averages]
        values += [number_of(run.training.get(key)) for key in ("loss_first", "loss_last")]
        cells = [Cell(str(seed), seed), *map(number, values), *([_zeros(run)] if sparse else [])]
        cells += [number(run.timings.get("total_s"), ".0f"), number(run.peak_memory_mb, ".0f")]
        lines.append(Line([*cells, Cell((run.weights_sha256 or "–")[:12], mark="code")]))
    return Table(f"{name}-seeds", "Seeds", columns, lines)


def _zeros(run: Record) -> Cell:
    """How many of the weights that can be pruned are zero."""
    found = run.training.get("sparsity")
    zero, of = (number_of(found.get(key)) for key in ("zero", "of")) if isinstance(found, dict) else (None, None)
    return Cell(f"{zero:,.0f} of {of:,.0f}", zero) if zero is not None and of else Cell("–")


def _trained(results: TrackResults, row: Row, name: str) -> Table:
    """The diagnostics while training, means over the seeds."""
    runs = list(results.of(row).values())
    taken = {title: found for path, title in OBSERVED.items() if (found := along(runs, path))}
    columns = [Column("step"), *map(Column, taken)]
    steps = sorted({step for found in taken.values() for step in found})
    lines = []
    for step in steps:
        cells = [measure(summarise(found[step])) if step in found else Cell("–") for found in taken.values()]
        lines.append(Line([Cell(f"{step:g}", step), *cells]))
    return Table(f"{name}-dynamics", "While training", columns, lines)


def _words(results: TrackResults, row: Row, name: str) -> Table:
    columns = [Column("weight by", "left"), Column("information", "left")]
    columns += [Column(title) for title in ("slope", "R²", "Spearman", "words")]
    lines = []
    for method, title in METHODS.items():
        for quantity in ("information_gain", "self_information"):
            path = f"words.{method}.{quantity}"
            found = [results.measured(row, f"{path}.{key}") for key in ("slope", "r2", "spearman", "words")]
            if all(found):
                *means, count = map(summarise, found)
                cells = [*texts(title, quantity.replace("_", " ")), *map(measure, means)]
                lines.append(Line([*cells, number(count.mean, ".0f")]))
    return Table(f"{name}-words", "Weight of words and their information", columns, lines)


def _by_settings(item: tuple[str, Any]) -> list[tuple[str, float, str]]:
    """The key to sort variants by: the names of the settings, then their values, numbers by size."""
    changes = variants.parse(item[0]).items()
    return [(key, float(v) if isinstance(v, int | float) else -1.0, str(v)) for key, v in changes]


def _variants(results: TrackResults, row: Row, name: str) -> Table:
    groups = results.board.scope.groups
    columns = [Column("settings", "left"), *(Column(label(average(group))) for group in groups)]
    lines = []
    for variant, runs in sorted(changed(results, row).items(), key=_by_settings):
        scores = [with_averages(run.scores, groups) for run in runs]
        cells = []
        for group in map(average, groups):
            found = [each[group] for each in scores if group in each]
            cells.append(Cell(str(one := summarise(found)), one.mean) if found else Cell("–"))
        lines.append(Line([Cell(variant.partition(variants.MARK)[2]), *cells]))
    return Table(f"{name}-settings", "With other settings", columns, lines)
