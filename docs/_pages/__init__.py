"""The pages of the documentation that are made from the code; mkdocs makes a site of them and of `docs/*.md`.

`pages()` gives Markdown by path and needs nothing but srlbench; `hook` is what mkdocs calls. Links of generated pages
begin at the root of the site (`/losses/info_nce.md`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from _pages import claims, examples, face, losses, parts, recipes, screens, tracks, verbs


@cache
def pages() -> dict[str, str]:
    """Every generated page: its path in the site, and its Markdown."""
    made: dict[str, str] = {}
    for module in (recipes, losses, parts, tracks, verbs, face, examples):
        made |= module.pages()
    return made


def lists() -> dict[str, Callable[[], str]]:
    """What makes the text for `<!-- generated: NAME -->` in a page that is written by hand."""
    return {"claims": claims.listed, "citations": claims.bibtex, "screens": screens.listed}
