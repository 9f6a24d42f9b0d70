"""What is cited: who wrote it, when, and where it can be read."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path


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
