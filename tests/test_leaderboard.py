"""The leaderboard: what a row says, when it is ranked, and how it reads."""

from __future__ import annotations

import csv
import io
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from srlbench import __version__
from srlbench.analysis.leaderboard.board import Leaderboard, Papers, Row, Scope
from srlbench.analysis.leaderboard.page import to_markdown, write
from srlbench.analysis.leaderboard.rows import build
from srlbench.cli.show.terminal import board_of
from srlbench.errors import UsageError
from srlbench.records import Record, record_path, scan
from srlbench.stats import Summary

GROUPS = {"sts": ("GenSTS12", "GenSTSB"), "transfer": ("GenMR", "GenTREC")}
NOW, OLD = "a" * 16, "b" * 16


def made(recipe: str, seed: int, mean: float, step: float = 0.5, **changes: Any) -> Record:
    """A run whose four scores lie around `mean`, `step` points higher with each seed."""
    level = mean + step * seed
    scores = {"GenSTS12": level - 1, "GenSTSB": level + 1, "GenMR": level + 2, "GenTREC": level + 4}
    content: dict[str, Any] = {
        "status": "ok", "track": "embedded", "track_version": 1, "protocol": "simcse", "recipe": recipe,
        "backbone": "tiny", "seed": seed, "fingerprint": NOW, "scores": scores,
        "weights_sha256": f"{seed if step else 0:064x}",
    }  # fmt: skip
    return Record(**(content | changes))


def failed(recipe: str, seed: int, **changes: Any) -> Record:
    error = {"type": "ValueError", "message": "the loss is nan"}
    return made(recipe, seed, 1, status="failed", scores={}, weights_sha256=None, error=error, **changes)


def board(records: list[Record], recipes: str = "", **options: Any) -> Leaderboard:
    current = {(record.recipe, "tiny"): NOW for record in records} | {(name, "tiny"): NOW for name in recipes.split()}
    scope = Scope("embedded", 1, "simcse", options.pop("groups", GROUPS), options.pop("seeds", range(3)))
    return build(records, scope, options.pop("current", current), **options)


def rows(board: Leaderboard) -> dict[str, Row]:
    return {row.recipe if row.state != "stale" else f"{row.recipe} (stale)": row for row in board.rows}


def runs(recipe: str, mean: float, step: float = 0.5, n: int = 3, **changes: Any) -> list[Record]:
    return [made(recipe, seed, mean, step, **changes) for seed in range(n)]


def test_averages_are_taken_per_seed_then_over_seeds() -> None:
    (row,) = board(runs("simcse", 60)).rows
    assert row.cells["sts_avg"] == Summary(60.5, 0.5, 3)
    assert row.cells["GenTREC"] == Summary(64.5, 0.5, 3)
    assert (row.state, row.rank, row.seeds, row.missing) == ("ranked", 1, (0, 1, 2), ())


def test_an_average_over_a_missing_task_is_missing() -> None:
    records = runs("simcse", 60)
    for record in records:
        del record.scores["GenSTSB"]
    (row,) = board(records).rows
    assert row.cells["sts_avg"] == row.cells["GenSTSB"] == "not run"
    assert isinstance(row.cells["transfer_avg"], Summary)
    assert (row.state, row.rank) == ("partial", None)


def test_an_average_counts_only_the_seeds_that_have_every_task() -> None:
    records = runs("simcse", 60)
    del records[0].scores["GenSTS12"]
    (row,) = board(records).rows
    assert isinstance(cell := row.cells["sts_avg"], Summary) and cell.n == 2


def test_failed_and_not_run_are_different_nothings() -> None:
    found = rows(board([failed("broken", seed) for seed in range(3)] + runs("simcse", 60), "idle"))
    assert set(found["broken"].cells.values()) == {"failed"} and found["broken"].state == "failed"
    assert set(found["idle"].cells.values()) == {"not run"} and found["idle"].state == "not run"
    partly = rows(board([*runs("simcse", 60, n=2), failed("simcse", 2)]))["simcse"]
    assert (partly.state, partly.failed, partly.missing) == ("ranked", (2,), ())


def test_one_seed_is_shown_and_not_ranked() -> None:
    (row,) = board(runs("simcse", 60, n=1)).rows
    assert (row.state, row.rank, row.missing) == ("one seed", None, (1, 2))
    assert row.cells["sts_avg"] == Summary(60.0, None, 1)


def test_stale_and_unregistered_rows_are_not_ranked_and_come_last() -> None:
    records = runs("simcse", 60) + runs("simcse", 90, fingerprint=OLD) + runs("gone", 95) + runs("barlow", 50)
    records += [failed("barlow", 0, fingerprint=OLD)]
    found = board(records, current={("simcse", "tiny"): NOW, ("barlow", "tiny"): NOW})
    assert [(row.recipe, row.rank_or_state) for row in found.rows] == [
        ("simcse", "1"), ("barlow", "2"), ("gone", "unregistered"), ("simcse", "stale"),
    ]  # fmt: skip


