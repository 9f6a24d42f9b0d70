"""The arithmetic of seeds: means with their spread, differences with their doubt, ranks with their ties."""

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
    """A difference of two means, its standard error and the degrees of freedom behind that (infinite: it is known)."""

    value: float
    se: float
    df: float

    @property
    def p(self) -> float:
        """Two-sided p-value; values without any spread differ for certain or not at all."""
        if self.se == 0:
            return 0.0 if self.value else 1.0
        t = -abs(self.value) / self.se
        return float(2 * (_special().ndtr(t) if math.isinf(self.df) else _special().stdtr(self.df, t)))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        half = self._quantile((1 + level) / 2) * self.se
        return self.value - half, self.value + half

    def visible(self, alpha: float = 0.05, power: float = 0.8) -> float:
        """The least true difference that a test at `alpha` would see with this power, at this error."""
        return (self._quantile(1 - alpha / 2) + self._quantile(power)) * self.se

    def _quantile(self, level: float) -> float:
        if self.se == 0:
            return 0.0
        return float(_special().ndtri(level) if math.isinf(self.df) else _special().stdtrit(self.df, level))


@dataclass(frozen=True)
class Prior:
    """What many cells say of one cell's variance: it counts like `df` more observations of `variance`."""

    variance: float
    df: float


NO_PRIOR = Prior(0.0, 0.0)


def summarise(values: Sequence[float]) -> Summary:
    """Mean, sd and n of one value a seed; equal values have exactly their own mean and no spread."""
    n = len(values)
    if min(values) == max(values):
        return Summary(float(values[0]), 0.0 if n > 1 else None, n)
    mean = fmean(values)
    return Summary(mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1)), n)


def mean_interval(summary: Summary, level: float = 0.95) -> tuple[float, float] | None:
    """Student's interval of a mean; None for one seed."""
    if summary.sd is None:
        return None
    return Difference(summary.mean, summary.sd / math.sqrt(summary.n), summary.n - 1).interval(level)


def next_interval(summary: Summary, level: float = 0.95, least: float = 0.0) -> tuple[float, float] | None:
    """Student's interval of one more value of the kind, `least` to either side at least; None for one seed."""
    if summary.sd is None:
        return None
    more = Difference(summary.mean, summary.sd * math.sqrt(1 + 1 / summary.n), summary.n - 1)
    low, high = more.interval(level)
    return min(low, summary.mean - least), max(high, summary.mean + least)


def welch(a: Summary, b: Summary) -> Difference | None:
    """a - b with each side's own variance; None unless both have two seeds."""
    if a.sd is None or b.sd is None:
        return None
    u, v = a.sd**2 / a.n, b.sd**2 / b.n
    if u + v == 0:
        return Difference(a.mean - b.mean, 0.0, 1.0)
    df = (u + v) ** 2 / (u**2 / (a.n - 1) + v**2 / (b.n - 1))
    return Difference(a.mean - b.mean, math.sqrt(u + v), df)


def pooled(a: Summary, b: Summary, prior: Prior = NO_PRIOR, sd_floor: float = 0.0) -> Difference | None:
    """a - b where only the seeds should differ, so one variance serves both; None if nothing tells it.

    With a prior the variance is the moderated one of Smyth (2004): three seeds estimate a spread badly,
    and what other cells spread is worth a few more.
    """
    sd, df = spread(a, b)
    if df + prior.df <= 0:
        return None
    variance = max((df * sd**2 + prior.df * prior.variance) / (df + prior.df), sd_floor**2)
    return Difference(a.mean - b.mean, math.sqrt(variance * (1 / a.n + 1 / b.n)), df + prior.df)


def spread(*summaries: Summary) -> tuple[float, int]:
    """The standard deviation that several summaries share, and its degrees of freedom."""
    df = sum(summary.n - 1 for summary in summaries)
    squares = math.fsum((s.n - 1) * s.sd**2 for s in summaries if s.sd is not None)
    return (math.sqrt(squares / df), df) if df else (0.0, 0)


def fit_prior(spreads: Iterable[tuple[float, int]], sd_floor: float) -> Prior:
    """The scaled inverse chi-squared that (sd, degrees of freedom) pairs seem drawn from.

    Moments of the log variances (Smyth 2004, section 6.2). It never counts for more observations than
    it was fitted on, and for none below six cells.
    """
    import numpy as np

    cells = [(max(sd, sd_floor) ** 2, df) for sd, df in spreads if df > 0]
    if len(cells) < 6:
        return NO_PRIOR
    special = _special()
    variances, df = (np.array(column, dtype=float) for column in zip(*cells, strict=True))
    logs = np.log(variances) - special.digamma(df / 2) + np.log(df / 2)
    excess = float(np.var(logs, ddof=1) - np.mean(special.polygamma(1, df / 2)))
    most = float(df.sum())
    strength = min(2 * _trigamma_inverse(excess), most) if excess > 0 else most
    scale = float(np.mean(logs)) + float(special.digamma(strength / 2)) - math.log(strength / 2)
    return Prior(math.exp(scale), strength)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given."""
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for k, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - k) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def tie_groups(rows: Sequence[Summary | None], *, alpha: float = 0.05, margin: float = 0.1) -> list[int | None]:
    """Each row's rank: 1 + the number of rows significantly better, by a moderated Welch's t and by more than `margin`.

    Two seeds say little of a row's spread, and the other rows say something of it (Smyth 2004); without that a row of
    two seeds is level with nearly everything above it. The margin keeps deterministic rows, which have no spread to
    hide in, from ranking on nothing. Rows of fewer than two seeds have no rank.
    """
    import numpy as np

    ranked = [index for index, row in enumerate(rows) if row is not None and row.sd is not None]
    ranks: list[int | None] = [None] * len(rows)
    if not ranked:
        return ranks
    triples = [(row.mean, row.sd, row.n) for index in ranked if (row := rows[index]) is not None]
    mean, sd, n = np.array(triples, dtype=float).T
    prior = fit_prior([(float(s), int(k) - 1) for s, k in zip(sd, n, strict=True) if s > 0], margin)
    own = n - 1 + prior.df
    error = np.where(sd > 0, ((n - 1) * sd**2 + prior.df * prior.variance) / own, 0.0) / n
    # One row against all others at a time: the memory of a column, the speed of a matrix.
    for k, index in enumerate(ranked):
        lead = mean - mean[k]
        better = lead > margin
        total = error + error[k]
        with np.errstate(divide="ignore", invalid="ignore"):
            df = total**2 / (error**2 / own + error[k] ** 2 / own[k])
            t = lead / np.sqrt(total)
        noisy = better & (total > 0)
        if noisy.any():
            better[noisy] = 2 * _special().stdtr(df[noisy], -t[noisy]) < alpha
        ranks[index] = 1 + int(better.sum())
    return ranks


def with_averages(scores: Mapping[str, float], groups: Groups) -> dict[str, float]:
    """The scores of the groups' tasks and each group's average; over a missing task there is none."""
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
    """The name of a value for people: `STS avg` for `sts_avg`; a task is its own label."""
    group, found, _ = name.partition("_avg")
    return f"{'STS' if group == 'sts' else group} avg" if found else name


def _trigamma_inverse(y: float) -> float:
    """x with trigamma(x) = y, by Newton's method (Smyth 2004, appendix)."""
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
    return import_module("scipy.special")  # only when a p-value is asked for: it takes a third of a second
