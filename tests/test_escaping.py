"""Names that would run, link, bold or break out of their cell are read as themselves, in every page and CSV file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console
from test_leaderboard import GROUPS, board, failed, runs

from srlbench import escape, tracks
from srlbench.analysis import search, sweep
from srlbench.analysis.check import reports
from srlbench.analysis.check.verdicts import Report, Verdict
from srlbench.analysis.claims import Claim, Finding, page
from srlbench.analysis.compare import tables as comparisons
from srlbench.analysis.compare.paired import Comparison
from srlbench.analysis.leaderboard import Leaderboard, tables
from srlbench.analysis.leaderboard import page as board_page
from srlbench.analysis.search import Searched
from srlbench.analysis.table import Cell, Column, Line, Table, texts
from srlbench.escape import cell, code, csv_text, latex
from srlbench.evaluation import scores
from srlbench.evaluation.scores import Scores
from srlbench.stats import Difference, Summary
from srlbench.training.pretraining import card

HOSTILE = (
    "<script>alert(1)</script>|x", "=cmd|' /C calc'!A0", "+1|2", "-2+3\\|", "@SUM(A1)", "`a`` | *b* **c** _d_ ~~e~~",
    "[x](http://e.example) ![y](z)", "<img src=x onerror=alert(1)>&lt;", "a\\", "$x$ &amp; \\*", "# x", "a-b_c+d=0.1",
)  # fmt: skip
LINES = ("a\nb", "x\n\n# title\n\n| a |\n", "```\n<b>\n```", "\r\n--\t=1", "\N{LINE SEPARATOR}x")
COMMAND = "srlbench x `|`` <b>\n# y"
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def parsed(text: str) -> list[Token]:
    """The page's tokens, once it is certain that nothing of it runs, links, or is a cell too many."""
    tokens = READER.parse(text)
    found = {each.type for token in tokens for each in (token, *(token.children or ()))}
    assert not found & {"html_inline", "html_block", "link_open", "image", "s_open", "hardbreak"}
    return tokens


def tabled(text: str) -> Iterator[list[str]]:
    """The lines of every table as a reader sees them; each must have as many cells as its head."""
    wide, cells = 0, []
    for before, token in zip(parsed(text), parsed(text)[1:]):
        if before.type == "tr_open":
            cells = []
        if before.type in ("th_open", "td_open"):
            cells.append("".join(each.content for each in token.children or ()))
        if token.type == "tr_close":
            wide = len(cells) if cells and before.type == "th_close" else wide
            yield cells
    raw = [line for line in text.splitlines() if line.startswith("|")]
    assert wide or not raw


def seen(text: str, column: int) -> set[str]:
    return {cells[column] for cells in tabled(text)}


def safe(text: str) -> list[list[str]]:
    """The rows of a CSV file without a cell that a spreadsheet would run, all of one width."""
    rows = list(csv.reader(io.StringIO(text)))
    for each in (value for row in rows for value in row if value.startswith(("=", "+", "-", "@", "\t", "\r"))):
        float(each)
    assert len({len(row) for row in rows}) == 1
    return rows


# --- the rooms themselves ------------------------------------------------------------------------


def one(text: str, *, prose: bool = False) -> Table:
    """A table of one line whose title, column, name and cell are a text."""
    columns = [Column(text, "left"), Column("b", about=text)]
    line = Line([Cell(text, prose=prose, link=text), Cell("end", mark=text)], text, text, text, text)
    return Table(text, text, columns, [line])


@given(st.text(max_size=40))
@example("__0__")
def test_any_text_is_itself_in_its_cell(text: str) -> None:
    _, line = tabled(one(text).to_markdown())
    said = " ".join(text.split()).replace("\0", "\N{REPLACEMENT CHARACTER}")
    assert line == [said, "end"]


@pytest.mark.parametrize("text", [*HOSTILE, *LINES])
def test_what_is_hostile_reads_as_itself(text: str) -> None:
    _, line = tabled(one(text).to_markdown())
    assert line == [" ".join(text.split()), "end"]


