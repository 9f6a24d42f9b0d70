"""The claims of papers and how each is judged; the papers that recipes cite, as BibTeX."""

from __future__ import annotations

from _pages import markdown as md
from srlbench import registry
from srlbench.analysis import claims
from srlbench.publish.site.papers import Citation, citations, of_paper

BIBTEX = """\
@misc{{{key},
  author = {{{authors}}},
  title = {{{{{title}}}}},
  year = {{{year}}},{rest}
}}"""


def listed() -> str:
    """Every claim of every paper, and the method that judges it."""
    parts = []
    for paper in dict.fromkeys(claim.paper for claim in claims.claims()):
        cited = of_paper(paper)
        title = f"{cited.title} ({cited.authors} {cited.year})" if cited else paper
        where = f"[{paper}]({cited.link})" if cited else paper
        own = [claim for claim in claims.claims() if claim.paper == paper]
        rows = [[str(n), md.sentence(claim.text), md.sentence(claim.test)] for n, claim in enumerate(own, 1)]
        shown = md.table(["#", "claim", "how it is judged"], rows, (0,))
        parts += [f"### {md.escaped(title)}", f"{where}, {len(rows)} claims.", shown]
    return "\n\n".join(parts)


def bibtex() -> str:
    """An entry for each paper that a recipe cites or whose claims are judged, and the recipes."""
    parts = []
    for paper in sorted(citations().values(), key=lambda each: (each.authors, each.year)):
        users = [name for name, entry in registry.recipes().items() if entry.cite == paper.key]
        links = ", ".join(f"[`{name}`](/recipes/{name}.md)" for name in users)
        parts.append(f"### {md.escaped(f'{paper.authors} {paper.year}')} {{ #{paper.key} }}")
        parts.append(f"{md.escaped(paper.title)}." + (f" Recipes: {links}." if links else ""))
        parts.append(md.block(entry_of(paper), "bibtex"))
    return "\n\n".join(parts)


def entry_of(paper: Citation) -> str:
    rest = f"\n  eprint = {{{paper.arxiv}}},\n  archivePrefix = {{arXiv}}," if paper.arxiv else ""
    authors = " and ".join(paper.authors.split(", "))
    return BIBTEX.format(key=paper.key, authors=authors, title=paper.title, year=paper.year, rest=rest)
