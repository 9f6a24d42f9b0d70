"""What a claim is judged by: the scores and the diagnostics of recipes at their current fingerprints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from srlbench import variants
from srlbench.records import Record
from srlbench.stats import Groups, Summary, mean_interval, summarise, with_averages

BySeed = Mapping[int, float]


class Missing(Exception):
    """There are no records to judge a claim by."""


class Evidence:
    """The records of successful runs of one track and protocol, by recipe and seed."""

    def __init__(
        self,
        records: Iterable[Record],
        groups: Groups,
        command: str = "srlbench run",
        regime: Mapping[str, Any] | None = None,
    ) -> None:
        self.groups, self.command = groups, command
        self.regime = dict(regime or {})  # settings of every trained recipe; what a claim itself changes comes first
        self._records: dict[str, dict[int, Record]] = defaultdict(dict)
        for record in records:
            if record.status == "ok":
                self._records[record.recipe][record.seed] = record

    def scores(self, recipe: str, name: str) -> BySeed:
        """The score of a task or an average, by seed."""
        by_seed = {seed: with_averages(r.scores, self.groups) for seed, r in self._of(recipe).items()}
        return {seed: values[name] for seed, values in by_seed.items() if name in values}

    def observed(self, recipe: str, name: str, step: int = -1) -> BySeed:
        """A measure of the training at its n-th observed step (0 is the start, -1 the end), by seed."""
        return self.measured(recipe, f"dynamics.{step}.{name}")

    def measured(self, recipe: str, path: str) -> BySeed:
        """The number at a path of the diagnostics ("pairs.alignment"), at every seed that has one."""
        numbers = {seed: record.measured(path) for seed, record in self._of(recipe).items()}
        if not (known := {seed: value for seed, value in numbers.items() if value is not None}):
            raise Missing(f"{recipe} was not looked at for {path}")
        return known

    def setting(self, recipe: str, name: str) -> str:
        """A setting of the recipe as the track resolved it."""
        return str(next(iter(self._of(recipe).values())).resolved.get(name))

    def first_of(self, *recipes: str) -> str:
        """The first of these recipes that was run; the first of all if none was."""
        return next((name for name in recipes if self._name(name) in self._records), recipes[0])

    def trained(self) -> list[str]:
        """The registered recipes that were trained; variants are not among them."""
        trained = {name for name, seeds in self._records.items() if all(record.training for record in seeds.values())}
        bases = {variants.base(name) for name in trained}
        return sorted(name for name in bases if self._name(name) in trained)

    def _of(self, recipe: str) -> Mapping[int, Record]:
        name = self._name(recipe)
        if name not in self._records:
            raise Missing(f"{name} was not run (`{self.command} {name}`)")
        return self._records[name]

    def _name(self, recipe: str) -> str:
        """The recipe or variant in this regime; a recipe that does not train is the same in all."""
        runs = self._records.get(recipe, {}).values()
        if not self.regime or (runs and not any(record.training for record in runs)):
            return recipe
        return variants.changed(recipe, self.regime)


def minus(a: BySeed, b: BySeed) -> dict[int, float]:
    """a - b at the seeds both have: one seed is one order of the data and one dropout."""
    return over([a, b], lambda pair: pair[0] - pair[1])


def over(parts: Sequence[BySeed], how: Callable[[Sequence[float]], float] = fmean) -> dict[int, float]:
    """Combine several series into one number for each seed, at the seeds that all of them have."""
    common = sorted(set.intersection(*(set(part) for part in parts)))
    if not common:
        raise Missing("no seed in common")
    return {seed: how([part[seed] for part in parts]) for seed in common}


def interval(values: BySeed, level: float = 0.95) -> tuple[Summary, tuple[float, float] | None]:
    """Mean, spread and n over the seeds, and Student's interval of the mean."""
    summary = summarise(list(values.values()))
    return summary, mean_interval(summary, level)
