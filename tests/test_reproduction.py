"""The verdict on a rerun: its word, its exit code, and what it names."""

from __future__ import annotations

from typing import Any

import pytest
from scipy import stats as reference

from srlbench.analysis.reproduction import Reproduction, judge, to_lines
from srlbench.records import Record
from srlbench.stats import next_interval, summarise

GROUPS = {"sts": ("GenSTS12", "GenSTSB"), "transfer": ("GenMR",)}
HERE = {"cpu": "this", "cpu_capability": "AVX2", "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6"}}


def made(seed: int = 0, shift: float = 0.0, **changes: Any) -> Record:
    scores = {"GenSTS12": 50 + seed + shift, "GenSTSB": 60 - 2 * seed + shift, "GenMR": 70 + seed / 2 + shift}
    content: dict[str, Any] = {
        "status": "ok", "track": "embedded", "track_version": 1, "protocol": "simcse", "recipe": "simcse-unsup",
        "backbone": "tiny", "seed": seed, "fingerprint": "a" * 16, "weights_sha256": "ab" * 32,
        "environment": HERE, "scores": scores,
    }  # fmt: skip
    return Record(**(content | changes))


SEEDS = [made(seed) for seed in range(3)]


def said(again: Record, seeds: list[Record] = SEEDS, predictions: bool | None = True) -> Reproduction:
    return judge(seeds[0], again, seeds, GROUPS, predictions)


def test_the_same_digits_are_bitwise_equal() -> None:
    found = said(made())
    assert (found.word, found.exit_code) == ("bitwise equal", 0)
    assert to_lines(found) == [
        "bitwise equal  simcse-unsup@tiny:0  weights, 3 scores, all predictions", "The same machine class."
    ]  # fmt: skip
    assert "no predictions are recorded" in said(made(), predictions=None).reason


@pytest.mark.parametrize(
    ("again", "predictions", "reason"),
    [
        (made(weights_sha256="cd" * 32), True, "the weights differ; no score differs"),
        (made(shift=1e-13), True, "the same weights; largest difference"),
        (made(), False, "no score differs, but predictions do"),
    ],
)
def test_one_digit_less_is_within_and_on_this_machine_a_finding(again: Record, predictions: bool, reason: str) -> None:
    found = said(again, predictions=predictions)
    assert (found.word, found.exit_code) == ("within its interval", 0)
    assert reason in found.reason and "please report it" in found.machine


def test_the_interval_is_that_of_one_more_seed() -> None:
    row = summarise([70.0, 70.5, 71.0])
    low, high = reference.t(2, loc=70.5, scale=0.5 * (1 + 1 / 3) ** 0.5).interval(0.95)
    assert next_interval(row) == pytest.approx((low, high))
    just_inside, just_outside = (made(shift=high - 70 + d, weights_sha256=None) for d in (-1e-6, 1e-6))
    sts_alike = [made(seed, scores={**made().scores, "GenMR": 70 + seed / 2}) for seed in range(3)]
    for again, word in ((just_inside, "within its interval"), (just_outside, "outside")):
        again.scores.update({name: made().scores[name] for name in ("GenSTS12", "GenSTSB")})
        assert said(again, sts_alike).word == word


def test_outside_names_what_and_how_far() -> None:
    found = said(made(shift=-20))
    assert (found.word, found.exit_code) == ("outside", 1)
    lines = "\n".join(to_lines(found))
    assert "transfer avg 50.00, recorded 70.00 (-20); one more seed: 68.02 to 72.98" in lines
    assert "STS avg 35.00" in lines and "GenMR 50.00" in lines


def test_a_task_outside_is_named_and_does_not_decide() -> None:
    again = made(shift=0)
    again.scores.update(GenSTS12=60.0, GenSTSB=50.0)
    found = said(again)
    assert found.word == "within its interval"
    assert [value.name for value in found.values if value.outside] == ["GenSTS12"]
    assert any("GenSTS12 60.00" in line for line in to_lines(found))


def test_a_row_without_spread_has_a_floor_of_last_digits() -> None:
    still = [Record(**{**vars(made()), "seed": seed}) for seed in range(3)]
    assert said(made(shift=0.049), still).word == "within its interval"
    assert said(made(shift=0.051), still).word == "outside"


def test_one_seed_is_judged_by_its_digits_alone() -> None:
    assert said(made(), [made()]).word == "bitwise equal"
    found = said(made(shift=1e-9), [made()])
    assert (found.word, found.exit_code) == ("differs", 4)
    assert "nothing to judge by but the digits" in found.reason
    assert any("GenSTS12" in line for line in to_lines(found))


def test_other_tasks_are_never_equal() -> None:
    again = made()
    del again.scores["GenSTSB"]
    found = said(again)
    assert (found.word, found.exit_code) == ("differs", 4)
    assert "other tasks (GenSTSB)" in found.reason and "fewer than two" not in found.reason


def test_scores_without_averages_decide_themselves() -> None:
    dev = [made(seed, scores={"GenSTSB-dev": 50.0 + seed}) for seed in range(3)]
    assert said(dev[0], dev).word == "bitwise equal"
    assert "weights, 1 score, " in said(dev[0], dev).reason
    assert said(made(scores={"GenSTSB-dev": 50.1}), dev).word == "within its interval"
    assert said(made(scores={"GenSTSB-dev": 80.1}), dev).word == "outside"
    assert said(made(scores={"GenSTSB-dev": 50.1}), dev[:1]).word == "differs"


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({**HERE, "cpu": "that"}, "Another machine class (processor): digits need not agree."),
        ({**HERE, "gpu": {"names": ["H100"]}}, "Another machine class (GPU)"),
        ({**HERE, "packages": {"torch": "2.14.0", "numpy": "2.4.6"}}, "Another machine class (torch)"),
        ({**HERE, "packages": {"torch": "2.13.0+cpu", "numpy": "2.5"}}, "other versions: numpy 2.5 (recorded 2.4.6)"),
        (HERE, "that should not be; please report it"),
    ],
)
def test_it_is_said_whether_the_digits_had_to_agree(environment: dict[str, Any], words: str) -> None:
    assert words in said(made(shift=0.1, environment=environment)).machine
    assert "report" not in said(made(environment=environment)).machine
