"""What the terminal shows of many records together: a search, a sweep, claims, recipes against each other."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from srlbench.analysis.claims import Claim, Finding
from srlbench.analysis.compare import Compared
from srlbench.analysis.compare import tables as comparisons
from srlbench.analysis.compare.agreement import Agreement
from srlbench.analysis.search import Searched, spelled
from srlbench.analysis.sweep import Sweep
from srlbench.cli.show.terminal import err, out
from srlbench.errors import NOTHING_COMPARABLE, OK
from srlbench.escape import escaped, table
from srlbench.stats import average, label

Agreements = Sequence[tuple[str, str, Agreement | None]]


def searched(found: Sequence[Searched], written: Sequence[Path], as_json: bool = False) -> None:
    """The development score of each point, the chosen one of each recipe in bold."""
    if as_json:
        out.print_json(json.dumps([asdict(each) | {"chosen": each.chosen} for each in found]))
    for backbone in () if as_json else dict.fromkeys(each.backbone for each in found):
        mine = [each for each in found if each.backbone == backbone]
        table = Table(title=f"on {backbone}", title_justify="left", box=None)
        for column in ("recipe", *(spelled(settings) for settings, _ in mine[0].points)):
            table.add_column(column, justify="left" if column == "recipe" else "right")
        for each in mine:
            cells = ["–" if score is None else f"{score:.2f}" for _, score in each.points]
            at = [settings for settings, _ in each.points].index(each.chosen) if each.chosen is not None else -1
            table.add_row(
                each.recipe, *(f"[bold]{cell}[/]" if place == at else cell for place, cell in enumerate(cells))
            )
        out.print(table, "")
    for path in written:
        err.print(f"Wrote {path}", soft_wrap=True)


def sweep(found: Sweep, files: Sequence[Path], as_json: bool = False) -> None:
    """The grid's points in its order."""
    if as_json:
        rows = [{"settings": found.settings[row.recipe], **asdict(row)} for row in found.rows]
        out.print_json(json.dumps({"recipe": found.recipe, "points": rows}))
        err.print(f"Wrote {', '.join(map(str, files))}.", soft_wrap=True)
        return
    out.print(
        f"[bold]Sweep of {found.recipe}[/] · track {found.board.scope.track} v{found.board.scope.version}",
        soft_wrap=True,
    )
    table = Table()
    for name in found.header():
        table.add_column(name, justify="left" if name == "backbone" else "right")
    for line in found.lines():
        table.add_row(*line)
    out.print(table)
    out.print(f"Wrote {', '.join(map(str, files))}.", soft_wrap=True)


def claims(
    by_backbone: Mapping[str, Sequence[tuple[Claim, Finding]]], path: Path | None, as_json: bool = False
) -> None:
    """A table a paper, a line a claim."""
    if as_json:
        told = [
            {"backbone": backbone, "paper": claim.paper, "claim": claim.name, "text": claim.text, **asdict(found)}
            for backbone, judged in by_backbone.items()
            for claim, found in judged
        ]
        out.print_json(json.dumps(told))
        return
    for backbone, judged in by_backbone.items():
        if len(by_backbone) > 1:
            out.print(f"[bold]on {backbone}[/]")
        _claims(judged)
    if path:
        out.print(f"Wrote {path}.", soft_wrap=True)


def _claims(judged: Iterable[tuple[Claim, Finding]]) -> None:
    colours = {"supported": "green", "contradicted": "red", "inconclusive": "yellow"}
    by_paper: dict[str, Table] = {}
    for claim, found in judged:
        if claim.paper not in by_paper:
            by_paper[claim.paper] = Table(title=claim.paper, title_justify="left", title_style="bold")
            for name in ("claim", "verdict", "effect [95% interval]", "seeds"):
                by_paper[claim.paper].add_column(name, justify="right" if name == "seeds" else "left")
        word = f"[{colours[found.word]}]{found.word}[/]" if found.word in colours else f"[dim]{found.word}[/]"
        said = escape(str(found)) if found.effect is not None else f"[dim]{escape(found.detail)}[/]"
        by_paper[claim.paper].add_row(escape(claim.text), word, said, str(found.n or "–"))
    out.print(*by_paper.values(), sep="\n")


