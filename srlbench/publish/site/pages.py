"""The pages of the site and their content; the templates write it, and escape all text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from srlbench import __version__, backbones
from srlbench.analysis.compare.tables import numbers
from srlbench.analysis.leaderboard import board, tables
from srlbench.analysis.leaderboard.page import legend
from srlbench.analysis.table import Cell, Column, Line, Table
from srlbench.analysis.table.html import SIGNS
from srlbench.publish.site import board_pictures, methods, papers, recipes
from srlbench.publish.site.contents import (
    Definition,
    TrackResults,
    backbone_page,
    backbones_of,
    listed,
    paper_page,
    recipe_page,
)
from srlbench.stats import average, label
from srlbench.tracks import CHOSEN

FIRST = 6  # rows of each backbone on the first page
ASSETS = ("site.css", "site.js")
MACHINE = ("python", "os", "cpu", "gpu")  # of an environment, beside its packages


@dataclass(frozen=True)
class Page:
    """A page: its path in the site, its template, its title and the values for the template."""

    path: str
    template: str
    title: str
    content: Mapping[str, Any]


def files(every: Sequence[TrackResults], definitions: Mapping[str, Definition]) -> Iterator[tuple[str, bytes]]:
    """The path and content of every file of the site. The same records give the same bytes."""
    environment = Environment(
        loader=PackageLoader("srlbench.publish.site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["recipe_page"] = recipe_page
    environment.filters["backbone_page"] = backbone_page
    environment.filters["label"] = label
    common = {"every": every, "version": __version__, "marks": SIGNS, "named": _named(every, definitions)}
    for page in pages(every, definitions):
        root = "../" * page.path.count("/")
        template = environment.get_template(page.template)
        html = template.render(**common, **page.content, title=page.title, root=root, here=page.path)
        yield page.path, html.encode()
    for results in every:
        yield f"{results.folder}/leaderboard.csv", results.board.to_csv().encode()
    for name in ASSETS:
        yield name, Path(__file__).with_name(name).read_bytes()


def pages(every: Sequence[TrackResults], definitions: Mapping[str, Definition]) -> Iterator[Page]:
    judged = papers.by_paper(every)
    heads = [(results, _first_rows(results, f"head-{number}")) for number, results in enumerate(every)]
    yield Page("index.html", "index.html", "Results", {"papers": papers.overview(judged), "heads": heads})
    for results in every:
        yield _leaderboard(results)
        yield _track(results)
    for name in _named(every, definitions):
        yield _recipe(every, name, definitions.get(name), definitions)
    for paper, found in judged.items():
        claims = {"paper": paper, "cited": papers.of_paper(paper), "judged": found}
        yield Page(paper_page(paper), "paper.html", paper, claims)
    content = {"comparisons": list(map(_comparisons, every))}
    yield Page("compare.html", "compare.html", "Compare two recipes", content)
    yield Page("methods.html", "methods.html", "Methods and their papers", methods.content(every, definitions))
    for name in backbones_of(every):
        yield _backbone(every, name)


def _named(every: Sequence[TrackResults], definitions: Mapping[str, Definition]) -> list[str]:
    """The recipes that have a page: those that are registered, and those that have a row."""
    return sorted({*definitions, *(row.recipe for results in every for row in results.board.rows)})


def _backbone(every: Sequence[TrackResults], name: str) -> Page:
    """A backbone: what it is, and every row that begins with it."""
    known = backbones.known().get(name, "")
    boards = []
    for number, results in enumerate(every):
        rows = [row for row in results.board.rows if row.backbone == name]
        if rows:
            alone = replace(results.board, rows=tuple(rows))
            (table,) = _linked(results, tables.averages(alone))
            table = table.only(p for p, column in enumerate(table.columns) if column.title != "backbone")
            boards.append((results, replace(table, name=f"averages-{number}", title=results.title)))
    content = {"name": name, "known": known, "boards": boards, "card": _card(name)}
    return Page(backbone_page(name), "backbone.html", f"Backbone: {name}", content)


def _card(name: str) -> str:
    """The card of a shipped backbone: how it was made, and what it was measured to be."""
    path = backbones.SHIPPED / name / "README.md"
    return path.read_text(encoding="utf-8") if name in backbones.names() and path.is_file() else ""


def _leaderboard(results: TrackResults) -> Page:
    every = _linked(results, tables.every(results.board))
    content = {
        "results": results,
        "tables": [table for table in every if table.name.startswith("averages")],
        "more": [table for table in every if not table.name.startswith("averages")],
        "pictures": list(board_pictures.drawn(results)),
        "legend": legend(results.board),
        "kinds": sorted({kind for row in results.board.rows if (kind := results.kind(row.recipe))}),
        "seeds": listed(sorted({seed for row in results.board.rows for seed in row.seeds})),
    }
    return Page(f"{results.folder}/leaderboard.html", "leaderboard.html", f"Leaderboard: {results.title}", content)


def _track(results: TrackResults) -> Page:
    rules = results.rules
    columns = [*(Column(title, "left") for title in ("task", "kind", "average")), Column("rows")]
    tasks = [
        Line([Cell(task.name), Cell(task.kind), Cell(label(average(task.group))),
              Cell(", ".join(f"{split} {count:,}" for split, count in task.rows.items()), sum(task.rows.values())),
              Cell(task.sha256, mark="code")])
        for task in rules.protocol.tasks.values()
    ]  # fmt: skip
    sources = (rules.path, rules.protocol.path, rules.path.with_name(CHOSEN.format(rules.path.stem)))
    content = {
        "results": results,
        "rules": rules,
        "pins": {name: backbones.resolve(name).sha256 for name in rules.backbones},
        "tasks": Table("tasks", "Tasks", [*columns, Column("SHA-256", "left")], tasks),
        "made": _environments(results),
        "sources": [(path.name, path.read_text(encoding="utf-8")) for path in sources if path.is_file()],
    }
    return Page(f"{results.folder}/rules.html", "track.html", f"Track {results.title}", content)


def _environments(results: TrackResults) -> Table:
    """The versions and machines behind the records, and how many records each made."""
    counts: Counter[tuple[str, ...]] = Counter()
    packages = sorted({name for run in results.runs for name in run.environment.get("packages") or {}})
    for run in results.runs:
        known = run.environment.get("packages") or {}
        counts[tuple(str(each or "–") for each in (*map(known.get, packages), *map(run.environment.get, MACHINE)))] += 1
    columns = [Column("records"), *(Column(name, "left") for name in (*packages, *MACHINE))]
    lines = [
        Line([Cell(f"{n:,}", n), *map(Cell, each)]) for each, n in sorted(counts.items(), key=lambda x: (-x[1], x[0]))
    ]
    return Table("environments", "What the records were made with", columns, lines)


def _recipe(
    every: Sequence[TrackResults], name: str, known: Definition | None, definitions: Mapping[str, Definition]
) -> Page:
    content = {
        "name": name,
        "known": known,
        "cited": papers.citations().get(known.entry.cite) if known and known.entry.cite else None,
        "settings": recipes.settings(known.settings) if known else {},
        "reported": recipes.reported(known.entry) if known else None,
        "versions": [other for other, each in definitions.items() if each.entry.version_of == name],
        "sections": [section for results in every for section in recipes.sections(results, name)],
    }
    return Page(recipe_page(name), "recipe.html", name, content)


def _first_rows(results: TrackResults, name: str) -> list[Table]:
    """The best rows on each backbone, in few columns, for the first page."""
    found = []
    for number, table in enumerate(_linked(results, tables.averages(results.board))):
        short = table.only(p for p, column in enumerate(table.columns) if not column.wide and column.spare < 2)
        title = f"{results.title}: {table.title}"
        found.append(replace(short, name=f"{name}-{number}", title=title, lines=short.lines[:FIRST]))
    return found


def _linked(results: TrackResults, found: Iterable[Table]) -> list[Table]:
    """The tables that have lines; a line leads to the page of its recipe, and says the kind that it is filtered by."""

    def linked(line: Line, header: int) -> Line:
        if not line.recipe:  # an encoder that was trained elsewhere has no page
            return line
        cells = list(line.cells)
        cells[header] = replace(cells[header], link=recipe_page(line.recipe))
        return replace(line, cells=cells, kind=results.kind(line.recipe))

    return [
        replace(table, lines=[linked(line, table.header) for line in table.lines]) for table in found if table.lines
    ]


def _comparisons(results: TrackResults) -> dict[str, Any]:
    """What the page of comparisons shows of a track: its rows, and the lines of each pair, all calculated already.

    A pair stands there once, the name that comes first against the other; the page turns it.
    """
    order = board.names(results.board.scope.groups)
    both = (*results.pairs, *results.compared)
    rows = sorted({name for each in both for name in (each.system, each.against)})
    pairs: dict[str, dict[str, list[str]]] = {}
    for each in (each if each.system < each.against else each.turned for each in both):
        lines = pairs.setdefault(f"{rows.index(each.system)} {rows.index(each.against)}", {})
        texts = [str(each.a), str(each.b), *(cell.text for cell in numbers(each)), each.text]
        lines.setdefault(each.name, [label(each.name), *texts])  # what a pair says alone comes first
    return {
        "title": f"{results.title}, {results.board.scope.protocol}",
        "name": results.rules.name,
        "rows": rows,
        "averages": [label(name) for name in order if name.endswith("_avg")],
        "pairs": {pair: [lines[name] for name in order if name in lines] for pair, lines in pairs.items()},
        "uncompared": results.uncompared,
    }
