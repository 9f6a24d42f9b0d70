"""Paired comparisons: what they find, against textbook figures, a bootstrap, and simulated truths."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli
from scipy.stats import spearmanr

from srlbench.analysis.compare import papers
from srlbench.analysis.compare import tables as comparisons
from srlbench.analysis.compare.agreement import agreement
from srlbench.analysis.compare.discrimination import discrimination
from srlbench.analysis.compare.paired import Comparison, Scored, compare, correlation, score_items
from srlbench.analysis.compare.papers import Method, Papers
from srlbench.stats import Summary

ROOT = Path(__file__).parents[1]
TASKS = ("A", "B")
GROUPS = {"sts": TASKS}
Predictions = dict[str, dict[int, dict[str, np.ndarray]]]


def systems(noise: dict[str, float], n: int = 400, seeds: int = 5) -> tuple[Predictions, dict[str, np.ndarray]]:
    """Predictions of systems that see the truth, in halves, through noise, of which some is shared by all."""
    rng = np.random.default_rng(0)
    gold = {task: np.round(2 * rng.normal(size=n)) / 2 for task in TASKS}
    common = {task: rng.normal(size=n) / 2 for task in gold}
    made = {
        name: {
            seed: {task: gold[task] + common[task] + amount * rng.normal(size=n) for task in gold}
            for seed in range(seeds)
        }
        for name, amount in noise.items()
    }
    return made, gold


def scored(made: Predictions, gold: dict[str, np.ndarray], *, correlated: bool = True) -> dict[str, dict[str, Scored]]:
    return {
        name: {
            task: score_items({seed: found[task] for seed, found in seeds.items()}, truth, correlated=correlated)
            for task, truth in gold.items()
        }
        for name, seeds in made.items()
    }


def of(found: Iterable[Comparison], name: str = "sts_avg") -> Comparison:
    return next(each for each in found if each.name == name)


def test_the_difference_is_that_of_the_recorded_scores() -> None:
    made, gold = systems({"a": 0.5, "b": 1.0})
    found = compare([("a", "b")], scored(made, gold), GROUPS)
    assert [each.name for each in found] == ["sts_avg", *TASKS]

    def score(name: str, *tasks: str) -> float:
        return 100 * float(np.mean([spearmanr(made[name][s][t], gold[t]).statistic for s in made[name] for t in tasks]))

    for each, tasks in zip(found, (TASKS, "A", "B"), strict=True):
        assert each.difference.value == pytest.approx(score("a", *tasks) - score("b", *tasks), abs=1e-9)
        assert each.a.mean == pytest.approx(score("a", *tasks)) and (each.a.n, each.b.n) == (5, 5)
        low, high = each.interval
        assert low < each.difference.value < high and each.word == "better"


def test_the_influence_of_items_is_what_leaving_one_out_does() -> None:
    made, gold = systems({"a": 0.5}, n=300)
    found, truth = made["a"][0]["A"], gold["A"]
    rho, influence = correlation(found, truth)
    n = len(truth)
    left = [spearmanr(np.delete(found, i), np.delete(truth, i)).statistic for i in range(n)]
    assert influence == pytest.approx((n - 1) * (rho - np.array(left)), abs=0.02)
    assert abs(influence.mean()) < 1e-12


def test_the_error_of_items_is_that_of_a_bootstrap() -> None:
    made, gold = systems({"a": 0.5, "b": 0.6}, seeds=1)
    found = of(compare([("a", "b")], scored(made, gold), GROUPS, of_runs=True))
    rng, drawn = np.random.default_rng(7), []
    for _ in range(1000):  # with ranks taken anew in each resample
        differences = []
        for task, truth in gold.items():
            at = rng.integers(len(truth), size=len(truth))
            scores = [spearmanr(made[name][0][task][at], truth[at]).statistic for name in ("a", "b")]
            differences.append(scores[0] - scores[1])
        drawn.append(100 * np.mean(differences))
    assert math.isinf(found.difference.df) and found.difference.se == pytest.approx(np.std(drawn), rel=0.08)
    assert found.interval == pytest.approx(np.quantile(drawn, (0.025, 0.975)), abs=0.3)


def test_a_system_is_level_with_itself_and_a_shared_seed_takes_no_part_in_a_difference() -> None:
    made, gold = systems({"a": 0.5}, seeds=3)
    made["twin"] = made["a"]
    shifts = {seed: np.random.default_rng(seed).normal(size=400) * 3 * seed for seed in range(3)}
    made["wild"] = {s: {t: v + shifts[s] for t, v in tasks.items()} for s, tasks in made["a"].items()}
    made["wild too"] = made["wild"]
    found = compare([("a", "twin"), ("wild", "wild too")], scored(made, gold), GROUPS)
    for each in found:  # the spread of the wild seeds is large, but it is the same on both sides
        assert (each.difference.value, each.difference.se, each.p, each.word) == (0, 0, 1, "within noise")


def test_accuracy_is_compared_too() -> None:
    gold = {"A": np.arange(300) % 2}
    right = gold["A"].copy()
    wrong = np.where(np.arange(300) % 5 == 0, 1 - right, right)
    made = scored({"right": {0: {"A": right}}, "wrong": {0: {"A": wrong}}}, gold, correlated=False)
    found = of(compare([("wrong", "right")], made, {"transfer": ["A"]}, of_runs=True), "A")
    assert found.difference.value == pytest.approx(-20) and found.word == "worse"
    assert found.interval == pytest.approx((-24.5, -15.5), abs=0.1)  # binomial


def test_one_seed_says_nothing_of_a_recipe_but_something_of_its_encoder() -> None:
    made, gold = systems({"a": 0.5, "b": 1.0})
    made["b"] = {0: made["b"][0]}
    marks = scored(made, gold)
    assert {each.word for each in compare([("a", "b")], marks, GROUPS)} == {"one seed"}
    made["a"] = {1: made["a"][1]}
    found = compare([("a", "b")], scored(made, gold), GROUPS, of_runs=True)
    assert {each.word for each in found} == {"better"}


def test_a_difference_that_is_sure_but_of_no_use_is_called_so() -> None:
    made, gold = systems({"a": 0.5, "b": 0.6})
    (found, *_) = compare([("a", "b")], scored(made, gold), GROUPS, margin=50.0)
    assert found.p < 0.001 and found.word == "within margin"


def test_p_is_adjusted_for_the_tasks_of_a_pair_and_for_the_pairs_of_an_average() -> None:
    made, gold = systems({"a": 0.5, "b": 0.52, "c": 0.54})
    found = compare([("a", "b"), ("a", "c")], scored(made, gold), GROUPS)
    for family in ([e for e in found if e.name == "sts_avg"], [e for e in found if e.name in TASKS][:2]):
        own = sorted(each.difference.p for each in family)
        assert sorted(each.p for each in family)[0] == pytest.approx(min(1, 2 * own[0]))


def test_what_was_not_scored_is_not_compared() -> None:
    made, gold = systems({"a": 0.5, "b": 1.0})
    marks = scored(made, gold)
    del marks["b"]["B"]
    assert compare([("a", "b"), ("a", "nobody")], marks, GROUPS) == []


# --- promises, on simulated truths ------------------------------------------------------------------


def world(
    rng: np.random.Generator, seeds: int, wild: float, gap: float, *, alike: bool
) -> dict[str, dict[str, Scored]]:
    """Two systems whose true scores differ by what `gap` does, and by nothing if it is 0.

    wild: how much seeds differ. alike: both err on the same items, as one recipe does when it is run again.
    """
    quality = {"a": gap + wild * rng.normal(size=seeds), "b": wild * rng.normal(size=seeds)}
    made: dict[str, dict[str, Scored]] = {"a": {}, "b": {}}
    for task in TASKS:
        truth, shared, own = rng.normal(size=(3, 120))
        gold = np.round(np.clip(2.5 + 1.2 * truth, 0, 5) * 4) / 4
        for name in made:
            errs = 0.3 * (own if alike else rng.normal(size=120))
            found = {
                seed: truth + 0.6 * shared + errs + 0.5 * np.exp(-quality[name][seed]) * rng.normal(size=120)
                for seed in range(seeds)
            }
            made[name][task] = score_items(found, gold, correlated=True)
    return made


@pytest.mark.parametrize(("seeds", "wild"), [(2, 0.0), (2, 0.1), (3, 0.1), (5, 0.0), (5, 0.2)])
def test_false_alarms_are_no_more_than_announced(seeds: int, wild: float) -> None:
    rng = np.random.default_rng(seeds)
    alarms = sum(
        of(compare([("a", "b")], world(rng, seeds, wild, 0.0, alike=bool(turn % 2)), GROUPS)).p < 0.05
        for turn in range(400)
    )
    assert alarms <= 20  # 5% of 400; five such settings are 2,000 comparisons


@pytest.mark.parametrize(("seeds", "gap"), [(3, 2.5), (5, 0.9)])
def test_a_difference_that_can_be_seen_is_seen_four_times_in_five(seeds: int, gap: float) -> None:
    rng = np.random.default_rng(seeds)
    made = [of(compare([("a", "b")], world(rng, seeds, 0.1, gap, alike=False), GROUPS)) for _ in range(400)]
    true = np.mean([each.difference.value for each in made])
    assert np.median([each.detectable for each in made]) == pytest.approx(true, rel=0.06)  # the gap is chosen so
    assert 0.72 < np.mean([each.difference.p < 0.05 for each in made]) < 0.88


# --- what people and programs read ------------------------------------------------------------------


def test_the_page_says_all_of_it() -> None:
    made, gold = systems({"a": 0.5, "b": 1.0, "c|d": 1.0})
    found = compare([("a", "b"), ("c|d", "b")], scored(made, gold), GROUPS)
    page = comparisons.page(found, ["sts_avg"], "small v1", "srlbench compare --track small")
    assert "## STS avg" in page and "| a | b | +" in page and "better" in page and "`srlbench compare" in page
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert len(rows) == 4 and {len(line.replace("\\|", "").split("|")) for line in rows} == {10}
    assert comparisons.detects(found[0]).startswith("STS avg: with 5 seeds and sd 0.")
    table = comparisons.by_task([each for each in found if each.system == "a"], ["sts_avg"])
    assert [line.cells[0].text for line in table.lines] == ["STS avg", *TASKS]
    assert [line.state for line in table.lines] == ["average", "", ""]
    assert {len(line.cells) for line in table.lines} == {len(table.columns)}


def test_a_comparison_turned_round_is_the_one_of_the_turned_pair() -> None:
    made, gold = systems({"a": 0.5, "b": 0.6})
    marks = scored(made, gold)
    (there, *_), (back, *_) = (compare([pair], marks, GROUPS, tasks=False) for pair in (("a", "b"), ("b", "a")))
    assert there.turned == back and there.turned.turned == there and there != back


def test_programs_read_the_same_numbers() -> None:
    made, gold = systems({"a": 0.5, "b": 1.0}, seeds=1)
    each = compare([("a", "b")], scored(made, gold), GROUPS, of_runs=True)[0]
    told = json.loads(json.dumps(comparisons.to_json(each), allow_nan=False))
    assert told["difference"] == each.difference.value and told["df"] is None and told["word"] == "better"
    assert told["system_score"] == {"mean": each.a.mean, "sd": None, "n": 1}


def test_a_track_tells_recipes_apart_by_as_much_as_they_differ() -> None:
    rng = np.random.default_rng(0)
    noise = {f"r{i}": dict(enumerate(rng.normal(size=5))) for i in range(20)}
    shifted = {name: {s: v + 10 * i for s, v in by.items()} for i, (name, by) in enumerate(noise.items())}
    none, all_ = discrimination(noise), discrimination(shifted)
    assert none and all_ and none.seeds == tuple(range(5)) and none.pairs == 190
    assert abs(none.reliability) < 0.2 and none.apart < 25 and abs(none.kendall) < 0.2
    assert all_.reliability > 0.99 and all_.apart == 190 and all_.kendall == 1
    assert all_.sd_of_seeds == pytest.approx(none.sd_of_seeds) and all_.sd_of_recipes == pytest.approx(59.2, abs=0.5)
    # ICC(1) as in Shrout and Fleiss (1979), whose six targets under four judges give 0.17.
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    known = discrimination({str(i): dict(enumerate(map(float, row))) for i, row in enumerate(ratings)})
    assert known and known.reliability == pytest.approx(0.17, abs=0.005)
    assert discrimination({name: {0: 1.0} for name in "abcdef"}) is None


def test_the_published_numbers_of_discrimination_follow_from_the_records(here: Cli, tmp_path: Path) -> None:
    made = tmp_path / "made.md"
    shown = here("compare", "--tracks", "--results", ROOT / "results", "--out", made)
    assert shown.returncode == 0 and made.read_text() == (ROOT / "results" / "discrimination.md").read_text()
    wrong = here("compare", "--tracks", "simcse-sup", "--results", ROOT / "results")
    assert wrong.returncode == 2 and "name nothing else" in wrong.stderr


def test_the_published_numbers_beside_the_papers_follow_from_the_records(here: Cli, tmp_path: Path) -> None:
    made = tmp_path / "made.md"
    shown = here("compare", "--papers", "--results", ROOT / "results", "--out", made)
    assert shown.returncode == 0, shown.stderr
    lines = [line for line in made.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    page = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 40 and not [line for line in lines if line not in page]
    both = here("compare", "--papers", "--tracks", "--results", ROOT / "results")
    assert both.returncode == 2 and "give one of them" in both.stderr


def test_a_published_order_is_found_again() -> None:
    ours = {name: {"t": Summary(value, 0.5, 5)} for name, value in zip("abcdef", (1, 2, 3, 4, 5, 9), strict=True)}
    found = [
        Method(name, "", False, printed, own)
        for (name, own), printed in zip(ours.items(), (10, 20, 30, 40, 50, None), strict=True)
    ]
    order = papers.order(found, "t")
    assert order and order.recipes == (*"abcde",) and order.spearman == pytest.approx(1)
    assert papers.order(found[:3], "t") is None and papers.order(found, "elsewhere") is None
    shown = papers.table(Papers("sts_avg", ("t",), tuple(found), ())).to_markdown()
    assert "| a |  | 10.00 | 1.00, 0.38 to 1.62 (5) |" in shown and "| f |  | – | 9.00, 8.38 to 9.62 (5) |" in shown


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