def plain(compared: Compared) -> dict[str, Any]:
    """Comparisons in JSON's own types."""
    rules = compared.track
    about = {"track": rules.name, "version": rules.version, "protocol": rules.protocol.label}
    told = {"comparisons": [*map(comparisons.to_json, compared.found)], "rest": [*map(asdict, compared.rest)]}
    return about | told


def compared(compared: Compared, page: Path | None, as_json: bool) -> int:
    """A table for each average, or one of two systems with their tasks; then who had nothing to compare."""
    found, rules = compared.found, compared.track
    code = OK if found else NOTHING_COMPARABLE
    if as_json:
        out.print_json(json.dumps(plain(compared)))
        return code
    averages = [average(group) for group in rules.groups]
    if len({(each.system, each.against) for each in found}) == 1:
        _compared(None, *comparisons.by_task(found), {label(name) for name in averages})
        for each in found:
            if each.name in averages:
                out.print(escape(comparisons.sees(each)), soft_wrap=True)
    else:
        for name in averages:
            if mine := [each for each in found if each.name == name]:
                _compared(label(name), comparisons.MANY, comparisons.lines(mine), set())
    for one in compared.rest:
        out.print(f"[yellow]{one.word}[/] {escape(one.name)}: {escape(one.reason)}", soft_wrap=True)
    for said in comparisons.legend(found) if found else ():
        out.print(f"[dim]{escape(said)}[/]", soft_wrap=True)
    if page:
        out.print(f"Wrote {page}.", soft_wrap=True)
    return code


def _compared(title: str | None, header: Sequence[str], lines: Sequence[Sequence[str]], bold: Collection[str]) -> None:
    colours = {"better": "green", "worse": "red"}
    table = Table(title=title, title_justify="left", title_style="bold", box=None)
    for column in header:
        left = column.strip() in comparisons.WORDS and column != "95% interval"
        table.add_column(escape(column), justify="left" if left else "right", no_wrap=column == "95% interval")
    for *cells, word in lines:
        said = f"[{colours[word]}]{word}[/]" if word in colours else f"[dim]{word}[/]"
        table.add_row(*map(escape, cells), said, style="bold" if cells[0] in bold else None)
    out.print(table, "")


def plain_agreements(found: Agreements) -> list[dict[str, Any]]:
    """How alike two tracks order recipes, in JSON's own types."""
    return [{"where": where, "recipes": which, "agreement": each and asdict(each)} for where, which, each in found]


def agreements_markdown(found: Agreements, track: str, other: str) -> str:
    header = ("average", "recipes", "n", "Spearman", "95% interval", "Kendall")
    rows = [[escaped(cell) for cell in line] for line in _agreements(found)]
    body = table(header, [":---", ":---", "---:", "---:", ":---", "---:"], rows)
    return f"# How alike tracks {escaped(track)} and {escaped(other)} order the recipes\n\n{body}\n"


def agreements(found: Agreements) -> None:
    """A line for each average, backbone and kind of recipe."""
    table = Table(box=None)
    for column in ("", "recipes", "n", "Spearman", "95% interval", "Kendall"):
        table.add_column(column, justify="left" if column in ("", "recipes") else "right")
    for line in _agreements(found):
        table.add_row(*line)
    out.print(table)


def _agreements(found: Agreements) -> Iterator[tuple[str, ...]]:
    for where, which, each in found:
        if each:
            interval = f"{each.low:+.2f} to {each.high:+.2f}"
            yield where, which, str(len(each.recipes)), f"{each.spearman:+.2f}", interval, f"{each.kendall:+.2f}"
        else:
            yield where, which, "–", "too few in common", "", ""
