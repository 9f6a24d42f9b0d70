"""The data of the pages: the results of a track with their analyses, and the definitions of recipes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from srlbench import variants
from srlbench.analysis.claims import Claim, Finding
from srlbench.analysis.compare.paired import Comparison
from srlbench.analysis.leaderboard.board import Leaderboard, Row
from srlbench.analysis.results import Results
from srlbench.recipe import Registered
from srlbench.records import Record
from srlbench.stats import with_averages
from srlbench.tracks import Track

METHODS = {
    "integrated-gradients": "integrated gradients",
    "leave-one-out": "leave one out",
    "shapley": "Shapley values",
}
KINDS = {"none": "untrained", "twins": "unsupervised", "triplets": "supervised"}


@dataclass(frozen=True)
class Definition:
    """A recipe as it is registered, its settings, and the docstring of its loss."""

    entry: Registered
    settings: Mapping[str, Any]
    loss: str | None

    @property
    def kind(self) -> str:
        return KINDS.get(str(self.settings.get("data")), "")


@dataclass(frozen=True)
class TrackResults:
    """The results of one track and their analyses: rows, verdicts on claims, comparisons."""

    results: Results
    board: Leaderboard
    judged: Mapping[str, Sequence[tuple[Claim, Finding]]]
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    compared: Sequence[Comparison] = ()  # with the control and with originals: those of `srlbench compare`
    pairs: Sequence[Comparison] = ()  # of any two of one backbone: those of `srlbench compare A B`
    uncompared: str = ""  # why there are no comparisons

    @property
    def rules(self) -> Track:
        return self.results.track

    @property
    def folder(self) -> str:
        """Where its pages are."""
        return f"tracks/{slug(self.rules.name)}"

    @property
    def title(self) -> str:
        return f"{self.rules.name} v{self.rules.version}"

    @cached_property
    def runs(self) -> tuple[Record, ...]:
        """Every run of a recipe, and the current ones of variants."""
        changed = [record for record in self.results.fresh if variants.is_variant(record.recipe)]
        return (*self.results.without_variants.records, *changed)

    @cached_property
    def _compared(self) -> dict[tuple[str, str, str], Comparison]:
        return {(each.system, each.against, each.name): each for each in self.compared}

    def comparison(self, row: Row, other: Row, name: str) -> Comparison | None:
        """`row` with the control or with its original, on a task or an average."""
        return self._compared.get((row.name, other.name, name))

    @cached_property
    def _by_row(self) -> dict[tuple[str, str, str], dict[int, Record]]:
        found: dict[tuple[str, str, str], dict[int, Record]] = {}
        for run in self.runs:
            if run.status == "ok" and run.protocol == self.board.scope.protocol:
                found.setdefault((run.recipe, run.backbone, run.fingerprint), {})[run.seed] = run
        return found

    def of(self, row: Row) -> dict[int, Record]:
        """The good runs of a row, by seed."""
        return self._by_row.get((row.recipe, row.backbone, row.fingerprint), {})

    def scores(self, row: Row) -> dict[int, dict[str, float]]:
        """Their averages and scores, by seed."""
        return {seed: with_averages(run.scores, self.board.scope.groups) for seed, run in sorted(self.of(row).items())}

    def measured(self, row: Row, path: str) -> list[float]:
        """A diagnostic of the row's runs, of those that have it."""
        return [value for run in self.of(row).values() if (value := run.measured(path)) is not None]

    def kind(self, recipe: str) -> str:
        known = self.definitions.get(recipe)
        return known.kind if known else ""

    def row(self, recipe: str | None, backbone: str) -> Row | None:
        """The row of a recipe as it is now, if it was run."""
        found = (row for row in self.board.rows if (row.recipe, row.backbone) == (recipe, backbone))
        return next((row for row in found if row.state not in ("stale", "unregistered") and row.seeds), None)


def slug(name: str) -> str:
    """A file name for any name: the name itself if it is plain, else its plain part and a hash."""
    plain = re.sub(r"[^a-z0-9._+=-]+", "-", name.lower()).strip("=+.-")
    return plain if plain == name else f"{plain[:40]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def listed(seeds: Sequence[int]) -> str:
    """Seeds as the command line takes them: `0-4`, or `0,2,7`."""
    whole = len(seeds) > 1 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]}-{seeds[-1]}" if whole else ",".join(map(str, seeds))


def recipe_page(name: str) -> str:
    return f"recipes/{slug(name)}.html"


def backbone_page(name: str) -> str:
    return f"backbones/{slug(name)}.html"


def backbones_of(every: Sequence[TrackResults]) -> list[str]:
    """The backbones that have a row."""
    return sorted({row.backbone for results in every for row in results.board.rows})


def paper_page(name: str) -> str:
    return f"papers/{slug(name.lower().replace(' ', '-'))}.html"
