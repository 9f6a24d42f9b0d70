"""One track's results folder, and which of its records are current."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from srlbench import backbones, records, registry, tracks, variants
from srlbench.errors import UsageError
from srlbench.recipe import Registered
from srlbench.records import Confirmation, Problem, Record, Scan
from srlbench.runs.fingerprint import current
from srlbench.stats import average, with_averages
from srlbench.tracks import Track

if TYPE_CHECKING:
    import pandas
    from datasets import Dataset

DEFAULT = Path("srlbench-results")
Cell = tuple[str, str]  # recipe, backbone
Found = TypeVar("Found")
# The columns of a data frame or dataset, and their types in a dataset.
COLUMNS = {
    "track": "string", "version": "int64", "protocol": "string", "recipe": "string", "backbone": "string",
    "seed": "int64", "status": "string", "fingerprint": "string", "current": "bool", "task": "string",
    "score": "float64",
}  # fmt: skip


@dataclass(frozen=True, repr=False)
class Results:
    """The records of one track in a folder, scanned once, and which of them are current."""

    path: Path
    track: Track
    files: tuple[Path, ...] = ()  # with more recipes

    @cached_property
    def scan(self) -> Scan:
        return records.scan(self.path, self.track.name, self.track.version)

    @property
    def records(self) -> tuple[Record, ...]:
        """Every record of the track, also failed and stale ones."""
        return self.scan.records

    def __len__(self) -> int:
        return len(self.records)

    def __bool__(self) -> bool:
        return True  # also of a folder in which there is nothing yet

    def __repr__(self) -> str:
        failed = sum(record.status == "failed" for record in self.records)
        stale = sum(not self.is_current(record) for record in self.records)
        count = "1 record" if len(self) == 1 else f"{len(self)} records"
        rest = "".join(f", {n} {word}" for n, word in ((failed, "failed"), (stale, "stale")) if n)
        return f"Results of track {self.track.name} v{self.track.version} in {self.path}: {count}{rest}"

    @property
    def folder(self) -> Path:
        return records.track_folder(self.path, self.track.name, self.track.version)

    @cached_property
    def recipes(self) -> dict[str, Registered]:
        return registry.recipes(self.files)

    @cached_property
    def current(self) -> dict[Cell, str]:
        """Today's fingerprint of each registered recipe, on the track's backbones and on others that it was run on."""
        cells = {(record.recipe, record.backbone) for record in self.records}
        others = sorted({backbone for _, backbone in cells} - {*self.track.backbones})
        there = current(self.recipes.values(), self.track)
        known = [name for name, _ in _valid(others, backbones.resolve)]
        elsewhere = current(self.recipes.values(), self.track, known) if known else {}
        return there | {cell: print_ for cell, print_ in elsewhere.items() if cell in cells}

    @cached_property
    def _of_variants(self) -> dict[Cell, str]:
        names = sorted({record.recipe for record in self.records if variants.is_variant(record.recipe)})
        entries = [entry for _, entry in _valid(names, partial(registry.recipe, files=self.files))]
        return current(entries, self.track, self.track.ranked)

    def is_current(self, record: Record) -> bool:
        """Whether today's recipe, data and code would make this record again."""
        known = self._of_variants if variants.is_variant(record.recipe) else self.current
        return known.get((record.recipe, record.backbone)) == record.fingerprint

    @cached_property
    def without_variants(self) -> Scan:
        """The records of recipes themselves; variants are compared in sweeps, not ranked."""
        return Scan(tuple(r for r in self.records if not variants.is_variant(r.recipe)), self.scan.problems)

    @cached_property
    def fresh(self) -> tuple[Record, ...]:
        """The current records of successful runs on the track's backbones, variants included."""
        label, own = self.track.protocol.label, {backbones.resolve(name).name for name in self.track.ranked}
        good = (r for r in self.records if r.status == "ok" and r.protocol == label and r.backbone in own)
        return tuple(record for record in good if self.is_current(record))

    @cached_property
    def references(self) -> tuple[Record, ...]:
        """Encoders that were trained elsewhere, scored on today's data under the track's protocol; the best first."""
        found = records.scan(self.path, self.track.name, self.track.version, records.REFERENCES).records
        label, data, groups = self.track.protocol.label, self.track.protocol.data_hashes, self.track.groups
        kept = [record for record in found if record.status == "ok" and (record.protocol, record.data) == (label, data)]
        primary = average(next(iter(groups)))
        return tuple(sorted(kept, key=lambda record: -with_averages(record.scores, groups).get(primary, 0.0)))

    @cached_property
    def _confirmations(self) -> tuple[tuple[Confirmation, ...], tuple[Problem, ...]]:
        confirmations, problems = records.confirmations(self.path, self.track.name, self.track.version)
        return tuple(confirmations), tuple(problems)

    @property
    def confirmations(self) -> tuple[Confirmation, ...]:
        """Reruns of these records, by their authors or by others."""
        return self._confirmations[0]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The files that are in the place of a record or confirmation, but cannot be read as one."""
        return (*self.scan.problems, *self._confirmations[1])

    def command(self, verb: str) -> str:
        """The command line of a verb on these results."""
        words = ["srlbench", verb, "--track", self.track.name]
        return shlex.join([*words, *([] if self.path == DEFAULT else ["--results", str(self.path)])])

    @cached_property
    def published(self) -> tuple[Record, ...] | None:
        """The published records to compare with; None if these results are the published ones."""
        if self.path.resolve() == records.published_results().resolve():
            return None
        return records.published(self.track.name, self.track.version)

    def to_pandas(self) -> pandas.DataFrame:
        """One row for each recipe, backbone, seed and task or average; a failed run has one row without a score."""
        import pandas

        return pandas.DataFrame(self._lines, columns=[*COLUMNS])

    def to_dataset(self) -> Dataset:
        """The rows and columns of `to_pandas()` as a `datasets.Dataset`; a failed run has no task and no score."""
        from datasets import Dataset, Features, Value

        lines = self._lines
        columns = {name: [line[name] for line in lines] for name in COLUMNS}
        return Dataset.from_dict(columns, features=Features({name: Value(kind) for name, kind in COLUMNS.items()}))

    @cached_property
    def _lines(self) -> list[dict[str, Any]]:
        lines = []
        for record in self.records:
            run = {
                "track": record.track, "version": record.track_version, "protocol": record.protocol,
                "recipe": record.recipe, "backbone": record.backbone, "seed": record.seed, "status": record.status,
                "fingerprint": record.fingerprint, "current": self.is_current(record),
            }  # fmt: skip
            for task, score in with_averages(record.scores, self.track.groups).items():
                lines.append({**run, "task": task, "score": score})
            if record.status == "failed":
                lines.append({**run, "task": None, "score": None})
        return lines


def with_records(path: Path, files: tuple[Path, ...] = ()) -> list[Results]:
    """The results of every shipped track that has records in a folder."""
    known = [Results(path, tracks.load(name), files) for name in tracks.names()]
    if found := [results for results in known if (results.folder / "records").is_dir()]:
        return found
    raise UsageError(
        f"There are no records in {path}; `srlbench run --all` makes some, --results names another folder."
    )


def _valid(names: Iterable[str], find: Callable[[str], Found]) -> Iterator[tuple[str, Found]]:
    """The names under which something is found today, and what it is."""
    for name in names:
        try:
            yield name, find(name)
        except UsageError:
            continue
