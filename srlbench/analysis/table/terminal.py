"""A table in a terminal: what does not fit is shortened, left out, then stacked as cards; a number is never broken."""

from __future__ import annotations

import re
from dataclasses import replace

from rich import box
from rich.cells import cell_len
from rich.console import Group
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from srlbench.analysis.table import Cell, Line, Table
from srlbench.escape import line

COLOURS = {
    "better": "green", "supported": "green", "bit-equal": "green", "inside": "green", "worse": "red", "failed": "red",
    "contradicted": "red", "inconclusive": "yellow", "outside": "yellow", "quiet": "dim", "no evidence": "dim",
}  # fmt: skip
GAP = 2  # between columns, where there is room
ROOM = (20, 15, 11, 8, 6)  # that a folded title takes, as little as is needed
LEAST = 12  # that a folded name keeps
INDENT, STOP = 2, " · "  # of what stands under the name of a card, and between its parts
_BREAKS = re.compile(r"(?<=[-+, ])|(?=@)")


def fitted(table: Table, width: int | None) -> RichTable:
    """The whole table if it fits; else without spare columns, with short texts, with names folded; else cards."""
    table = _shown(table)
    if not width or _width(table, GAP) <= width:
        return _drawn(table, GAP)
    narrow = table if _width(table, 1) <= width else _narrow(table, width)
    return _cards(table, width) if narrow is None else _drawn(narrow, 1)


def _drawn(table: Table, gap: int) -> RichTable:
    shown = RichTable(
        title=Text(table.title) if table.title else None, title_justify="left", title_style="bold",
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap - 1, 0, 0),
    )  # fmt: skip
    for column in table.columns:
        folds = column.align == "left"
        shown.add_column(Text(column.title), justify=column.align, no_wrap=not folds, overflow="fold")
    for each in table.lines:
        shown.add_row(*map(_text, each.cells), style=_style(each))
    return shown


def _cards(table: Table, width: int) -> RichTable:
    """Each line under its name: what its cells are, and their texts."""
    shown = RichTable(
        title=Text(table.title) if table.title else None, title_justify="left", title_style="bold",
        box=None, show_header=False, padding=0,
    )  # fmt: skip
    shown.add_column(overflow="fold")
    first = table.header + 1 if table.columns[table.header].align == "left" else 0  # a line of numbers has no name
    for each in table.lines:
        lines: list[Text] = []
        for column, cell in zip(table.columns[first:], each.cells[first:], strict=True):
            title = f"{' '.join(column.title.split())} " if column.title else ""
            piece = Text.assemble((title, "dim"), _text(cell))
            if lines and cell_len(lines[-1].plain + STOP + piece.plain) <= width - INDENT:
                lines[-1] = Text.assemble(lines[-1], STOP, piece)
            elif cell.text:
                lines.append(piece)
        name = [Text(" ".join(cell.text for cell in each.cells[:first] if cell.text), "bold")] if first else []
        shown.add_row(Group(*name, *(Padding(line, (0, 0, 0, INDENT)) for line in lines)), style=_style(each))
    return shown


def _style(line: Line) -> str:
    return "bold" if line.state == "average" else "dim" if line.muted else ""


def _shown(table: Table) -> Table:
    """The table with texts of one line each, in which nothing is a command."""
    lines = [
        replace(each, cells=[replace(cell, text=line(cell.text), short=line(cell.short)) for cell in each.cells])
        for each in table.lines
    ]
    return replace(table, title=line(table.title), lines=lines)


def _text(cell: Cell) -> Text:
    colour = next((COLOURS[mark] for mark in (cell.mark, cell.text) if cell.mark and mark in COLOURS), "")
    return Text(cell.text.replace("`", "") if cell.prose else cell.text, f"{colour} bold" if cell.bold else colour)


def _narrow(table: Table, width: int) -> Table | None:
    """The table in less room; None if there is too little for it."""
    columns = [replace(column, title=column.short or column.title) for column in table.columns]
    table = replace(table, columns=columns)
    spare = sorted((p for p, column in enumerate(columns) if column.spare), key=lambda p: -columns[p].spare)
    gone: set[int] = set()
    shown = table
    for place in spare:
        if _width(shown, 1) <= width:
            return shown
        gone.add(place)
        shown = table.only(p for p in range(len(columns)) if p not in gone)
    if _width(shown, 1) > width:
        lines = [replace(line, cells=[replace(c, text=c.short or c.text) for c in line.cells]) for line in shown.lines]
        shown = replace(shown, lines=lines)
    return _folded(shown, width) if _width(shown, 1) > width else shown


def _folded(table: Table, width: int) -> Table | None:
    """Titles folded to the width of their cells, and names to the room that is left, broken after - + , or a space."""
    inside = _widths(replace(table, columns=[replace(column, title="") for column in table.columns]))
    columns = table.columns
    for room in ROOM:
        titles = [_fold(column.title, max(cells, room)) for column, cells in zip(columns, inside, strict=True)]
        table = replace(table, columns=[replace(c, title=t) for c, t in zip(columns, titles, strict=True)])
        if _width(table, 1) <= width:
            return table
    widths = _widths(table)
    names = [place for place, column in enumerate(table.columns) if column.align == "left" and widths[place] > LEAST]
    over = sum(widths) + len(widths) - 1 - width
    limits = dict(enumerate(widths))
    while over > 0 and any(limits[place] > LEAST for place in names):
        limits[max(names, key=lambda place: limits[place])] -= 1
        over -= 1
    if over > 0:
        return None
    lines = [
        replace(line, cells=[replace(cell, text=_fold(cell.text, limits[p])) for p, cell in enumerate(line.cells)])
        for line in table.lines
    ]
    return replace(table, lines=lines)


def _fold(text: str, width: int) -> str:
    """The text in lines of at most `width` columns, where _BREAKS allows it."""
    lines = [""]
    for piece in _BREAKS.split(text):
        if lines[-1] and cell_len(lines[-1] + piece.rstrip()) > width:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines)


def _width(table: Table, gap: int) -> int:
    return sum(_widths(table)) + gap * (len(table.columns) - 1)


def _widths(table: Table) -> list[int]:
    return [
        max(cell_len(part) for text in (column.title, *(line.cells[place].text for line in table.lines))
            for part in text.split("\n"))
        for place, column in enumerate(table.columns)
    ]  # fmt: skip
