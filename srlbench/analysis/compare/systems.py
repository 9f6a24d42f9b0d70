"""What is compared: a recipe, one run of it, or all that a results folder holds; and its scores, item by item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srlbench import data, records
from srlbench.analysis.compare.paired import Scored, score_items
from srlbench.analysis.results import Cell, Results
from srlbench.errors import SrlbenchError, StoreError, UsageError
from srlbench.records import Record, address
from srlbench.tracks import Track

NONE = np.empty(0)


@dataclass(frozen=True)
class System:
    """The successful runs of one recipe on one backbone, by seed, and their results folder."""

    results: Path
    runs: Mapping[int, Record]
    fixed: bool = False  # an encoder that was trained elsewhere: it has no other seeds


@dataclass(frozen=True)
class Folder:
    """The systems of a results folder, and why other recipes have none."""

    systems: Mapping[Cell, System]
    failed: frozenset[Cell] = field(default=frozenset())
    unclear: Mapping[Cell, str] = field(default_factory=dict)

    @property
    def cells(self) -> set[Cell]:
        return {*self.systems, *self.failed, *self.unclear}


def named(text: str, results: Results) -> dict[Cell, System]:
    """The systems that `RECIPE@BACKBONE:SEED` names among the fresh records and the encoders that were trained
    elsewhere; a record's file is one run."""
    if is_file(text):
        return _file(Path(text), results)
    asked = address.parse(text)
    external = systems(asked.among(results.references), results.path)
    fixed = {cell: replace(system, fixed=True) for cell, system in external.items()}
    return systems(asked.among(results.fresh), results.path) | fixed


def systems(found: Sequence[Record], folder: Path) -> dict[Cell, System]:
    """The records of one folder, grouped by recipe and backbone."""
    made: dict[Cell, dict[int, Record]] = {}
    for record in found:
        made.setdefault((record.recipe, record.backbone), {})[record.seed] = record
    return {cell: System(folder, runs) for cell, runs in made.items()}


def is_run(text: str) -> bool:
    """Whether a text names one run and not all seeds of a recipe."""
    return is_file(text) or address.parse(text).seed is not None


def is_file(text: str) -> bool:
    return text.endswith(".json")


def folder(results: Results) -> Folder:
    """The systems of a results folder, stale ones too; of several versions of a recipe, the current one."""
    track = results.track
    found = [record for record in results.records if record.protocol == track.protocol.label]
    if not found:
        raise UsageError(
            f"There are no records of track {track.name}, protocol {track.protocol.label}, in {results.path}."
        )
    good: dict[Cell, System] = {}
    unclear: dict[Cell, str] = {}
    cells: dict[Cell, dict[str, dict[int, Record]]] = {}
    for record in found:
        versions = cells.setdefault((record.recipe, record.backbone), {})
        if record.status == "ok":
            versions.setdefault(record.fingerprint, {})[record.seed] = record
    for cell, versions in cells.items():
        present = versions.get(results.current.get(cell, ""))
        known = present or (next(iter(versions.values())) if len(versions) == 1 else None)
        if known:
            good[cell] = System(results.path, known)
        elif versions:
            unclear[cell] = f"{len(versions)} versions in {results.path}, none of them today's"
    return Folder(good, frozenset(cell for cell, versions in cells.items() if not versions), unclear)


def _file(path: Path, results: Results) -> dict[Cell, System]:
    track = results.track
    try:
        record = records.read(path)
    except records.RecordError as error:
        raise UsageError(f"{path}: {error}.") from None
    except StoreError as error:
        raise UsageError(str(error)) from None
    home = records.home(path, record)
    if record.status != "ok" or home is None:
        raise UsageError(f"{path} is no record of a good run in its place in a results folder.")
    if (record.track, record.track_version) != (track.name, track.version):
        raise UsageError(
            f"{path} is of track {record.track} v{record.track_version}, not of {track.name} v{track.version}."
        )
    if record.protocol != track.protocol.label:
        raise UsageError(f"{path} was scored under protocol {record.protocol}, not {track.protocol.label}.")
    return systems([record], home)


def scored(track: Track, systems: Mapping[str, System]) -> dict[str, dict[str, Scored]]:
    """Score each system, item by item, on every group of tasks that at least one seed has complete scores for.

    A system whose predictions are not there has the scores of its records, and nothing is known of its items. If it has
    no other seeds either, it is left out.
    """
    made: dict[str, dict[str, Scored]] = {}
    gold: dict[str, Any] = {}
    for name, system in systems.items():
        predicted = _predictions(system)
        if predicted is None and (system.fixed or len(system.runs) < 2):
            continue  # neither items nor seeds tell what chance does
        for tasks in track.groups.values():
            whole = sorted(seed for seed, run in system.runs.items() if run.scores.keys() >= {*tasks})
            for task in tasks if whole else ():
                if predicted is None:
                    scores = {seed: float(system.runs[seed].scores[task]) for seed in whole}
                    made.setdefault(name, {})[task] = Scored(scores, np.empty((len(whole), 0)), system.fixed)
                    continue
                if task not in gold:
                    gold[task] = _gold(track, task)
                found = {seed: predicted[seed].get(task, NONE) for seed in whole}
                _refuse_odd(found, len(gold[task]), f"{name} on {task}")
                correlated = track.protocol.tasks[task].kind == "sts"
                items = score_items(found, gold[task], correlated=correlated)
                made.setdefault(name, {})[task] = replace(items, fixed=system.fixed)
    return made


def _predictions(system: System) -> dict[int, dict[str, NDArray[Any]]] | None:
    """The predictions of each run; None if some are not there, and the seeds must do."""
    paths = {seed: records.predictions_path(system.results, run.key) for seed, run in system.runs.items()}
    if not all(path.exists() for path in paths.values()):
        return None
    return {seed: records.read_predictions(path) for seed, path in paths.items()}


def _refuse_odd(found: Mapping[int, Any], items: int, whose: str) -> None:
    for seed, values in found.items():
        if values.shape != (items,):
            shape = "x".join(map(str, values.shape)) or "one value"
            raise SrlbenchError(f"The predictions of {whose}, seed {seed}, are {shape}, of {items} items.")
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise SrlbenchError(f"The predictions of {whose}, seed {seed}, are not all finite.")


def _gold(track: Track, task: str) -> np.ndarray[Any, Any]:
    columns = data.task(track.protocol, task).splits["test"]
    return np.array(columns["score"] if "score" in columns else columns["label"])