def test_near_rows_share_a_rank() -> None:
    found = rows(board(runs("a", 60) + runs("b", 60.2) + runs("c", 50)))
    assert [found[name].rank for name in "abc"] == [1, 1, 3]


def test_a_deterministic_row_is_marked() -> None:
    found = rows(board(runs("whitening", 60, step=0) + runs("simcse", 70) + runs("one", 50, step=0, n=1)))
    assert [name for name, row in found.items() if row.deterministic] == ["whitening"]


def test_a_deterministic_row_may_have_other_digits_on_another_machine_class() -> None:
    there = {"environment": {"cpu": "another"}}
    two = runs("whitening", 60, step=0, n=2)
    row = rows(board(two + runs("whitening", 60.001, step=0, **there)[2:]))["whitening"]
    assert row.deterministic and isinstance(cell := row.cells["sts_avg"], Summary)
    assert cell.n == 3 and cell.sd  # what was measured stays as it was
    here_too = two + runs("whitening", 60.001, step=0)[2:]
    alone = runs("whitening", 60, step=0, n=1) + runs("whitening", 60.001, step=0, n=2, **there)[1:]
    for records in (here_too, alone):
        assert not rows(board(records))["whitening"].deterministic


def test_records_of_another_protocol_track_or_version_share_no_table() -> None:
    others = runs("a", 60, protocol="mteb") + runs("b", 60, track="small") + runs("c", 60, track_version=2)
    found = board(others, current={})
    assert found.rows == () and found.excluded == 3


@pytest.mark.parametrize(
    ("reference", "word"),
    [
        (runs("simcse", 60), "bit-equal"),
        (runs("simcse", 60)[:2], "bit-equal"),
        (runs("simcse", 60, weights_sha256="0" * 64), "inside"),
        (runs("simcse", 60.4), "inside"),
        (runs("simcse", 66), "outside"),
        (runs("simcse", 60, fingerprint=OLD), "–"),
        (runs("other", 60), "–"),
        ([failed("simcse", 0)], "–"),
        ([], "–"),
    ],
)
def test_a_row_stands_against_the_published_one(reference: list[Record], word: str) -> None:
    (row,) = board(runs("simcse", 60), reference=reference).rows
    assert row.reproduction == word


def test_last_digits_of_another_machine_are_inside() -> None:
    (row,) = board(runs("whitening", 60, step=0), reference=runs("whitening", 60.001, step=0)).rows
    assert row.reproduction == "inside"
    (row,) = board(runs("whitening", 60, step=0), reference=runs("whitening", 60.2, step=0)).rows
    assert row.reproduction == "outside"


def test_one_seed_is_compared_through_the_published_spread() -> None:
    near, far = runs("simcse", 61, n=1), runs("simcse", 70, n=1)
    for ours, word in ((near, "inside"), (far, "outside")):
        (row,) = board(ours, reference=runs("simcse", 60)).rows
        assert row.reproduction == word
    (row,) = board(near, reference=runs("simcse", 60, n=1)).rows
    assert row.reproduction == "–"


# --- views ---------------------------------------------------------------------------------------


def sample() -> Leaderboard:
    records = runs("simcse-unsup", 60) + runs("whitening", 55, step=0) + runs("simcse-unsup", 58, fingerprint=OLD)
    records += [failed("broken", 0), *runs("barlow", 60.1, n=1), *runs("a|b", 50, n=2)]
    reference = runs("simcse-unsup", 60) + runs("whitening", 57, step=0)
    reported = {("simcse-unsup", "tiny"): {"sts_avg": 76.25}}
    current = {(name, "tiny"): NOW for name in ("simcse-unsup", "whitening", "broken", "barlow", "idle", "a|b")}
    return board(records, current=current, reference=reference, papers=Papers(reported))


