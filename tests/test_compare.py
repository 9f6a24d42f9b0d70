"""Paired comparisons: what they find, against textbook figures and simulated differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from srlbench.agreement import agreement
from srlbench.compare import compare, to_markdown


def systems(noise: dict[str, float], n: int = 400, seeds: int = 5, shared: float = 0.5) -> tuple[dict, dict]:
    """Predictions of systems that see the truth through noise, of which some is shared by all."""
    rng = np.random.default_rng(0)
    gold = {task: rng.normal(size=n) for task in ("A", "B")}
    common = {task: rng.normal(size=n) * shared for task in gold}
    made = {
        name: {
            seed: {task: gold[task] + common[task] + amount * rng.normal(size=n) for task in gold}
            for seed in range(seeds)
        }
        for name, amount in noise.items()
    }
    return made, gold


def test_the_difference_is_that_of_the_recorded_scores() -> None:
    made, gold = systems({"a": 0.5, "b": 1.0})
    (found,) = compare([("a", "b")], made, gold, True, 500)

    def score(name: str) -> float:
        return float(np.mean([spearmanr(made[name][s][t], gold[t]).statistic for s in made[name] for t in gold]))

    assert found.value == pytest.approx(100 * (score("a") - score("b")), abs=1e-9)
    assert found.low < found.value < found.high and found.word == "better" and found.seeds == (5, 5)


def test_the_interval_is_that_of_resampled_items() -> None:
    made, gold = systems({"a": 0.5, "b": 0.6}, seeds=1)
    (found,) = compare([("a", "b")], made, gold, True, 2000)
    rng, drawn = np.random.default_rng(7), []
    for _ in range(1000):  # with ranks taken anew in each resample
        differences = []
        for task, truth in gold.items():
            at = rng.integers(len(truth), size=len(truth))
            scores = [spearmanr(made[name][0][task][at], truth[at]).statistic for name in ("a", "b")]
            differences.append(scores[0] - scores[1])
        drawn.append(100 * np.mean(differences))
    assert (found.low, found.high) == pytest.approx(np.quantile(drawn, (0.025, 0.975)), abs=0.25)


def test_a_system_is_tied_with_itself_and_a_shared_seed_takes_no_part_in_a_difference() -> None:
    made, gold = systems({"a": 0.5}, seeds=3)
    made["twin"] = made["a"]
    shifts = {seed: np.random.default_rng(seed).normal(size=400) * 3 * seed for seed in range(3)}
    made["wild"] = {s: {t: v + shifts[s] for t, v in tasks.items()} for s, tasks in made["a"].items()}
    made["wild too"] = made["wild"]
    same, wild = compare([("a", "twin"), ("wild", "wild too")], made, gold, True, 500)
    assert (same.low, same.value, same.high, same.p, same.word) == (0, 0, 0, 1, "tied")
    assert (wild.low, wild.high) == (0, 0)  # the spread of seeds is large, but it is the same on both sides


def test_accuracy_is_compared_too() -> None:
    gold = {"A": np.arange(300) % 2}
    right = gold["A"].copy()
    wrong = np.where(np.arange(300) % 5 == 0, 1 - right, right)
    (found,) = compare([("wrong", "right")], {"right": {0: {"A": right}}, "wrong": {0: {"A": wrong}}}, gold, False, 500)
    assert found.value == pytest.approx(-20) and found.word == "worse"
    assert (found.low, found.high) == pytest.approx((-24.5, -15.6), abs=1.2)  # binomial


def test_false_alarms_are_as_rare_as_announced() -> None:
    alarms = 0
    for trial in range(60):
        rng = np.random.default_rng(trial)
        gold = {"A": rng.normal(size=120)}
        made = {name: {s: {"A": gold["A"] + rng.normal(size=120)} for s in range(5)} for name in "ab"}
        (found,) = compare([("a", "b")], made, gold, True, 300)
        alarms += found.word != "tied"
    assert alarms <= 9  # 5% of 60 is 3; more than 9 has a chance below 0.2%


def test_the_page_says_all_of_it() -> None:
    made, gold = systems({"a": 0.5, "b": 1.0})
    found = compare([("a", "b")], made, gold, True, 200)
    page = to_markdown({"sts_avg": found}, "small v1", "srlbench compare --track small")
    assert "## STS avg" in page and "| a | b | +" in page and "better" in page and "`srlbench compare" in page


def test_tracks_that_order_recipes_alike_agree() -> None:
    names = [f"r{i:02}" for i in range(40)]
    a = {name: float(i) for i, name in enumerate(names)}
    same = agreement(a, {**{name: 10 * value for name, value in a.items()}, "other": 3.0})
    assert same and same.recipes == tuple(sorted(names)) and same.spearman == same.kendall == pytest.approx(1)
    turned = agreement(a, {name: -value for name, value in a.items()})
    assert turned and turned.spearman == pytest.approx(-1) and turned.high < 0
    rng = np.random.default_rng(0)
    none = agreement(a, dict(zip(names, rng.normal(size=40), strict=True)))
    assert none and none.low < 0 < none.high
    assert agreement({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2, "c": 3}) is None