class Html(HTMLParser):
    """The tags of a piece of HTML, and the text of its cells."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.cells: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.cells += [""] if tag in ("th", "td") else []

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


@pytest.mark.parametrize("root", [None, "../"])
@pytest.mark.parametrize("text", [*HOSTILE, *LINES, '"><svg onload=alert(1)>'])
def test_html_has_no_tag_or_attribute_of_a_name(text: str, root: str | None) -> None:
    read = Html(one(text).to_html(root, sortable=root is not None))
    assert read.tags <= {"table", "caption", "thead", "tbody", "tr", "th", "td", "a", "span"}
    ours = {"id", "class", "style", "scope", "href", "data-sortable", "data-header", "data-backbone", "data-kind"}
    assert read.attributes <= ours
    assert [each.strip() for each in read.cells][2:] == [text.strip(), "end"] and read.cells[0] == text


def test_html_alone_says_its_alignment_and_links_nowhere() -> None:
    alone, page = one("x").to_html(), one("x").to_html("../")
    assert "<a" not in alone and "class" not in alone and 'style="text-align: right">end' in alone
    assert '<a href="../x">x</a>' in page and 'class="number"' in page and "style" not in page
    assert one("x")._repr_html_() == alone


# All that the escaper itself writes.
LATEX = r"\\text[a-z]+\{\}|\\dots\{\}|\$\\pm\$|\$\^\{(?:\\dagger|2)\}\$|\\[{}$&%#_]|\{[][*]\}|-\{\}|\$-\$|--"


@given(st.text(max_size=40))
def test_no_text_runs_in_latex(text: str) -> None:
    written = latex(text)
    kept = re.sub(LATEX, "", written)
    assert not set("\\{}$&%#_^~<>|[]*`'\"") & set(kept)


@pytest.mark.parametrize(
    ("text", "written"),
    [("a_b & 5%", r"a\_b \& 5\%"), ("60.50 ± 0.50 (5)", r"60.50 $\pm$ 0.50 (5)"), ("55.00†", r"55.00$^{\dagger}$"),
     ("\\input{x}", r"\textbackslash{}input\{x\}"), ("[x]", "{[}x{]}"), ("*", "{*}"), ("a--b---c", "a-{}-b-{}-{}-c"),
     ("simcse-unsup", "simcse-unsup")],
)  # fmt: skip
def test_latex_sets_what_is_written(text: str, written: str) -> None:
    assert latex(text) == written


@pytest.mark.parametrize("text", [*HOSTILE, *LINES])
def test_a_row_of_latex_and_csv_has_its_cells(text: str) -> None:
    made = one(text)
    rows = [line for line in made.to_latex().splitlines() if line.endswith(r" \\")]
    assert len(rows) == 2 and all(len(re.split(r"(?<!\\)&", row)) == 2 for row in rows)
    assert all(not re.match(r"[\[*]", row) for row in rows)
    assert [row[1] for row in safe(made.to_csv())] == ["b", "end"]


@pytest.mark.parametrize("text", [*HOSTILE, *LINES, "[bold red]x[/]"])
@pytest.mark.parametrize("width", [20, 200])
def test_a_terminal_shows_a_name_as_it_is(text: str, width: int) -> None:
    out = io.StringIO()
    Console(file=out, width=width).print(one(text))
    plain = "".join(out.getvalue().split())
    assert "".join(text.split()) in plain or width < 80
    assert "\x1b" not in plain


@pytest.mark.parametrize("text", [*HOSTILE, *LINES, "``", " ` "])
def test_code_is_one_span(text: str) -> None:
    (inline,) = [token for token in parsed(f"Made with {code(text)}.") if token.type == "inline"]
    assert [each.content for each in inline.children or ()] == ["Made with ", " ".join(text.split()), "."]


def test_a_sentence_keeps_its_code_and_nothing_else() -> None:
    text = "x|y *z* (`a|b <i>`) <b>"
    made = one("title")
    made = replace(made, lines=[Line([Cell(text, prose=True), *texts("end")])])
    _, read = tabled(made.to_markdown())
    assert read == ["x|y *z* (a|b <i>) <b>", "end"]
    assert "(<code>a|b &lt;i&gt;</code>) &lt;b&gt;" in made.to_html()
    assert escape.sentence("in a folder; `results` of it") == "in a folder; `results` of it"


@given(st.lists(st.lists(st.text(max_size=9) | st.integers() | st.floats(allow_nan=False), min_size=2, max_size=2)))
def test_any_text_keeps_its_place_in_a_csv_file(lines: list[list[Any]]) -> None:
    rows = safe(csv_text([["a", "b"], *lines]))
    assert len(rows) == 1 + len(lines)


@pytest.mark.parametrize(
    ("text", "written"),
    [("=1+1", "'=1+1"), ("@x", "'@x"), ("+x", "'+x"), ("-x", "'-x"), ("\tx", "'\tx"), ("\rx", "' x"), ("-0.5", "-0.5"),
     ("+1e-3", "+1e-3"), ("a=b", "a=b"), ("simcse-unsup", "simcse-unsup"), ("", "")],
)  # fmt: skip
def test_a_formula_becomes_text_and_a_number_stays_one(text: str, written: str) -> None:
    assert cell(text) == written


# --- everything that is written ------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_the_leaderboard(name: str) -> None:
    records = [*runs(name, 60), *runs("simcse", 50, backbone=name), failed("simcse", 1)]
    groups = {"sts": ("GenSTS12", "GenSTSB"), name: ("GenMR", "GenTREC")}
    current = {(record.recipe, record.backbone): record.fingerprint for record in records}
    made = board(records, current=current, groups=groups)
    scope = replace(made.scope, track=name, protocol=name)
    made = replace(made, scope=scope, elsewhere=((name, name, {"sts_avg": 76.25}),))
    text = board_page.to_markdown(made, COMMAND)
    shown = {each for cells in tabled(text) for each in cells}
    titles = {"".join(each.content for each in token.children or ()) for token in parsed(text)}
    assert {name, "simcse"} <= shown and f"Averages on {name}" in titles
    read = Html("".join(table.to_html("") for table in tables.every(made)))
    assert name in read.cells and read.tags <= {"table", "caption", "thead", "tbody", "tr", "th", "td", "span"}
    assert {name} <= {each for row in safe(made.to_csv()) for each in (row[3].removeprefix("'"),)}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_sweep(name: str) -> None:
    made = board(runs(name, 60))
    hostile = replace(made, scope=replace(made.scope, track=name, protocol=name))
    found = sweep.Sweep("other", {name: {"pool": name, "lr": 0.1}}, hostile, {})
    assert seen(sweep.to_markdown(found, COMMAND), 0) == {"pool", name}
    assert safe(sweep.to_csv(found))[1][0].removeprefix("'") == name


@pytest.mark.parametrize("name", [*HOSTILE, *LINES])
def test_comparisons_claims_and_searches(name: str) -> None:
    line = " ".join(name.split())
    score, difference = Summary(60.0, 0.5, 3), Difference(1.0, 0.5, 4.0)
    pairs = [Comparison(name, name, name, score, score, difference, 0.01)]
    assert seen(comparisons.page(pairs, [name], name, COMMAND), 0) == {"recipe", line}
    plain = name.replace("`", "")  # what is between them is code there
    claim = Claim(name, name, plain, name, lambda evidence: Finding("supported"))
    text = page.to_markdown({name: [(claim, Finding("supported", detail=plain))], "tiny": []}, name, 1, name, COMMAND)
    assert (seen(text, 1), seen(text, 6)) == (
        {"claim", " ".join(plain.split())},
        {"behind it", " ".join(plain.split())},
    )
    rules = tracks.load("small")
    found = [Searched(name, name, (({"pool": name}, 50.0),))]
    assert [*tabled(search.to_markdown(found, rules, COMMAND))] == [["recipe", f"pool {line}"], [line, "50.00"]]


@pytest.mark.parametrize("name", [*HOSTILE, *LINES])
def test_checks_scores_and_the_cards_of_backbones(name: str) -> None:
    line = " ".join(name.split())
    report = Report((Verdict(name, name, "failed", name),), notes=(name,))
    assert seen(reports.to_markdown(report), 1) == {"recipe", line}
    found = Scores(name, name, None, {name: 50.0}, {}, {}, {}, {"sts": [name]}, source="x")
    assert len(safe(scores.to_csv([found]))) == 2
    facts: dict[str, Any] = {
        "name": name, "tokens": 1, "seconds": 1.0, "weights_sha256": "0", "command": COMMAND,
        "environment": {"cpu": name},
        "arguments": {"layers": 0, "width": 1, "vocabulary": 1, "threads": 1},
        "corpus": {"files": [{"name": name, "lines": 1}], "generated": {"lines": 0}},
    }  # fmt: skip
    text = card.people(facts).partition("\n---\n")[2]
    assert ["text", f"{line} (1 lines)"] in [*tabled(text)]
    assert [token.content for token in parsed(text) if token.type == "fence"] == [" ".join(COMMAND.split()) + "\n"]


@pytest.mark.parametrize("write", [Leaderboard.to_csv, lambda made: board_page.to_markdown(made, "c")])
def test_ordinary_names_are_written_as_they_are(write: Callable[[Any], str]) -> None:
    text = write(board(runs("sparse-simcse-unsup", 60), groups=GROUPS))
    assert "sparse-simcse-unsup" in text and "\\" not in text and "'sparse" not in text