MARKDOWN = f"""\
# Leaderboard: embedded v1

Track `embedded` v1 · protocol `simcse` · seeds 0, 1, 2 · srlbench {__version__}

| rank | recipe | backbone | STS avg | paper | transfer avg | vs published |
| ---: | :--- | :--- | ---: | ---: | ---: | :--- |
| 1 | simcse-unsup | tiny | 60.50 ± 0.50 (3) | 76.25 | 63.50 ± 0.50 (3) | bit-equal |
| 2 | whitening | tiny | 55.00† (3) |  | 58.00† (3) | outside |
| 3 | a\\|b | tiny | 50.25 ± 0.35 (2) |  | 53.25 ± 0.35 (2) | – |
| *one seed* | *barlow* | *tiny* | *60.10 (1)* |  | *63.10 (1)* | *–* |
| *failed* | *broken* | *tiny* | *failed* |  | *failed* | *–* |
| *not run* | *idle* | *tiny* | *not run* |  | *not run* | *–* |
| *stale* | *simcse-unsup bbbbbb* | *tiny* | *58.50 ± 0.50 (3)* |  | *61.50 ± 0.50 (3)* | *–* |

## STS tasks

| recipe | GenSTS12 | GenSTSB |
| :--- | ---: | ---: |
| simcse-unsup | 59.5±0.5 | 61.5±0.5 |
| whitening | 54.0† | 56.0† |
| a\\|b | 49.2±0.4 | 51.2±0.4 |
| *barlow* | *59.1* | *61.1* |
| *simcse-unsup bbbbbb* | *57.5±0.5* | *59.5±0.5* |

## Transfer tasks

"""


def test_the_markdown_reads_as_agreed() -> None:
    text = to_markdown(sample(), "srlbench leaderboard --track embedded")
    assert text.startswith(MARKDOWN)
    assert text.endswith("Regenerate with `srlbench leaderboard --track embedded`.\n")
    for line in (
        "† the same weights and scores at every seed",
        "- failed: the run broke. not run: nobody tried.\n",
        "- a\\|b@tiny: seed 2 not run.\n",
        "- barlow@tiny: seeds 1, 2 not run.\n",
    ):
        assert line in text


def test_the_legend_explains_only_what_is_there() -> None:
    text = to_markdown(board(runs("simcse", 60)), "y")
    assert not any(mark in text for mark in ("†", "stale", "failed", "paper", "vs published", "protocol are not"))


def test_what_every_row_lacks_is_said_once() -> None:
    def said(records: list[Record]) -> list[str]:
        text = to_markdown(board(records, "idle"), "y")
        return [line for line in text.splitlines() if line.endswith(" not run.")]

    two = runs("a", 60, n=2) + runs("b", 50, n=2)
    assert said(two) == ["- All rows: seed 2 not run."]
    assert said(two + runs("c", 40)) == ["- a@tiny, b@tiny: seed 2 not run."]
    assert said(runs("a", 60, n=2)) == ["- a@tiny: seed 2 not run."]


@pytest.mark.parametrize("view", ["markdown", "terminal"])
def test_the_title_says_track_and_version(view: str) -> None:
    out = io.StringIO()
    Console(file=out, width=100).print(board_of(sample()))
    text = to_markdown(sample(), "y") if view == "markdown" else out.getvalue()
    assert "Track embedded v1 · protocol simcse" in text.replace("`", "")


def test_the_csv_is_tidy() -> None:
    lines = list(csv.DictReader(io.StringIO(sample().to_csv())))
    first, still, *_ = lines
    assert len(lines) == 7 and {line["track"] for line in lines} == {"embedded"}
    assert (first["recipe"], first["rank"], first["state"], first["seeds"]) == (
        "simcse-unsup",
        "1",
        "ranked",
        "0 1 2",
    )
    assert (first["sts_avg_mean"], first["sts_avg_sd"], first["sts_avg_n"]) == ("60.5", "0.5", "3")
    assert first["sts_avg_reported"] == "76.25" and "transfer_avg_reported" not in first
    assert (still["deterministic"], still["reproduction"]) == ("True", "outside")
    idle = next(line for line in lines if line["recipe"] == "idle")
    assert (idle["state"], idle["GenMR_mean"], idle["GenMR_n"], idle["rank"]) == ("not run", "", "0", "")


def test_pandas_reads_the_csv_as_it_is() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(io.StringIO(sample().to_csv()))
    assert frame["sts_avg_mean"].dtype == float and frame["GenMR_n"].sum() == 3 + 3 + 3 + 1 + 2


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_terminal_shows_every_number_whole(width: int) -> None:
    out = io.StringIO()
    Console(file=out, width=width).print(board_of(sample()))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= width
    for part in ("60.50 ± 0.50 (3)", "55.00† (3)", "59.5±0.5", "bit-equal", "not run: idle.", "stale"):
        assert part in text
    assert "Against the published records: 1 bit-equal, 1 outside, 3 with nothing" in text


def test_full_tables_fit_a_hundred_columns() -> None:
    tasks = {
        "sts": [f"GenSTS{year}" for year in range(12, 17)] + ["GenSTSB", "GenSICK-R"],
        "transfer": ["GenMR"],
    }
    scores = {task: 60.0 for names in tasks.values() for task in names}
    records = [
        made("untrained-first-last", seed, 60, scores={t: s + seed for t, s in scores.items()}) for seed in range(3)
    ]
    out = io.StringIO()
    Console(file=out, width=100).print(board_of(board(records, groups=tasks, reference=records)))
    assert sum("untrained-first-last" in line for line in out.getvalue().splitlines()) == 3


