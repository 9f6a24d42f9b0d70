"""Escaping of foreign text in Markdown and CSV: it is shown there and never works as markup or as a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

# Characters that begin markup, a GitHub formula or another cell. An underscore does so only at the edge of a word.
_SPECIAL = re.compile(r"[\\&<>|`*\[~$]|(?<!\w)_|_(?!\w)")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SPAN = re.compile(r"(`[^`]+`)")


def escaped(text: str) -> str:
    """The text on one line, escaped for a Markdown table cell: every character stands for itself."""
    return _SPECIAL.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), " ".join(text.split()))


def sentence(text: str) -> str:
    """The text on one line, escaped, except that text between backquotes stays code."""
    parts = _SPAN.split(" ".join(text.split()))
    return "".join(part.replace("|", "\\|") if place % 2 else escaped(part) for place, part in enumerate(parts))


def code(text: str) -> str:
    """The text on one line, marked as code; it may contain backquotes."""
    line = " ".join(text.split())
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def table(header: Sequence[str], rules: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table; foreign text in its cells must be escaped already."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rules, *lines))


# --- CSV: a spreadsheet must not read a text as a formula --------------------------------------------


def csv_text(lines: Iterable[Sequence[object]]) -> str:
    """The lines as CSV: numbers unchanged, None as an empty cell, texts made safe by `cell`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([cell(value) if isinstance(value, str) else value for value in line] for line in lines)
    return out.getvalue()


def cell(text: str) -> str:
    """The text with an apostrophe before a formula (OWASP's rule) and no carriage return, which would end the row."""
    formula = text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) and not _number(text)
    return ("'" if formula else "") + text.replace("\r", " ")


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
