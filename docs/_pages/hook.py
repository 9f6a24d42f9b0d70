"""What mkdocs calls: it adds pages from outside of docs/, completes the navigation, and turns links."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parents[1]))

from _pages import lists, measured, navigation, pages, places

LIST = re.compile(r"<!-- generated: (\w+) -->")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    assert config.nav is not None
    config.nav = navigation.completed(config.nav)
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    for path, source in places.carried().items():
        files.append(File.generated(config, path, abs_src_path=str(places.ROOT / source)))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    path = page.file.src_uri
    if path in pages():
        return markdown
    source = places.carried().get(path, f"{places.DOCS}/{path}")
    if source.endswith(("leaderboard.md", "comparisons.md", "claims.md")) and source.startswith("results/"):
        page.meta["hide"] = ["toc"]  # the tables need the room
    if source.startswith("results/") or path == "methods.md":
        markdown = measured.linked_cells(markdown)
    return LIST.sub(lambda found: lists()[found[1]](), places.relinked(source, markdown))
