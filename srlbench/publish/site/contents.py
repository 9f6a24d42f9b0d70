"""What the pages are made of: results, definitions and pictures, all of it plain data."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from markupsafe import Markup

from srlbench import backbones, variants
from srlbench.analysis.claims import Claim, Finding
from srlbench.analysis.compare.paired import Comparison
from srlbench.analysis.leaderboard.board import Leaderboard, Row
from srlbench.analysis.results import Results
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
class Picture:
    name: str
    title: str
    svg: Markup
    caption: str


@dataclass(frozen=True)
class Definition:
    """A recipe as it is registered."""

    name: str
    summary: str
    family: str
    cite: str | None
    version_of: str | None
    reported: Mapping[str, Mapping[str, float]]
    settings: Mapping[str, Any]
    loss: str | None  # what the loss's own text says it is

    @property
    def kind(self) -> str:
        return KINDS.get(str(self.settings.get("data")), "")


@dataclass(frozen=True)
class TrackResults:
    """The results of one track, and what the analyses say of them: rows, verdicts on claims, comparisons."""

    results: Results
    board: Leaderboard
    judged: Mapping[str, Sequence[tuple[Claim, Finding]]]
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    compared: Sequence[Comparison] = ()  # with the control and with originals, as `srlbench compare` says it
    pairs: Sequence[Comparison] = ()  # any two of one backbone, as `srlbench compare A B` says it
    uncompared: str = ""  # why there are no comparisons

    @property
    def rules(self) -> Track:
        return self.results.track

    @property
    def place(self) -> str:
        return f"tracks/{slug(self.rules.name)}"

    @property
    def title(self) -> str:
        return f"{self.rules.name} v{self.rules.version}"

    @property
    def backbones(self) -> dict[str, str | None]:
        """What pins the content of each."""
        return {name: backbones.resolve(name).sha256 for name in self.rules.backbones}

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

    @cached_property
    def _scores(self) -> dict[tuple[str, str, str], dict[int, dict[str, float]]]:
        groups = self.board.scope.groups
        return {
            key: {seed: with_averages(run.scores, groups) for seed, run in sorted(runs.items())}
            for key, runs in self._by_row.items()
        }

    def of(self, row: Row) -> dict[int, Record]:
        """The good runs of a row, by seed."""
        return self._by_row.get((row.recipe, row.backbone, row.fingerprint), {})

    def scores(self, row: Row) -> dict[int, dict[str, float]]:
        """Their averages and scores, by seed."""
        return self._scores.get((row.recipe, row.backbone, row.fingerprint), {})

    def kind(self, recipe: str) -> str:
        known = self.definitions.get(recipe)
        return known.kind if known else ""

    def row(self, recipe: str | None, backbone: str) -> Row | None:
        """The row of a recipe as it is now, if it was run."""
        found = (row for row in self.board.rows if (row.recipe, row.backbone) == (recipe, backbone))
        return next((row for row in found if row.state not in ("stale", "unregistered") and row.seeds), None)


def slug(name: str) -> str:
    """A file's name for any name: the same where it can be, else as much of it as can, and a hash."""
    plain = re.sub(r"[^a-z0-9._+=-]+", "-", name.lower()).strip("=+.-")
    return plain if plain == name else f"{plain[:40]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def recipe_page(name: str) -> str:
    return f"recipes/{slug(name)}.html"


def paper_page(name: str) -> str:
    return f"papers/{slug(name.lower().replace(' ', '-'))}.html"
