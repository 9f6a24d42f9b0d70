"""Where a file of the repository is in the site, and the links of its pages.

A page that is read on GitHub too links to files: `../results/small/v1/leaderboard.md`, `../srlbench/losses/met.py`. In
the site the first is a page, and the second is the page that is made of that loss.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from _pages import examples

ROOT = Path(__file__).parents[2]
DOCS = "docs"
# What a page is made of that the site has instead.
MADE = {
    "README.md": "index.md",
    "examples": "examples.md",
    "srlbench/__init__.py": "api.md",
    "srlbench/cli": "cli/index.md",
    "srlbench/recipes": "recipes/index.md",
    "srlbench/losses": "losses/index.md",
    "srlbench/tracks": "tracks/index.md",
    "srlbench/tracks/protocols": "tracks/index.md",
    "srlbench/analysis/claims": "claims.md",
    "srlbench/publish/site/citations.toml": "cite.md",
}
MADE |= {f"srlbench/{kind}": f"parts/{kind}.md" for kind in ("augmentations", "rewrites", "companions", "posts")}
# A file of the first kind has a page, or a place on one, of the second.
PATTERNS = (
    (r"srlbench/recipes/(\w+)\.py", r"recipes/index.md#\1"),
    (r"srlbench/losses/(\w+)\.py", r"losses/\1.md"),
    (r"srlbench/(augmentations|rewrites|companions|posts)/__init__\.py", r"parts/\1.md"),
    (r"srlbench/(augmentations|rewrites|companions|posts)/(\w+)\.py", r"parts/\1.md#\2"),
    (r"srlbench/tracks/(\w+)\.toml", r"tracks/\1.md"),
    (r"srlbench/tracks/protocols/(\w+)\.toml", r"protocols/\1.md"),
    (r"srlbench/backbones/(\w+)/README\.md", r"backbones/\1.md"),
)
# Pages that are in the site though nothing may lead to them.
KEPT = ("CONTRIBUTING.md", "CHANGELOG.md", "results/discrimination.md")
VIEWS = ("leaderboard", "comparisons", "claims", "search")  # of a track's results
CODE = re.compile(r"(^```.*?^```|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()[^)\s]+(?=[)\s])")


def place(path: str) -> str:
    """The place in the site of a file of the repository: a page, a place on a page, or the file itself."""
    if path in MADE:
        return MADE[path]
    if path.startswith("examples/"):
        return f"examples.md#{examples.anchor(path)}"
    for pattern, page in PATTERNS:
        if found := re.fullmatch(pattern, path):
            return found.expand(page)
    return path.removeprefix(f"{DOCS}/")


def links(text: str) -> Iterator[str]:
    """What a page links to, outside of code."""
    for part in CODE.split(text)[::2]:
        yield from LINK.findall(part)


def local(target: str) -> bool:
    """Whether a link leads to a file."""
    return not re.match(r"[a-z]+:|#|/", target)


def aim(path: str, target: str) -> str:
    """The file of the repository that a link of the page `path` leads to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target.partition("#")[0]))


def relinked(path: str, text: str) -> str:
    """The text of a page of the repository with links that work in the site; they begin at its root."""

    def turned(found: re.Match[str]) -> str:
        target, anchor = found[0], found[0].partition("#")[2]
        if not local(target):
            return target
        there = place(aim(path, target))
        return f"/{there}" + (f"#{anchor}" if anchor and "#" not in there else "")

    parts = CODE.split(text)
    return "".join(part if number % 2 else LINK.sub(turned, part) for number, part in enumerate(parts))


def carried() -> dict[str, str]:
    """The files outside of docs/ that are in the site: their path in the repository, by their place in the site.

    They are the pages in KEPT, the views of the published results, and whatever a page links to.
    """
    pages = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / DOCS).glob("*.md"))]
    pages += [path for path in KEPT if (ROOT / path).is_file()]
    for view in VIEWS:
        pages += [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob(f"results/*/v*/{view}.md"))]
    found = dict.fromkeys(pages)
    while pages:
        path = pages.pop()
        text = (ROOT / path).read_text(encoding="utf-8")
        for other in {aim(path, target) for target in links(text) if local(target)} - found.keys():
            if _is_carried(other):
                found[other] = None
                pages += [other] if other.endswith(".md") else []
    return {place(path): path for path in found if not path.startswith(f"{DOCS}/")}


def _is_carried(path: str) -> bool:
    """Whether a file comes into the site as it is: a page or a picture that nothing else stands for."""
    made: Callable[[str], bool] = lambda each: each in MADE or each.startswith((f"{DOCS}/", "examples/"))  # noqa: E731
    return not made(path) and path.endswith((".md", ".svg", ".png", ".csv")) and (ROOT / path).is_file()
