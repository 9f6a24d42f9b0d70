"""A table in HTML: for a notebook, or for a page of the site, with classes and links."""

from __future__ import annotations

from html import escape

from srlbench.analysis.table import Cell, Column, Line, Table
from srlbench.escape import spans

# States and verdicts have a sign beside the word, so that colour is not the only difference.
SIGNS = {
    "one seed": "◔", "partial": "◑", "failed": "✕", "not run": "○", "unregistered": "?", "stale": "↺",
    "supported": "✓", "contradicted": "✗", "inconclusive": "~", "no evidence": "–",
}  # fmt: skip


def render(table: Table, root: str | None, sortable: bool) -> str:
    """root: see `Table.to_html`."""
    name = f' id="{escape(table.name)}"' if root is not None else ""
    head = "".join(_title(column, place == table.header, root) for place, column in enumerate(table.columns))
    body = "\n".join(_line(table, line, root, sortable) for line in table.lines)
    caption = f"<caption{_class('unseen') if root is not None else ''}>{escape(table.title)}</caption>"
    mark = " data-sortable" if sortable else ""
    return f"<table{name}{mark}>{caption}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"


def _title(column: Column, names: bool, root: str | None) -> str:
    about = f'<span class="unseen"> {escape(column.about)}</span>' if column.about and root is not None else ""
    mark = " data-header" if names and root is not None else ""
    return f'<th scope="col"{_aligned(column, root)}{mark}>{escape(column.title)}{about}</th>'


def _line(table: Table, line: Line, root: str | None, sortable: bool) -> str:
    state = _class(line.state.replace(" ", "-")) if root is not None else ""
    data = f' data-backbone="{escape(line.backbone)}" data-kind="{escape(line.kind)}"' if sortable else ""
    cells = []
    for place, (column, cell) in enumerate(zip(table.columns, line.cells, strict=True)):
        tag, scope = ("th", ' scope="row"') if place == table.header else ("td", "")
        order = f' data-order="{escape(str(cell.value))}"' if cell.value is not None and root is not None else ""
        cells.append(f"<{tag}{scope}{_aligned(column, root)}{order}>{_inside(cell, root)}</{tag}>")
    return f"<tr{state}{data}>{''.join(cells)}</tr>"


def _inside(cell: Cell, root: str | None) -> str:
    parts = spans(cell.text) if cell.prose else [(cell.text, False)]
    text = "".join(f"<code>{escape(part)}</code>" if code else escape(part) for part, code in parts)
    if cell.mark and (sign := SIGNS.get(cell.text)):
        text = f"{sign} {text}"
    if cell.bold or cell.best:
        text = f"<b>{text}</b>" if text else ""
    if root is None:
        return text
    if cell.link:
        return f'<a href="{escape(root + cell.link)}">{text}</a>'
    return f"<span{_class(cell.mark)}>{text}</span>" if cell.mark else text


def _aligned(column: Column, root: str | None) -> str:
    """The alignment: a class on a page of the site, else a style."""
    if root is None:
        return f' style="text-align: {column.align}"'
    return _class("number") if column.align == "right" else ""


def _class(name: str) -> str:
    return f' class="{escape(name)}"' if name else ""
