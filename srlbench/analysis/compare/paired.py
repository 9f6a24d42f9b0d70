"""Systems compared on the same items: paired differences, whose intervals cover the chance of items and of seeds.

A difference is a mean over tasks and seeds. Items are drawn by chance, and seeds are; so the variances of both add
up. What each item does to a score (its influence) tells the first: it is what a bootstrap over items comes to, without
the grain of one. Differences seed by seed tell the second. Few seeds know their spread badly, so intervals are
Student's; a bootstrap over five seeds takes what they spread for too small and for known, and cries wolf three times as
often as announced. tests/test_compare.py counts the false alarms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srlbench.stats import Difference, Groups, Summary, average, holm, summarise

MARGIN = 0.1  # points; less is of no use to anybody
ALPHA, POWER = 0.05, 0.8

Floats = NDArray[np.float64]
Pair = tuple[str, str]


@dataclass(frozen=True)
class Scored:
    """One system on one task: its score under each seed, in points, and the influence of every item on each."""

    scores: Mapping[int, float]
    influence: Floats  # (seeds, items); without predictions (seeds, 0)
    fixed: bool = False  # one encoder, which has no other seeds


@dataclass(frozen=True)
class Comparison:
    """How much better one system is than another, in points of a task or an average, and how sure that is."""

    name: str
    system: str
    against: str
    a: Summary
    b: Summary
    difference: Difference
    p: float  # two-sided, adjusted for those it was made with (Holm)
    margin: float = MARGIN
    one_seed: bool = False  # a side has one seed, and a recipe is asked about: items alone cannot answer
    seeds_only: bool = False  # a side has no predictions: the interval covers the chance of seeds alone

    @property
    def word(self) -> str:
        if self.one_seed:
            return "one seed"
        if self.p >= ALPHA:
            return "within noise"
        if abs(self.difference.value) <= self.margin:
            return "within margin"
        return "better" if self.difference.value > 0 else "worse"

    @property
    def text(self) -> str:
        """The word, and what it rests on if that is less than usual."""
        return f"{self.word} (seeds alone)" if self.seeds_only else self.word

    @property
    def interval(self) -> tuple[float, float]:
        return self.difference.interval(1 - ALPHA)

    @property
    def turned(self) -> Comparison:
        """The same comparison with the two systems swapped."""
        back = replace(self.difference, value=-self.difference.value)
        return replace(self, system=self.against, against=self.system, a=self.b, b=self.a, difference=back)

    @property
    def detectable(self) -> float:
        """The smallest true difference that a single such comparison would detect with the power of `POWER`."""
        return self.difference.detectable(ALPHA, POWER)


def compare(
    pairs: Sequence[Pair],
    systems: Mapping[str, Mapping[str, Scored]],
    groups: Groups,
    margin: float = MARGIN,
    *,
    of_runs: bool = False,
    tasks: bool = True,
) -> list[Comparison]:
    """Compare every pair on the average of each group and, with `tasks`, on its tasks, where both have scores.

    p is adjusted for the pairs that are compared on one average, and for the tasks that one pair is compared on.
    of_runs: compare these very encoders, not what a recipe would give under another seed.
    """
    found = []
    for group, names in groups.items():
        able = [(a, b) for a, b in pairs if all({*names} <= systems.get(name, {}).keys() for name in (a, b))]
        families = [[(average(group), pair, names) for pair in able]]
        families += [[(task, pair, [task]) for task in names] for pair in able if tasks]
        for family in families:
            made = [_compared(name, pair, systems, among, margin, of_runs) for name, pair, among in family]
            adjusted = holm([each.p for each in made])
            found += [replace(each, p=p) for each, p in zip(made, adjusted, strict=True)]
    return found


def _compared(
    name: str,
    pair: Pair,
    systems: Mapping[str, Mapping[str, Scored]],
    tasks: Sequence[str],
    margin: float,
    of_runs: bool,
) -> Comparison:
    a, b = ([systems[system][task] for task in tasks] for system in pair)
    seeds_only = not all(each.influence.size for each in (*a, *b))
    if seeds_only:
        a, b = ([without_items(each) for each in side] for side in (a, b))
    of_a, of_b = _by_seed(a), _by_seed(b)
    difference = _difference(a, b, of_a, of_b)
    sides = summarise([*of_a.values()]), summarise([*of_b.values()])
    alone = not of_runs and any(len(seen) < 2 and not side[0].fixed for seen, side in ((of_a, a), (of_b, b)))
    return Comparison(name, *pair, *sides, difference, difference.p, margin, alone, seeds_only)


def _difference(
    a: Sequence[Scored], b: Sequence[Scored], of_a: Mapping[int, float], of_b: Mapping[int, float]
) -> Difference:
    """a - b, with a standard error that covers items and seeds.

    Every unsure variance takes degrees of freedom by its share of the whole, not by the square of it as Satterthwaite
    has it: with two or three seeds his are too many.
    """
    mine, theirs = ([each.influence for each in side] for side in (a, b))
    moved = [x.mean(0) - y.mean(0) for x, y in zip(mine, theirs, strict=True)]
    variance = sum(float(each.var(ddof=1)) / len(each) for each in moved if len(each)) / len(moved) ** 2
    if of_a.keys() == of_b.keys():  # one seed is one order of the text, for both
        gaps = [of_a[seed] - of_b[seed] for seed in of_a]
        seeds = [_of_seeds(gaps, [x - y for x, y in zip(mine, theirs, strict=True)])]
    else:
        seeds = [_of_seeds([*of_a.values()], mine), _of_seeds([*of_b.values()], theirs)]
    variance += sum(max(0.0, whole - known) for whole, known, _ in seeds)
    unsure = sum(whole / df for whole, _, df in seeds)
    value = fmean(of_a.values()) - fmean(of_b.values())
    return Difference(value, variance**0.5, variance / unsure if unsure else math.inf)


def _of_seeds(scores: Sequence[float], influence: Sequence[Floats]) -> tuple[float, float, int]:
    """The variance of a mean over seeds, the part of it that is due to items, and its degrees of freedom.

    influence: (seeds, items) of each task.
    """
    count = len(scores)
    if count < 2:
        return 0.0, 0.0, 1
    left = sum(float(((each - each.mean(0)) ** 2).sum()) / each.shape[1] ** 2 for each in influence if each.size)
    known = left / (count - 1) / count / len(influence) ** 2
    return (summarise(scores).sd or 0.0) ** 2 / count, known, count - 1


def _by_seed(scored: Sequence[Scored]) -> dict[int, float]:
    """The mean over tasks under each seed."""
    return {seed: fmean(each.scores[seed] for each in scored) for seed in scored[0].scores}


# --- what items do to a score ---------------------------------------------------------------------


def score_items(found: Mapping[int, NDArray[Any]], truth: NDArray[Any], *, correlated: bool) -> Scored:
    """Score predictions of one task (seed -> items), by Spearman's correlation if `correlated`, else by accuracy."""
    score = correlation if correlated else accuracy
    made = {seed: score(found[seed], truth) for seed in sorted(found)}
    influence = np.stack([each for _, each in made.values()])
    return Scored({seed: 100 * value for seed, (value, _) in made.items()}, 100 * influence)


