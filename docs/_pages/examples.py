"""The scripts of `examples/` on one page."""

from __future__ import annotations

from pathlib import Path

from _pages import docstrings as doc
from _pages import markdown as md

FOLDER = Path(__file__).parents[2] / "examples"


def anchor(file: str) -> str:
    return Path(file).stem.replace("_", "-")


def pages() -> dict[str, str]:
    parts = []
    for file in sorted(FOLDER.glob("*.py")):
        about = doc.about_module(file)
        text = file.read_text(encoding="utf-8").partition('"""')[2].partition('"""')[2]
        parts.append(f"## {file.name} {{ #{anchor(file.name)} }}\n\n{about}\n\n{md.block(text, 'python')}")
    return {"examples.md": md.page("Examples", "Scripts that run in seconds, and that the tests run.", *parts)}
