"""Analyses of many records in the terminal: a search, a sweep, claims, comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markup import escape

from srlbench.analysis import search
from srlbench.analysis.claims import page as claims_page
from srlbench.analysis.claims.page import Judged
from srlbench.analysis.compare import Compared, discrimination, papers
from srlbench.analysis.compare import tables as comparison_tables
from srlbench.analysis.compare.discrimination import Row as Discrimination
from srlbench.analysis.compare.papers import Papers
from srlbench.analysis.search import Searched
from srlbench.analysis.sweep import Sweep
from srlbench.cli.show.terminal import as_json, err, out, paragraph, wrote


def searched(entries: Sequence[Searched], files: Sequence[Path], json: bool) -> None:
    """The development score of each point, the chosen one of each recipe in bold."""
    if json:
        as_json([asdict(entry) | {"chosen": entry.chosen} for entry in entries])
    for table in () if json else search.tables(entries):
        out.print(table, "")
    for path in files:
        err.print(f"Wrote {path}", soft_wrap=True)


def sweep(sweep: Sweep, files: Sequence[Path], json: bool) -> None:
    """The points of the grid, in its order."""
    if json:
        points = [{"settings": sweep.settings[row.recipe], **asdict(row)} for row in sweep.rows]
        as_json({"recipe": sweep.recipe, "points": points})
    else:
        paragraph(f"Track {sweep.board.scope.track} v{sweep.board.scope.version}")
        out.print(sweep.table)
    wrote(*files, json=json)


def discriminations(rows: Sequence[Discrimination]) -> None:
    """How well each track tells recipes apart."""
    out.print(discrimination.table(rows), "")
    paragraph(escape(discrimination.legend(rows)))


def beside_papers(found: Papers) -> None:
    """Recipes beside what their papers print."""
    out.print(papers.table(found), "", papers.orders(found), "")
    paragraph(escape(papers.legend(found)))


def plain_claims(by_backbone: Mapping[str, Judged]) -> list[dict[str, Any]]:
    """The claims and their verdicts in JSON's own types."""
    return [
        {"backbone": backbone, "paper": claim.paper, "claim": claim.name, "text": claim.text, **asdict(finding)}
        for backbone, judged in by_backbone.items()
        for claim, finding in judged
    ]


def claims(by_backbone: Mapping[str, Judged], page: Path | None) -> None:
    """A table for each paper with a line for each claim; below it, what claims without evidence lack."""
    for backbone, judged in by_backbone.items():
        for paper in dict.fromkeys(claim.paper for claim, _ in judged):
            of_paper = claims_page.of_paper(judged, paper)
            title = f"{paper}, on {backbone}" if len(by_backbone) > 1 else paper
            out.print(claims_page.table(of_paper, "claims", title))
            for number, (_, finding) in enumerate(of_paper, 1):
                if finding.effect is None:
                    paragraph(f"[dim]{number}: {escape(finding.detail)}[/]")
            out.print()
    if page:
        wrote(page)


def compared(compared: Compared, page: Path | None) -> None:
    """A table for each average, or one of a single pair by task; then the pairs that could not be compared."""
    comparisons = compared.comparisons
    for table in compared.tables if comparisons else ():
        out.print(table, "")
    for comparison in comparisons if len(compared.pairs) == 1 else ():
        if comparison.name in compared.averages:
            paragraph(escape(comparison_tables.detects(comparison)))
    for pair in compared.unmeasured:
        paragraph(f"[yellow]{pair.word}[/] {escape(pair.name)}: {escape(pair.reason)}")
    for line in comparison_tables.legend(comparisons) if comparisons else ():
        paragraph(f"[dim]{escape(line)}[/]")
    if page:
        wrote(page)
