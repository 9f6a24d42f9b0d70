"""A search that chooses its points by the scores so far: Optuna's tree-structured Parzen estimator (TPE).

Every point is a variant with a record, as in the search over the declared grid. The sampler has a seed, and each recipe
on each backbone a study of its own, whose trials come one after the other: so the same command asks for the same points
in the same order, however many jobs there are. A search that was killed goes on by itself: it asks again, and finds the
scores of its first trials in their records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from srlbench import backbones, records, variants
from srlbench.errors import UsageError, unknown
from srlbench.recipe import Registered
from srlbench.records import Key
from srlbench.runs.fingerprint import fingerprint
from srlbench.runs.plan import Options, Plan, plan
from srlbench.runs.search import FOLDER, axes
from srlbench.runs.suite import Suite
from srlbench.tracks import Track
from srlbench.tracks.resolve import applies

GRID, TPE = SAMPLERS = ("grid", "tpe")
LOG = ("lr",)  # the settings that are sampled on a logarithmic scale
DIGITS = 2  # significant ones of a sampled number: a point is part of a recipe's name
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Sampling:
    """The budget of a search for each recipe and backbone, and the seed of its sampler."""

    trials: int = 20
    seed: int = 0

    @property
    def sampler(self) -> str:
        return f"TPE of optuna {version('optuna')}"


def check(sampler: str) -> None:
    """Raise an error, before any run, if there is no such sampler or its package is not installed."""
    if sampler not in SAMPLERS:
        raise unknown("sampler", sampler, SAMPLERS)
    if sampler == TPE and find_spec("optuna") is None:
        raise UsageError("The sampler 'tpe' needs Optuna: pip install 'srlbench[optuna]'")


@dataclass(frozen=True)
class Axis:
    """The range of a setting: from the least to the greatest value of a grid, or its values if they are no numbers."""

    values: tuple[Any, ...]
    log: bool = False

    @property
    def numeric(self) -> bool:
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.values)

    @property
    def whole(self) -> bool:
        return self.numeric and all(isinstance(value, int) for value in self.values)

    @property
    def ends(self) -> tuple[Any, Any]:
        return min(self.values), max(self.values)

    def distribution(self) -> Any:
        distributions: Any = import_module("optuna.distributions")
        if not self.numeric:
            return distributions.CategoricalDistribution(self.values)
        kind = distributions.IntDistribution if self.whole else distributions.FloatDistribution
        return kind(*self.ends, log=self.log)

    def rounded(self, value: Any) -> Any:
        """The value with few digits, inside the range."""
        if not self.numeric:
            return value
        low, high = self.ends
        short = float(f"{value:.{DIGITS}g}")
        return min(max(int(short) if self.whole else short, low), high)

    def __str__(self) -> str:
        if not self.numeric:
            return " or ".join(map(str, self.values))
        low, high = self.ends
        return f"{low:g} to {high:g}{' (logarithmic)' if self.log else ''}"


def space(track: Track, backbone: str) -> dict[str, Axis]:
    """The ranges that the grid of a track spans on a backbone."""
    return {key: Axis(tuple(values), key in LOG) for key, values in axes(track, backbone).items()}


class Study:
    """The trials of one recipe on one backbone, in their order."""

    def __init__(self, entry: Registered, track: Track, backbone: str, seed: int) -> None:
        optuna: Any = import_module("optuna")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.entry, self.backbone, self.space = entry, backbone, space(track, backbone)
        self.trials: list[tuple[Settings, float | None]] = []
        self._distributions = {key: axis.distribution() for key, axis in self.space.items()}
        self._study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
        self._failed = optuna.trial.TrialState.FAIL

    def ask(self) -> Registered:
        """The recipe at the next point."""
        self._trial = self._study.ask(self._distributions)
        self._point = {key: axis.rounded(self._trial.params[key]) for key, axis in self.space.items()}
        return variants.variant(self.entry, self._point)

    def tell(self, score: float | None) -> None:
        """The development score of the point that was asked for; None if its run failed."""
        self.trials.append((self._point, score))
        if score is None:
            self._study.tell(self._trial, state=self._failed)
        else:
            self._study.tell(self._trial, score)


def studies(recipes: Sequence[Registered], track: Track, chosen: Sequence[str], sampling: Sampling) -> list[Study]:
    """A study for each recipe on each backbone that it is for; all samplers have the same seed."""
    found = []
    for backbone in chosen or track.searched:
        Suite(track, tuple(recipes), (backbone,)).check()
        start = backbones.resolve(backbone)
        found += [Study(entry, track, backbone, sampling.seed) for entry in recipes if applies(entry, start)]
    return found


def rounds(asked: Sequence[Study], track: Track, options: Options, sampling: Sampling) -> Iterator[tuple[int, Plan]]:
    """The number and the plan of each round that lacks runs: one trial of every study.

    The caller makes the runs of a plan before it asks for the next round, which depends on their scores.
    """
    options = replace(options, results=options.results / FOLDER, keep_encoders=False)
    for number in range(1, sampling.trials + 1):
        entries = [(study, study.ask()) for study in asked]
        keys = [_key(entry, track, study.backbone) for study, entry in entries]
        if any(_score(options.results, key, track) is None for key in keys):
            yield number, _plan(entries, track, options)
        for (study, _), key in zip(entries, keys, strict=True):
            study.tell(_score(options.results, key, track))


def _plan(entries: Sequence[tuple[Study, Registered]], track: Track, options: Options) -> Plan:
    plans = []
    for backbone in dict.fromkeys(study.backbone for study, _ in entries):
        points = tuple(entry for study, entry in entries if study.backbone == backbone)
        plans.append(plan(Suite(track, points, (backbone,), (_seed(track),), False), options))
    return replace(plans[0], runs=tuple(run for each in plans for run in each.runs))


def _key(entry: Registered, track: Track, backbone: str) -> Key:
    start = backbones.resolve(backbone)
    return Key(track.name, track.version, entry.name, start.name, fingerprint(entry, track, start), _seed(track))


def _seed(track: Track) -> int:
    return int(track.search["seed"])


def _score(results: Path, key: Key, track: Track) -> float | None:
    path = records.record_path(results, key)
    return records.read(path).scores.get(track.development) if path.is_file() else None
