"""Markdown of the generated pages: tables, blocks of code, details that open on a click."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence

from srlbench.escape import code, escaped, sentence

__all__ = ["block", "code", "commands", "details", "escaped", "formula", "linked", "page", "sentence", "table"]


def page(title: str, *parts: str) -> str:
    """A page: its title, and its parts as far as there are any."""
    return "\n\n".join([f"# {title}", *filter(None, parts)]) + "\n"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table of cells that are Markdown already; nothing if it has no rows. numbers: columns of numbers."""
    if not rows:
        return ""
    rules = ["---:" if place in numbers else ":---" for place in range(len(columns))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (columns, rules, *rows))


def block(text: str, language: str = "text") -> str:
    """A block of code."""
    return f"```{language}\n{text.strip()}\n```"


def commands(*lines: str) -> str:
    return block("\n".join(lines), "bash")


def formula(text: str) -> str:
    """A formula in plain text; a line that is too long for the screen goes on below."""
    return f'<div class="formula" markdown>\n\n{block(text)}\n\n</div>'


def details(title: str, text: str) -> str:
    """Text that is shown after a click on its title."""
    return f'??? note "{title}"\n\n{textwrap.indent(text, "    ")}'


def linked(text: str, pages: Mapping[str, str]) -> str:
    """A sentence in which each `name` that has a page leads to it."""
    return re.sub(
        r"`([^`]+)`", lambda found: f"[{found[0]}](/{pages[found[1]]})" if found[1] in pages else found[0], text
    )
