r"""A table in LaTeX: `booktabs`, \pm, and nothing in a cell that LaTeX would run."""

from __future__ import annotations

from srlbench.analysis.table import Cell, Line, Table
from srlbench.escape import latex


def tabular(table: Table) -> str:
    """The `tabular` alone, without a float around it."""
    form = "".join("l" if column.align == "left" else "r" for column in table.columns)
    body = [_row([_cell(cell, line) for cell in line.cells]) for line in table.lines]
    header = _row([latex(column.title) for column in table.columns])
    lines = [rf"\begin{{tabular}}{{{form}}}", r"\toprule", header, r"\midrule", *body, r"\bottomrule"]
    return "\n".join([*lines, r"\end{tabular}", ""])


def _row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cell(cell: Cell, line: Line) -> str:
    text = latex(cell.text.replace("`", "") if cell.prose else cell.text)
    if text and (cell.best or cell.bold):
        return rf"\textbf{{{text}}}"
    return rf"\textit{{{text}}}" if text and line.muted else text