def test_latex_has_the_best_and_all_level_with_it_in_bold() -> None:
    made = board(runs("a", 60) + runs("b", 60.2) + runs("c_d", 50) + runs("one", 90, n=1))
    text = made.to_latex()
    assert r"1 & b & tiny & \textbf{60.70 $\pm$ 0.50 (3)}" in text and r"1 & a & tiny & \textbf{60.50 $" in text
    assert r"3 & c\_d & tiny & 50.50 $\pm$ 0.50 (3)" in text and r"\textit{90.00 (1)}" in text
    assert text.startswith("% Averages\n\\begin{tabular}{rllrr}\n\\toprule\n") and r"\bottomrule" in text
    tasks = made.to_latex("sts")
    assert "GenSTS12 & GenSTSB" in tasks and r"\textbf{59.7$\pm$0.5}" in tasks and "rank" not in tasks
    with pytest.raises(UsageError, match="Did you mean 'sts'"):
        made.to_latex("st")


def test_there_is_a_table_a_backbone_headed_by_its_name() -> None:
    records = runs("a", 60) + runs("b", 50) + runs("a", 70, backbone="other")
    made = board(records, current={(r.recipe, r.backbone): NOW for r in records})
    text = to_markdown(made, "y")
    first, second = text.split("## Averages on ")[1:3]
    assert first.startswith("tiny\n\n| rank | recipe | STS avg | transfer avg |") and "| 2 | b | 50.50" in first
    assert second.startswith("other\n\n| rank | recipe |") and "| 1 | a | 70.50 ± 0.50 (3) |" in second
    assert "backbone |" not in text and made.to_latex().count(r"\begin{tabular}") == 2
    assert made._repr_html_().count("<table") == 2


def test_a_data_frame_has_the_numbers_of_the_csv() -> None:
    pandas = pytest.importorskip("pandas")
    frame = sample().to_pandas()
    read = pandas.read_csv(io.StringIO(sample().to_csv()))
    assert [*frame.columns] == [*read.columns] and len(frame) == len(read) == 7
    for name in ("sts_avg_mean", "GenMR_sd", "rank"):
        assert frame[name].astype(float).equals(read[name].astype(float)), name


def test_eighty_columns_break_no_row_and_cut_no_name() -> None:
    tasks = [*(f"GenSTS{year}" for year in range(12, 17)), "GenSTSB", "GenSICK-R"]
    scores = dict.fromkeys((*tasks, "GenMR"), 60.0)
    records = [
        made("barlow-twins-normalised", seed, 60, scores={task: score + seed for task, score in scores.items()})
        for seed in range(3)
    ]
    out = io.StringIO()
    Console(file=out, width=80).print(board_of(board(records, groups={"sts": tasks, "transfer": ["GenMR"]})))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80 and "…" not in out.getvalue()
    assert sum(line.split()[:1] == ["barlow-twins-normalised"] for line in lines) == 2
    assert any(line.split() == ["recipe", *(task.removeprefix("Gen") for task in tasks)] for line in lines)


def test_an_empty_board_is_still_a_page(tmp_path: Path) -> None:
    empty = board([])
    write(empty, tmp_path, "y")
    Console(file=io.StringIO()).print(board_of(empty))


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in write(sample(), tmp_path, "y")]
    assert [path.read_bytes() for path in write(sample(), tmp_path, "y")] == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["leaderboard.csv", "leaderboard.md"]


def test_five_thousand_records_in_ten_seconds(tmp_path: Path) -> None:
    training = {"log": [{"step": step, "loss": step / 7} for step in range(200)]}
    for number in range(5000):
        recipe, turn, seed = number // 100, number // 5 % 20, number % 5
        record = made(f"recipe-{recipe}", seed, 40 + recipe / 2, fingerprint=f"{turn:016x}")
        path = record_path(tmp_path, record.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(record) | {"training": training}))  # plain writes: no fsync
    start = time.perf_counter()
    found = scan(tmp_path, "embedded", 1)
    built = board(list(found.records), current={})
    built.to_csv(), to_markdown(built, "y")
    assert time.perf_counter() - start < 10
    assert len(found.records) == 5000 and len(built.rows) == 1000


def test_numbers_of_other_settings_stand_apart() -> None:
    shown = board(
        runs("simcse-unsup", 60),
        papers=Papers(elsewhere=[("simcse-unsup", "google-bert/bert-base-uncased", {"sts_avg": 76.25})]),
    )
    page = to_markdown(shown, "srlbench leaderboard")
    above, _, apart = page.partition("## The same methods at BERT's scale, as published")
    assert "76.25" not in above and "Not comparable with the rows above" in apart
    assert "| simcse-unsup | google-bert/bert-base-uncased | 76.25 |" in apart
