"""Tables and verdicts at 40 to 120 columns: no line is longer than the terminal, and no number is broken."""

from __future__ import annotations

import io
import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from srlbench import tracks
from srlbench.analysis.check.verdicts import Report, Verdict, to_terminal
from srlbench.analysis.claims import page
from srlbench.analysis.claims.judge import judge
from srlbench.analysis.compare import compare
from srlbench.analysis.results import Results
from srlbench.analysis.table import Cell, Column, Line, Table, number
from srlbench.cli.show import terminal
from srlbench.records import Record, write

RESULTS = Path(__file__).parents[1] / "results"
NUMBER = re.compile(r"[-+]?\d+\.\d+")


def printed(shown: object, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(shown)
    return out.getvalue()


def numbers() -> Table:
    columns = [Column("", "left"), *(Column(f"a long title {n}", spare=n == 5) for n in range(6))]
    lines = [
        Line([Cell(f"transfer average {n}"), *(number(100 * n + c + 0.123456, ".6f") for c in range(6))])
        for n in (1, 2)
    ]
    return Table("x", "Title", columns, lines)


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
def test_no_number_is_broken(width: int) -> None:
    text = printed(numbers(), width)
    assert max(map(cell_len, text.splitlines())) <= width and "…" not in text
    found = {float(each) for each in NUMBER.findall(text)}
    every = {round(100 * n + c + 0.123456, 6) for n in (1, 2) for c in range(6)}
    assert found <= every and found >= {each for each in every if int(each) % 100 < 5}


def test_what_does_not_fit_is_a_card_under_its_name() -> None:
    assert [line.rstrip() for line in printed(numbers(), 46).splitlines()[:4]] == [
        "Title", "transfer average 1", "  a long title 0 100.123456", "  a long title 1 101.123456",
    ]  # fmt: skip
    lines = [Line([number(1.5), Cell("")])]
    only = Table("x", "", [Column("first " * 20), Column("second")], lines)
    assert [line.strip() for line in printed(only, 30).splitlines()][-1].endswith("1.500")


@given(st.text("aא漢é-+ ", min_size=1, max_size=40), st.integers(20, 60))
def test_wide_and_right_to_left_names_stay_in_their_columns(name: str, width: int) -> None:
    made = Table("x", "", [Column("recipe", "left"), Column("score")], [Line([Cell(name), number(12.34, ".2f")])])
    text = printed(made, width)
    assert max(map(cell_len, text.splitlines())) <= width and "12.34" in text
    assert "".join(name.split()) in "".join(text.replace("12.34", "").split())


@pytest.mark.skipif(not RESULTS.is_dir(), reason="not in a clone")
def test_published_comparisons_and_claims_fit() -> None:
    results = Results(RESULTS, tracks.load("embedded"))
    (table,) = compare(results, ["simcse-sup", "simcse-unsup"]).tables
    names = [line.cells[0].text for line in table.lines]
    papers = [
        page.table(page.of_paper(judged, paper), "claims", paper)
        for judged in judge(results).values()
        for paper in dict.fromkeys(claim.paper for claim, _ in judged)
    ]
    assert len(names) == 16 and len(papers) >= 4
    for width in (60, 80, 120):
        text = printed(table, width)
        rows = [line for line in text.splitlines() if line.split("  ")[0].strip() in names]
        assert len(rows) == len(names)  # no name is broken
        assert all(cell.text in text for line in table.lines for cell in line.cells[3:5])
        for shown in (table, *papers):
            assert max(map(cell_len, printed(shown, width).splitlines())) <= width
    words = " ".join(printed(papers[0], 60).replace("\n", " ").split())
    assert all(line.cells[1].text in words for line in papers[0].lines)


def test_verdicts_go_on_below_indented() -> None:
    report = Report((Verdict("a-recipe-with-a-long-name", "a-backbone", "ok", "within noise " * 8),), ("a note",))
    first, *rest = to_terminal(report, 60).plain.split("\n")
    assert first.startswith("ok              a-recipe-with-a-long-name@a-backbone")
    assert max(map(len, rest)) <= 60 and all(line.startswith(" " * 8) for line in rest[:-2])
    assert rest[-2:] == ["note: a note", "1 ok (exit 0)"]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_scores_of_an_encoder_are_whole(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(terminal, "out", Console(file=out, width=width))
    names = ["STS12", "STS13", "STS14", "STS15", "STS16", "STSBenchmark", "SICK-R"]
    terminal._row("STS · simcse", names, {name: 50 + n + 0.25 for n, name in enumerate(names)}, 53.0)
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= width and text.startswith("STS · simcse")
    assert sorted(map(float, NUMBER.findall(text))) == [
        *(50.25 + n for n in range(3)),
        53.0,
        *(53.25 + n for n in range(4)),
    ]
    assert all(name in text for name in names)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("run --backbone ti", ["tiny"]),
        ("reproduce --results RESULTS mhs@tiny", ["mhs@tiny:0", "mhs@tiny:1"]),
        ("show --results RESULTS mhs", ["mhs", "mhs@tiny:0", "mhs@tiny:1"]),
        ("run --recipes nosuch.py simcse", []),
    ],
)
def test_shells_complete_names(words: str, found: list[str], tmp_path: Path) -> None:
    for seed in (1, 0):
        run = Record(
            status="ok", track="embedded", track_version=4, protocol="generated", recipe="mhs", backbone="tiny",
            seed=seed, fingerprint="0" * 16, scores={"GenSTS12": 50.0},
        )  # fmt: skip
        write(tmp_path, run)
    words = f"srlbench {words.replace('RESULTS', str(tmp_path))}"
    asked = {"_SRLBENCH_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(["srlbench"], capture_output=True, text=True, env=os.environ | asked, check=False)
    assert done.stdout.split() == found and not done.stderr
