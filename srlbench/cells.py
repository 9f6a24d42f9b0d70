"""Text of others inside CSV: a spreadsheet must not take it for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence


def csv_text(lines: Iterable[Sequence[object]]) -> str:
    """Numbers as they are, None as an empty cell, texts made safe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([cell(value) if isinstance(value, str) else value for value in line] for line in lines)
    return out.getvalue()


def cell(text: str) -> str:
    """With an apostrophe before what a spreadsheet would run (OWASP's rule), and no return that would end the row."""
    formula = text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) and not _number(text)
    return ("'" if formula else "") + text.replace("\r", " ")


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
