"""Statistics over seeds: means with standard deviations, differences with standard errors, ranks with ties."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from statistics import fmean
from typing import Any

Groups = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Summary:
    """A mean over seeds, its standard deviation (n - 1; None for one seed) and the number of seeds."""

    mean: float
    sd: float | None
    n: int

    def __str__(self) -> str:
        spread = "" if self.sd is None else f" ± {self.sd:.2f}"
        return f"{self.mean:.2f}{spread} ({self.n})"


@dataclass(frozen=True)
class Difference:
    """A difference of two means, its standard error, and the error's degrees of freedom (infinite if it is known)."""

    value: float
    se: float
    df: float

    @property
    def p(self) -> float:
        """The two-sided p-value; with a standard error of 0 it is 0 or 1."""
        if self.se == 0:
            return 0.0 if self.value else 1.0
        t = -abs(self.value) / self.se
        return float(2 * (_special().ndtr(t) if math.isinf(self.df) else _special().stdtr(self.df, t)))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        half = self._quantile((1 + level) / 2) * self.se
        return self.value - half, self.value + half

    def detectable(self, alpha: float = 0.05, power: float = 0.8) -> float:
        """The smallest true difference that a test at level `alpha` detects with this power and standard error."""
        return (self._quantile(1 - alpha / 2) + self._quantile(power)) * self.se

    def _quantile(self, level: float) -> float:
        if self.se == 0:
            return 0.0
        return float(_special().ndtri(level) if math.isinf(self.df) else _special().stdtrit(self.df, level))


@dataclass(frozen=True)
class Prior:
    """A prior on the variance of one cell, from many cells: it counts like `df` more observations of `variance`."""

    variance: float
    df: float


NO_PRIOR = Prior(0.0, 0.0)


def summarise(values: Sequence[float]) -> Summary:
    """The mean, sd and n of one value per seed; equal values give exactly that value and an sd of 0."""
    n = len(values)
    if min(values) == max(values):
        return Summary(float(values[0]), 0.0 if n > 1 else None, n)
    mean = fmean(values)
    return Summary(mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1)), n)


def mean_interval(summary: Summary, level: float = 0.95) -> tuple[float, float] | None:
    """Student's confidence interval of a mean; None for one seed."""
    if summary.sd is None:
        return None
    return Difference(summary.mean, summary.sd / math.sqrt(summary.n), summary.n - 1).interval(level)


def next_interval(summary: Summary, level: float = 0.95, least: float = 0.0) -> tuple[float, float] | None:
    """Student's prediction interval of one more value, at least `least` to each side; None for one seed."""
    if summary.sd is None:
        return None
    prediction = Difference(summary.mean, summary.sd * math.sqrt(1 + 1 / summary.n), summary.n - 1)
    low, high = prediction.interval(level)
    return min(low, summary.mean - least), max(high, summary.mean + least)


def welch(a: Summary, b: Summary) -> Difference | None:
    """Welch's difference a - b, with a variance for each side; None unless both have two seeds or more."""
    if a.sd is None or b.sd is None:
        return None
    u, v = a.sd**2 / a.n, b.sd**2 / b.n
    if u + v == 0:
        return Difference(a.mean - b.mean, 0.0, 1.0)
    df = (u + v) ** 2 / (u**2 / (a.n - 1) + v**2 / (b.n - 1))
    return Difference(a.mean - b.mean, math.sqrt(u + v), df)


def pooled(a: Summary, b: Summary, prior: Prior = NO_PRIOR, sd_floor: float = 0.0) -> Difference | None:
    """The difference a - b with one variance for both sides; None if there is no degree of freedom to estimate it.

    It is for two sides that should differ by the seeds alone. With a prior, the variance is the moderated one of
    Smyth (2004): three seeds estimate a spread badly, and the spread of other cells is worth a few more seeds.
    """
    sd, df = spread(a, b)
    if df + prior.df <= 0:
        return None
    variance = max((df * sd**2 + prior.df * prior.variance) / (df + prior.df), sd_floor**2)
    return Difference(a.mean - b.mean, math.sqrt(variance * (1 / a.n + 1 / b.n)), df + prior.df)


def spread(*summaries: Summary) -> tuple[float, int]:
    """The pooled standard deviation of several summaries, and its degrees of freedom."""
    df = sum(summary.n - 1 for summary in summaries)
    squares = math.fsum((s.n - 1) * s.sd**2 for s in summaries if s.sd is not None)
    return (math.sqrt(squares / df), df) if df else (0.0, 0)


