"""Confirmations are kept whole and apart, count once, and only for the very record that was run again."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from srlbench.records import (
    Confirmation,
    Confirmed,
    Record,
    RecordError,
    confirm,
    confirmations,
    record_path,
    tally,
    write,
)

HOSTILE = "A | B\n<script>alert(1)</script>\x00 \udcff"


def made(**changes: Any) -> Record:
    content: dict[str, Any] = {
        "status": "ok", "track": "embedded", "track_version": 1, "protocol": "simcse",
        "recipe": "simcse-unsup", "backbone": "tiny", "seed": 0, "fingerprint": "0123456789abcdef",
        "weights_sha256": "ab" * 32, "environment": {"cpu": "this", "packages": {"torch": "2.13.0+cpu"}},
        "scores": {"GenSTS12": 61.234567890123, "GenMR": 70.5},
    }  # fmt: skip
    return Record(**(content | changes))


def rerun(results: Path, record: Record | None = None, **changes: Any) -> Confirmation:
    record = record or made()
    path = record_path(results, record.key)
    content: dict[str, Any] = {
        "record_sha256": sha256(path.read_bytes()).hexdigest() if path.is_file() else "0" * 64,
        "verdict": "bitwise equal", "reason": "weights and scores", "difference": 0.0, "who": "",
        "when": "2026-01-02T03:04:05+00:00", "rerun": record,
    }  # fmt: skip
    return Confirmation(**(content | changes))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write(tmp_path, made())
    return tmp_path


def test_it_comes_back_as_it_went(results: Path) -> None:
    one = rerun(results, who="Zoë")
    path = confirm(results, one)
    assert path.parent == results / "embedded/v1/confirmations/simcse-unsup/tiny/0123456789abcdef"
    assert path.name.startswith("seed-0-") and "Zoë" in path.read_text(encoding="utf-8")
    assert confirmations(results, "embedded", 1) == ([one], [])


def test_two_never_share_a_file(results: Path) -> None:
    first, second = rerun(results), rerun(results, who="B")
    assert confirm(results, first) != confirm(results, second)
    assert confirm(results, first) == confirm(results, first)
    found, problems = confirmations(results, "embedded", 1)
    assert sorted(each.who for each in found) == ["", "B"] and not problems


def test_any_name_is_kept_to_the_letter(results: Path) -> None:
    path = confirm(results, rerun(results, who=HOSTILE))
    assert json.loads(path.read_bytes())["who"] == HOSTILE
    ((one,), problems) = confirmations(results, "embedded", 1)
    assert one.who == HOSTILE and not problems


def test_only_the_record_that_was_run_again_is_confirmed(results: Path) -> None:
    confirm(results, rerun(results))
    confirm(results, rerun(results, made(seed=1)))  # of which there is no record here
    assert [each.rerun.seed for each in confirmations(results, "embedded", 1)[0]] == [0]
    path = record_path(results, made().key)
    path.write_text(path.read_text().replace('"command":""', '"command":"again"'))
    assert confirmations(results, "embedded", 1) == ([], [])


def test_a_word_against_its_own_digits_is_a_problem(results: Path) -> None:
    other = made(scores={"GenSTS12": 61.2, "GenMR": 70.5})
    confirm(results, replace(rerun(results), rerun=other))
    found, (problem,) = confirmations(results, "embedded", 1)
    assert not found and "digits are not those of the record" in problem.reason


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda text: "", "empty"),
        (lambda text: text[:200], "cut short"),
        (lambda text: "[1]", "no confirmation"),
        (lambda text: made().to_json(), "no confirmation"),
        (lambda text: text.replace('"schema": 1', '"schema": 9', 1), "newer srlbench"),
        (lambda text: text.replace('"schema": 1', '"schema": "x"', 1), "not a version number"),
        (lambda text: text.replace('"who"', '"whom"'), "'who', 'whom'"),
        (lambda text: text.replace('"bitwise equal"', '["good"]'), "'verdict' is none of"),
        (lambda text: text.replace('"difference": 0.0', '"difference": 1e999'), "two percentages"),
        (lambda text: text.replace('"difference": 0.0', f'"difference": {"9" * 5000}'), "without end"),
        (lambda text: text.replace("61.234567890123", "9" * 400), "not a percentage"),
        (lambda text: text.replace("2026-01-02T", "yesterday, "), "'when' is not a time in UTC"),
        (lambda text: text.replace('"status": "ok"', '"status": "failed"'), "needs an 'error'"),
        (lambda text: text.replace('"rerun": {', '"rerun": [{').replace("}\n}", "}]\n}"), "not an srlbench record"),
        (lambda text: text.replace('"who": ""', '"who": "me"'), "was changed since"),
    ],
)
def test_what_is_none_is_a_problem_and_counts_for_nothing(results: Path, spoil: Any, reason: str) -> None:
    kept = confirm(results, rerun(results, who="another"))
    path = confirm(results, rerun(results))
    path.write_text(spoil(path.read_text()))
    (one,), (problem,) = confirmations(results, "embedded", 1)
    assert one.who == "another" and kept.is_file()
    assert problem.path == path and reason in problem.reason


def test_a_failed_rerun_is_none(results: Path) -> None:
    broken = made(status="failed", scores={}, error={"type": "X", "message": "y"})
    with pytest.raises(RecordError, match="confirms nothing"):
        rerun(results, broken)


def test_to_repeat_oneself_adds_nothing(results: Path) -> None:
    elsewhere = made(environment={"cpu": "that", "gpu": {"names": ["x"]}, "packages": {}})
    within = rerun(results, elsewhere, verdict="within its interval")
    again = rerun(results, when="2026-02-02T00:00:00+00:00")
    assert tally([rerun(results), again]) == Confirmed(1, 1, 0)
    assert tally([rerun(results), rerun(results, who="B"), rerun(results, made(seed=1)), within]) == Confirmed(4, 3, 0)
    outside = rerun(results, verdict="outside", when="2026-03-02T00:00:00+00:00")
    assert tally([outside, again, within]) == Confirmed(1, 0, 1)  # the latest word of one name on one machine
    assert [str(tally(each)) for each in ([], [again, within], [within, outside])] == [
        "", "2 (1 bitwise)", "1 (0 bitwise), 1 outside"
    ]  # fmt: skip
