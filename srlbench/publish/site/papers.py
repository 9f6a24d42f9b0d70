"""What the page of a paper says: its claims, and the verdict of every track on each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from srlbench.analysis.claims import Word, page
from srlbench.analysis.table import Cell, Column, Line, Table
from srlbench.analysis.table.html import SIGNS
from srlbench.publish.site.citations import of_paper
from srlbench.publish.site.contents import TrackResults, paper_page

VERDICTS: tuple[Word, ...] = ("supported", "contradicted", "inconclusive", "no evidence")


@dataclass(frozen=True)
class Judged:
    """The claims of one paper by the records of one track and backbone."""

    results: TrackResults
    table: Table
    tests: Mapping[str, str]  # the numbers of claims, and how their verdicts are reached
    counts: Mapping[Word, int]


def by_paper(every: Sequence[TrackResults]) -> dict[str, list[Judged]]:
    """Of each paper, what every track and backbone says of its claims."""
    found: dict[str, list[Judged]] = {}
    for results in every:
        for backbone, judged in results.judged.items():
            for paper in dict.fromkeys(claim.paper for claim, _ in judged):
                own, there = page.of_paper(judged, paper), found.setdefault(paper, [])
                table = page.table(own, f"claims-{len(there)}", f"{results.title} on {backbone}")
                counts = Counter(finding.word for _, finding in own)
                there.append(Judged(results, table, page.tests(own), counts))
    return found


def overview(papers: Mapping[str, Sequence[Judged]]) -> Table:
    """How many claims of each paper every track bears out."""
    places = list(dict.fromkeys(each.table.title for found in papers.values() for each in found))
    columns = [Column("paper", "left"), *(Column(place, "left") for place in places)]
    lines = []
    for paper, found in papers.items():
        cited = of_paper(paper)
        said = f"{cited.title} ({cited.authors} {cited.year})" if cited else paper
        told = {
            each.table.title: "  ".join(f"{SIGNS[word]} {n}" for word in VERDICTS if (n := each.counts[word]))
            for each in found
        }
        cells = [Cell(told.get(place, ""), mark="counts") for place in places]
        lines.append(Line([Cell(said, link=paper_page(paper)), *cells]))
    return Table("papers", "Claims of papers", columns, lines)
