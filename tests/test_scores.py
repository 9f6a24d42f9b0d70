"""Scores are written, read back and compared; two protocols or two texts never are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from srlbench.errors import UsageError
from srlbench.evaluation import scores
from srlbench.evaluation.scores import Scores, averages, comparable, from_json, to_csv, to_json

GROUPS = {"sts": ("A", "B"), "transfer": ("C",)}
ONE = Scores(
    model="one", protocol="simcse", probe="converged", scores={"A": 1 / 3, "B": 1.0}, averages={"sts": 2 / 3},
    detail={}, data={"A": "aa", "B": "bb"}, groups=GROUPS, source="here",
)  # fmt: skip


def test_an_average_over_a_missing_task_is_missing() -> None:
    assert averages({"A": 1 / 3, "B": 1.0}, GROUPS) == {"sts": pytest.approx(2 / 3)}


@pytest.mark.parametrize("found", [[ONE], [ONE, replace(ONE, probe="senteval")]])
def test_what_is_written_is_read_back_to_the_bit(found: list[Scores], tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(to_json(found), encoding="utf-8")
    assert [each.scores for each in from_json(tmp_path / "a.json")] == [each.scores for each in found]
    assert [each.kind for each in from_json(tmp_path / "a.json")] == [each.kind for each in found]


def test_csv_has_a_row_a_protocol_and_leaves_unscored_cells_empty() -> None:
    other = replace(ONE, protocol="mteb", probe=None, scores={"A": 2.0}, averages={}, groups={"sts": ("A", "D")})
    assert to_csv([ONE, other]).splitlines() == [
        "model,protocol,probe,A,B,C,D,sts_avg,transfer_avg",
        f"one,simcse,converged,{1 / 3},1.0,,,{2 / 3},",
        "one,mteb,,2.0,,,,,",
    ]


def test_only_scores_of_one_kind_and_text_are_compared() -> None:
    other = replace(ONE, model="other")
    assert comparable([ONE], [replace(other, probe="senteval"), other]) == [(ONE, other)]
    assert comparable([ONE], [replace(other, protocol="mteb")]) == []
    with pytest.raises(UsageError, match="different rows of B"):
        comparable([ONE], [replace(other, data={"A": "aa", "B": "xx"})])


@pytest.mark.parametrize("text", ["", "3", '{"model": "x"}', '[["model"]]', "\x00", '{"scores": null}'])
def test_a_file_of_something_else_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="is not what `srlbench evaluate MODEL --out FILE` writes"):
        from_json(tmp_path / "a.json")


def test_scores_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    plain = json.loads(to_json([ONE])) | {"scores": {"A": "high"}}
    (tmp_path / "a.json").write_text(json.dumps(plain), encoding="utf-8")
    with pytest.raises(UsageError, match="is not what"):
        scores.from_json(tmp_path / "a.json")