def fit_prior(spreads: Iterable[tuple[float, int]], sd_floor: float) -> Prior:
    """The scaled inverse chi-squared distribution that fits (sd, degrees of freedom) pairs, as a prior.

    It is fitted by the moments of the log variances (Smyth 2004, section 6.2). It never counts for more observations
    than it was fitted on. With fewer than six cells there is no prior.
    """
    import numpy as np

    cells = [(max(sd, sd_floor) ** 2, df) for sd, df in spreads if df > 0]
    if len(cells) < 6:
        return NO_PRIOR
    special = _special()
    variances, df = (np.array(column, dtype=float) for column in zip(*cells, strict=True))
    logs = np.log(variances) - special.digamma(df / 2) + np.log(df / 2)
    excess = float(np.var(logs, ddof=1) - np.mean(special.polygamma(1, df / 2)))
    limit = float(df.sum())
    strength = min(2 * _trigamma_inverse(excess), limit) if excess > 0 else limit
    scale = float(np.mean(logs)) + float(special.digamma(strength / 2)) - math.log(strength / 2)
    return Prior(math.exp(scale), strength)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order of the input."""
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for k, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - k) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def tie_groups(rows: Sequence[Summary | None], *, alpha: float = 0.05, margin: float = 0.1) -> list[int | None]:
    """The rank of each row: 1 + the number of rows that are significantly better.

    A row is better if its mean is higher by more than `margin` and a moderated Welch's t-test is significant. Two seeds
    say little about the spread of a row, and the other rows say more about it (Smyth 2004); without them a row of two
    seeds would tie with nearly every row above it. Deterministic rows have no spread, and the margin keeps them from
    ranking on tiny differences. Rows with fewer than two seeds have no rank.
    """
    import numpy as np

    ranked = [index for index, row in enumerate(rows) if row is not None and row.sd is not None]
    ranks: list[int | None] = [None] * len(rows)
    if not ranked:
        return ranks
    triples = [(row.mean, row.sd, row.n) for index in ranked if (row := rows[index]) is not None]
    mean, sd, n = np.array(triples, dtype=float).T
    prior = fit_prior([(float(s), int(k) - 1) for s, k in zip(sd, n, strict=True) if s > 0], margin)
    row_df = n - 1 + prior.df
    error = np.where(sd > 0, ((n - 1) * sd**2 + prior.df * prior.variance) / row_df, 0.0) / n
    # Each row is compared with all others at once: this needs the memory of a column and has the speed of a matrix.
    for k, index in enumerate(ranked):
        lead = mean - mean[k]
        better = lead > margin
        total = error + error[k]
        with np.errstate(divide="ignore", invalid="ignore"):
            df = total**2 / (error**2 / row_df + error[k] ** 2 / row_df[k])
            t = lead / np.sqrt(total)
        noisy = better & (total > 0)
        if noisy.any():
            better[noisy] = 2 * _special().stdtr(df[noisy], -t[noisy]) < alpha
        ranks[index] = 1 + int(better.sum())
    return ranks


def with_averages(scores: Mapping[str, float], groups: Groups) -> dict[str, float]:
    """The scores of the groups' tasks, and the average of each group whose tasks all have a score."""
    known = {task: scores[task] for tasks in groups.values() for task in tasks if task in scores}
    averages = {
        average(group): fmean(scores[task] for task in tasks)
        for group, tasks in groups.items()
        if all(task in scores for task in tasks)
    }
    return averages | known


def average(group: str) -> str:
    """The name of a group's average in files: `sts_avg`."""
    return f"{group}_avg"


def label(name: str) -> str:
    """The displayed name of a value: `STS avg` for `sts_avg`, and for a task its own name."""
    group, suffix, _ = name.partition("_avg")
    return f"{'STS' if group == 'sts' else group} avg" if suffix else name


def _trigamma_inverse(y: float) -> float:
    """The x with trigamma(x) = y, by Newton's method (Smyth 2004, appendix)."""
    polygamma = _special().polygamma
    x = 0.5 + 1 / y
    for _ in range(50):
        value = float(polygamma(1, x))
        step = value * (1 - value / y) / float(polygamma(2, x))
        x += step
        if -step / x < 1e-9:
            break
    return x


def _special() -> Any:
    return import_module("scipy.special")  # imported only when it is needed: the import takes a third of a second