def without_items(scored: Scored) -> Scored:
    """The same scores, as if nothing were known of the items."""
    return replace(scored, influence=np.empty((len(scored.scores), 0)))


def accuracy(found: NDArray[Any], truth: NDArray[Any]) -> tuple[float, Floats]:
    right = (found == truth).astype(float)
    return float(right.mean()), right - right.mean()


def correlation(found: NDArray[Any], truth: NDArray[Any]) -> tuple[float, Floats]:
    """Spearman's correlation, and its influence function (Croux and Dehon 2010): an item also moves other ranks."""
    (u, of_u), (v, of_v) = _standardised_ranks(found), _standardised_ranks(truth)
    rho = float(np.mean(u * v))
    itself = u * v - rho * (u * u + v * v) / 2
    return rho, itself + _mean_of_larger(found, (v - rho * u) * of_u) + _mean_of_larger(truth, (u - rho * v) * of_v)


def _standardised_ranks(values: NDArray[Any]) -> tuple[Floats, float]:
    """Standardised ranks, and by how much one more smaller item raises a rank."""
    from scipy.stats import rankdata

    ranks = rankdata(values) / len(values)
    spread = float(ranks.std()) or 1.0
    return (ranks - ranks.mean()) / spread, 1 / spread


def _mean_of_larger(values: NDArray[Any], weights: Floats) -> Floats:
    """For each item, the mean weight of the larger items (over all items); equal items count half."""
    order = np.argsort(values, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(weights[order])])
    ordered = values[order]
    upto = sums[np.searchsorted(ordered, values, side="right")]
    below = sums[np.searchsorted(ordered, values, side="left")]
    return np.asarray((sums[-1] - (upto + below) / 2) / len(values))
