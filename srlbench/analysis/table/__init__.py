"""A table: its columns, its lines, and every output format (Markdown, CSV, LaTeX, plain text, HTML, terminal)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from srlbench import escape

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table as RichTable

Align = Literal["left", "right"]
FULL = ("", "ranked", "average")  # the states of lines in normal type; all others are muted


@dataclass(frozen=True)
class Cell:
    """A cell's text, its value (to sort by, and in CSV), its link, and how it is shown."""

    text: str = ""
    value: float | str | None = None
    link: str = ""  # a page of the site
    mark: str = ""  # "better", "failed", "quiet": colours and signs go by it
    best: bool = False  # no other line is significantly better in this column
    bold: bool = False
    prose: bool = False  # what stands between backquotes is code
    short: str = ""  # the text where there is little room


@dataclass(frozen=True)
class Column:
    """A column's title and alignment, and how it adapts to little or much room."""

    title: str
    align: Align = "right"
    about: str = ""  # added to the title for screen readers
    wide: bool = False  # only pages of the site show it
    short: str = ""  # the title where there is little room; it may have a line break
    spare: int = 0  # narrow terminals leave out columns with a number, the highest first


@dataclass(frozen=True)
class Line:
    """A row of cells, its state, and the recipe that it is about."""

    cells: Sequence[Cell]
    state: str = ""
    recipe: str = ""
    backbone: str = ""
    kind: str = ""

    @property
    def muted(self) -> bool:
        return self.state not in FULL


@dataclass(frozen=True)
class Table:
    """Columns and lines under a title; `header` is the position of the column that names a line."""

    name: str  # its id on a page
    title: str
    columns: Sequence[Column]
    lines: Sequence[Line]
    header: int = 0

    def compact(self) -> Table:
        """The table without the columns that only pages of the site have room for."""
        return self.only(place for place, column in enumerate(self.columns) if not column.wide)

    def only(self, kept: Iterable[int]) -> Table:
        """The table of the columns at these positions."""
        places = list(kept)
        lines = [replace(line, cells=[line.cells[p] for p in places]) for line in self.lines]
        header = places.index(self.header) if self.header in places else 0
        return Table(self.name, self.title, [self.columns[p] for p in places], lines, header)

    def to_markdown(self) -> str:
        """The table without its title."""
        table = self.compact()
        rules = [":---" if column.align == "left" else "---:" for column in table.columns]
        header = [escape.escaped(column.title) for column in table.columns]
        body = [[_markdown(cell, line.muted) for cell in line.cells] for line in table.lines]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rules, *body))

    def to_csv(self) -> str:
        """Values at full precision; a cell without a value has its text."""
        table = self.compact()
        body = [[cell.text if cell.value is None else cell.value for cell in line.cells] for line in table.lines]
        return escape.csv_text([[column.title for column in table.columns], *body])

    def to_latex(self) -> str:
        r"""A `tabular` with the rules of `booktabs`, without a float around it; the best values are bold."""
        table = self.compact()
        form = "".join("l" if column.align == "left" else "r" for column in table.columns)
        header = [escape.latex(column.title) for column in table.columns]
        body = [[_latex(cell, line.muted) for cell in line.cells] for line in table.lines]
        first, *rows = (" & ".join(cells) + r" \\" for cells in (header, *body))
        lines = [rf"\begin{{tabular}}{{{form}}}", r"\toprule", first, r"\midrule", *rows, r"\bottomrule"]
        return "\n".join([*lines, r"\end{tabular}", ""])

    def to_text(self) -> str:
        """The title and the table in plain text, with lines of `+`, `-` and `|`."""
        from srlbench.analysis.table import plain

        return plain.render(self.compact())

    def to_html(self, root: str | None = None, *, sortable: bool = False) -> str:
        """A `<table>`; root: the relative path from a page of the site to its root, None outside of the site."""
        from srlbench.analysis.table import html

        return html.render(self if root is not None else self.compact(), root, sortable)

    def to_rich(self, width: int | None = None) -> RichTable:
        """The table for a terminal of this width."""
        from srlbench.analysis.table import terminal

        return terminal.fitted(self.compact(), width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.to_rich(options.max_width)

    def _repr_html_(self) -> str:
        return self.to_html()


def texts(*parts: str) -> list[Cell]:
    """Cells that are only text."""
    return [Cell(text) for text in parts]


def number(value: float | None, form: str = ".3f") -> Cell:
    """A formatted number; a dash for None."""
    return Cell("–") if value is None else Cell(f"{value:{form}}", value)


def _markdown(cell: Cell, muted: bool) -> str:
    text = escape.sentence(cell.text) if cell.prose else escape.escaped(cell.text)
    if text and cell.bold:
        return f"**{text}**"
    return f"*{text}*" if text and muted else text  # GitHub's Markdown knows no grey


def _latex(cell: Cell, muted: bool) -> str:
    text = escape.latex(cell.text.replace("`", "") if cell.prose else cell.text)
    if text and (cell.best or cell.bold):
        return rf"\textbf{{{text}}}"
    return rf"\textit{{{text}}}" if text and muted else text
