"""Recorded predictions, scored item by item: what a comparison of systems is computed from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srlbench import data, records
from srlbench.analysis.compare.paired import Scored, score_items
from srlbench.analysis.compare.systems import System
from srlbench.errors import SrlbenchError
from srlbench.records import Record
from srlbench.tracks import Track

NONE = np.empty(0)


def scored(track: Track, systems: Mapping[str, System]) -> dict[str, dict[str, Scored]]:
    """Each system on the tasks of every group that some of its seeds were wholly scored on."""
    made: dict[str, dict[str, Scored]] = {}
    gold: dict[str, Any] = {}
    for name, system in systems.items():
        runs = {seed: (set(run.scores), _predictions(system, run)) for seed, run in system.runs.items()}
        for tasks in track.groups.values():
            whole = {seed: found for seed, (names, found) in runs.items() if names >= {*tasks}}
            for task in tasks if whole else ():
                if task not in gold:
                    gold[task] = _gold(track, task)
                found = {seed: predictions.get(task, NONE) for seed, predictions in whole.items()}
                _refuse_short(found, len(gold[task]), f"{name} on {task}")
                correlated = track.protocol.tasks[task].kind == "sts"
                made.setdefault(name, {})[task] = score_items(found, gold[task], correlated=correlated)
    return made


def _predictions(system: System, run: Record) -> dict[str, NDArray[Any]]:
    return records.read_predictions(records.predictions_path(system.results, run.key))


def _refuse_short(found: Mapping[int, Any], items: int, whose: str) -> None:
    for seed, values in found.items():
        if len(values) != items:
            raise SrlbenchError(f"The predictions of {whose}, seed {seed}, are {len(values)}, of {items} items.")


def _gold(track: Track, task: str) -> np.ndarray[Any, Any]:
    columns = data.task(track.protocol, task).splits["test"]
    return np.array(columns["score"] if "score" in columns else columns["label"])
