"""A table in plain text, with lines of `+`, `-` and `|`: the form that SentEval and SimCSE print."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from srlbench.analysis.table import Table


def render(table: Table) -> str:
    """The title, then the table; every cell is on one line."""
    titles = [_line(column.title) for column in table.columns]
    body = [[_line(cell.text) for cell in line.cells] for line in table.lines]
    widths = [max(map(cell_len, texts)) for texts in zip(titles, *body, strict=True)]
    left = [column.align == "left" for column in table.columns]
    rule = "+".join(["", *("-" * (width + 2) for width in widths), ""])
    rows = [_row(texts, widths, left) for texts in body]
    parts = [_line(table.title), rule, _row(titles, widths, left), rule, *rows, *([rule] if rows else [])]
    return "\n".join(filter(None, parts)) + "\n"


def _row(texts: Sequence[str], widths: Sequence[int], left: Sequence[bool]) -> str:
    padded = []
    for text, width, first in zip(texts, widths, left, strict=True):
        space = " " * (width - cell_len(text))
        padded.append(f" {text}{space} " if first else f" {space}{text} ")
    return "|".join(["", *padded, ""])


def _line(text: str) -> str:
    return " ".join(text.split())
