"""The arithmetic of seeds, against scipy's own and against cases worked by hand."""

from __future__ import annotations

import math
import random

import pytest
from scipy import stats as theirs

from srlbench.stats import (
    NO_PRIOR,
    Prior,
    Summary,
    fit_prior,
    holm,
    label,
    mean_interval,
    pooled,
    summarise,
    tie_groups,
    welch,
    with_averages,
)

A, B = [61.2, 62.0, 61.1, 60.7], [59.0, 60.5, 58.8]


def test_a_summary_is_mean_sd_and_n() -> None:
    assert summarise([1.0, 2.0, 3.0]) == Summary(2.0, 1.0, 3)
    assert summarise([1.5]) == Summary(1.5, None, 1)
    assert str(summarise([61.0, 62.0])) == "61.50 ± 0.71 (2)"
    assert str(summarise([61.234])) == "61.23 (1)"


@pytest.mark.parametrize("n", range(2, 12))
def test_equal_values_have_no_spread_at_all(n: int) -> None:
    assert summarise([0.1] * n) == Summary(0.1, 0.0, n)


def test_differences_agree_with_scipy() -> None:
    for ours, equal in (
        (welch(summarise(A), summarise(B)), False),
        (pooled(summarise(A), summarise(B)), True),
    ):
        test = theirs.ttest_ind(A, B, equal_var=equal)
        assert ours is not None
        assert ours.p == pytest.approx(test.pvalue)
        assert ours.interval() == pytest.approx(tuple(test.confidence_interval()))
    low_high = theirs.t.interval(0.95, 3, loc=summarise(A).mean, scale=theirs.sem(A))
    assert mean_interval(summarise(A)) == pytest.approx(low_high)
    assert mean_interval(Summary(1.0, None, 1)) is None


def test_no_spread_means_certainty_not_a_crash() -> None:
    still, other = Summary(50.0, 0.0, 3), Summary(50.5, 0.0, 3)
    difference = welch(still, other)
    assert difference and difference.p == 0.0 and difference.interval() == (-0.5, -0.5)
    same = welch(still, still)
    assert same and same.p == 1.0
    noisy = welch(still, Summary(50.5, 1.0, 3))  # a known value against a noisy mean: one-sample t
    assert noisy and noisy.df == pytest.approx(2) and noisy.p == pytest.approx(0.4778, abs=1e-3)
    assert welch(still, Summary(50.0, None, 1)) is None


def test_one_seed_is_comparable_only_through_another_spread() -> None:
    one = Summary(50.0, None, 1)
    assert pooled(one, one) is None
    difference = pooled(one, Summary(52.0, 1.0, 3))
    assert difference and difference.df == 2 and difference.se == pytest.approx(math.sqrt(4 / 3))


def test_a_prior_counts_like_more_seeds() -> None:
    a, b = Summary(50.0, 0.5, 3), Summary(51.0, 0.5, 3)
    plain, moderated = pooled(a, b), pooled(a, b, Prior(0.25, 8))
    assert plain and moderated and moderated.df == plain.df + 8
    assert moderated.se == pytest.approx(plain.se) and moderated.p < plain.p


def test_the_prior_finds_what_the_variances_came_from() -> None:
    dice = random.Random(0)
    alike = [(math.sqrt(0.25 * dice.gammavariate(1, 2) / 2), 2) for _ in range(4000)]
    prior = fit_prior(alike, 1e-6)
    assert prior.variance == pytest.approx(0.25, rel=0.1) and prior.df > 20
    mixed = []
    for _ in range(4000):
        variance = 6 * 0.25 / (2 * dice.gammavariate(3, 1))  # scaled inverse chi-squared, 6 degrees of freedom
        mixed.append((math.sqrt(variance * dice.gammavariate(1, 2) / 2), 2))
    prior = fit_prior(mixed, 1e-6)
    assert prior.variance == pytest.approx(0.25, rel=0.15) and prior.df == pytest.approx(6, rel=0.4)
    assert fit_prior(alike[:5], 0.1) == NO_PRIOR
    assert fit_prior([(0.0, 2)] * 20, 0.1).variance < 0.1


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_ranks_are_tie_groups() -> None:
    rows = [Summary(70, 0.4, 3), Summary(69.9, 0.5, 3), Summary(66, 0.4, 3), None, Summary(71, None, 1)]
    assert tie_groups(rows) == [1, 1, 3, None, None]
    assert tie_groups([]) == [] and tie_groups([None]) == [None]


def test_rows_without_spread_rank_by_margin() -> None:
    still = [Summary(mean, 0.0, 3) for mean in (50.0, 49.95, 49.8)]
    assert tie_groups(still, margin=0.1) == [1, 1, 3]
    assert tie_groups([*still, Summary(45, 0.3, 3)], margin=0.1) == [1, 1, 3, 4]


def test_a_wide_row_ties_with_what_it_may_equal() -> None:
    assert tie_groups([Summary(70, 0.1, 3), Summary(69, 0.1, 3), Summary(68.5, 3.0, 3)]) == [1, 2, 1]


def test_a_row_of_two_seeds_borrows_from_the_spread_of_the_others() -> None:
    kin = [Summary(60 + place, sd, 5) for place, sd in enumerate((0.3, 0.4, 0.2, 0.35, 0.25, 0.3))]
    row = Summary(58, 1.2, 2)
    assert tie_groups([Summary(64, 0.3, 5), row]) == [1, 1]  # alone Welch has one degree of freedom, and sees nothing
    assert tie_groups([*kin, row])[-1] == 7
    assert tie_groups([*kin, Summary(64.9, 0.5, 2)])[-1] == 1


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_rows_that_are_alike_share_a_rank_as_often_as_announced(seeds: int) -> None:
    rng = random.Random(seeds)
    apart = 0
    for _ in range(300):
        sds = [rng.uniform(0.2, 0.6) for _ in range(12)]
        rows = [summarise([60 + rng.gauss(0, sd) for _ in range(seeds)]) for sd in sds]
        first, second = tie_groups([*rows[:2], *(Summary(r.mean - 20, r.sd, r.n) for r in rows[2:])], margin=0.0)[:2]
        apart += first != second
    assert apart <= 26  # 5% of 300 is 15; more than 26 has a chance below 0.3%


def test_an_average_over_a_missing_task_is_missing() -> None:
    groups = {"sts": ("a", "b"), "transfer": ("c", "d")}
    assert with_averages({"a": 1.0, "b": 2.0, "c": 3.0, "other": 9.0}, groups) == {
        "sts_avg": 1.5, "a": 1.0, "b": 2.0, "c": 3.0,
    }  # fmt: skip
    assert [label(name) for name in ("sts_avg", "transfer_avg", "GenMR")] == [
        "STS avg",
        "transfer avg",
        "GenMR",
    ]
