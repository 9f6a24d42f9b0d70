"""What the page of a paper says: its claims, and the verdict of every track on each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from srlbench.analysis.claims import Claim, Finding, Word
from srlbench.publish.site.citations import of_paper
from srlbench.publish.site.contents import Cell, Column, Line, Table, TrackResults, paper_page

VERDICTS: Mapping[Word, str] = {"supported": "✓", "contradicted": "✗", "inconclusive": "~", "no evidence": "–"}


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
                own = [(claim, finding) for claim, finding in judged if claim.paper == paper]
                there = found.setdefault(paper, [])
                there.append(_judged(results, f"{results.title} on {backbone}", own, f"claims-{len(there)}"))
    return found


def _judged(results: TrackResults, title: str, own: Sequence[tuple[Claim, Finding]], name: str) -> Judged:
    columns = [Column("#"), Column("claim", False), Column("verdict", False), Column("effect [95% interval]")]
    columns += [Column("seeds"), Column("behind it", False)]
    lines, tests = [], dict[str, list[str]]()
    for place, (claim, finding) in enumerate(own, 1):
        verdict = Cell(f"{VERDICTS[finding.word]} {finding.word}", mark=f"verdict {finding.word.replace(' ', '-')}")
        told = [Cell(str(place), place), Cell(claim.text), verdict, Cell(str(finding), finding.effect)]
        lines.append(Line([*told, Cell(str(finding.n or "–"), finding.n), Cell(finding.detail, mark="quiet")]))
        tests.setdefault(claim.test, []).append(str(place))
    reached = {", ".join(places): test for test, places in tests.items()}
    counts = Counter(finding.word for _, finding in own)
    return Judged(results, Table(name, title, columns, lines, header=1), reached, counts)


def overview(papers: Mapping[str, Sequence[Judged]]) -> Table:
    """How many claims of each paper every track bears out."""
    places = list(dict.fromkeys(each.table.title for found in papers.values() for each in found))
    columns = [Column("paper", False), *(Column(place, False) for place in places)]
    lines = []
    for paper, found in papers.items():
        cited = of_paper(paper)
        said = f"{cited.title} ({cited.authors} {cited.year})" if cited else paper
        told = {
            each.table.title: "  ".join(f"{m} {each.counts[word]}" for word, m in VERDICTS.items() if each.counts[word])
            for each in found
        }
        cells = [Cell(told.get(place, ""), mark="counts") for place in places]
        lines.append(Line([Cell(said, link=paper_page(paper)), *cells]))
    return Table("papers", "Claims of papers", columns, lines)
