"""Papers: who wrote each and where it can be read, its claims, and the verdict of every track on them."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from srlbench.analysis.claims import Word, page
from srlbench.analysis.table import Cell, Column, Line, Table
from srlbench.analysis.table.html import SIGNS
from srlbench.publish.site.contents import TrackResults, paper_page

VERDICTS: tuple[Word, ...] = ("supported", "contradicted", "inconclusive", "no evidence")


@dataclass(frozen=True)
class Citation:
    """A paper; `arxiv` is empty where it has no preprint."""

    key: str
    authors: str
    year: int
    title: str
    arxiv: str = ""

    @property
    def link(self) -> str:
        return f"https://arxiv.org/abs/{self.arxiv}" if self.arxiv else ""


@cache
def citations() -> dict[str, Citation]:
    text = Path(__file__).with_name("citations.toml").read_text(encoding="utf-8")
    return {key: Citation(key, **rest) for key, rest in tomllib.loads(text).items()}


def of_paper(name: str) -> Citation | None:
    """The paper that is named by its preprint: `arXiv 2402.18281`."""
    return next((each for each in citations().values() if each.arxiv and name == f"arXiv {each.arxiv}"), None)


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
    titles = list(dict.fromkeys(each.table.title for found in papers.values() for each in found))
    columns = [Column("paper", "left"), *(Column(title, "left") for title in titles)]
    lines = []
    for paper, found in papers.items():
        cited = of_paper(paper)
        name = f"{cited.title} ({cited.authors} {cited.year})" if cited else paper
        counts = {
            each.table.title: "  ".join(f"{SIGNS[word]} {n}" for word in VERDICTS if (n := each.counts[word]))
            for each in found
        }
        cells = [Cell(counts.get(title, ""), mark="counts") for title in titles]
        lines.append(Line([Cell(name, link=paper_page(paper)), *cells]))
    return Table("papers", "Claims of papers", columns, lines)
