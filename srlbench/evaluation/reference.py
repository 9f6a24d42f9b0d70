"""Reference rows: encoders that were trained elsewhere, scored as a track scores its runs, and recorded beside them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from srlbench import backbones, records
from srlbench.errors import UsageError
from srlbench.evaluation import encoders
from srlbench.evaluation.encoders import Setting
from srlbench.evaluation.scores import Scores
from srlbench.recipe import digest
from srlbench.records import Record, address
from srlbench.tracks import Track

EXTERNAL = "external"  # stands where the records of runs name a backbone
HOW = ("pool", "layers", "attention", "precision", "revision")


def evaluate(
    model: str, setting: Setting, track: Track, results: Path, report: Callable[[str, int, int], None]
) -> tuple[Scores, dict[str, Any]]:
    """The scores of an encoder under the track's own protocol, and the predictions behind them."""
    if backbones.is_named(model) or address.parse(model).seed is not None:
        raise UsageError(f"'{model}' is of this suite, whose rows come from `srlbench run`; --record is for others.")
    _name(model)
    records.ensure_writable(results, track.name, track.version)
    own = replace(setting, protocols=(track.protocol,), tasks=(), threads=track.threads)
    (found,), arrays = encoders.evaluate(model, own, results, report)
    return found, arrays


def keep(found: Scores, arrays: Mapping[str, Any], track: Track, results: Path, command: str) -> Path:
    """Write the record of a reference row and its predictions, without the gold scores; return the record's path."""
    how = {key: value for key in HOW if (value := getattr(found, key)) is not None}
    said = {"weights": found.weights_sha256, "how": how, "data": dict(found.data), "protocol": track.protocol_hash}
    probe = f".{found.probe}"
    named = {key.partition("/")[2].removesuffix(probe): array for key, array in arrays.items()}
    predictions = {key: array for key, array in named.items() if ":" not in key}
    record = Record(
        status="ok",
        track=track.name,
        track_version=track.version,
        protocol=track.protocol.label,
        recipe=_name(found.model),
        backbone=EXTERNAL,
        seed=0,
        fingerprint=digest(said),
        resolved=how,
        weights_sha256=found.weights_sha256,
        predictions_sha256=records.sha256_of(predictions),
        scores=dict(found.scores),
        data=dict(found.data),
        environment=dict(found.environment),
        timings={"total_s": found.seconds or 0.0},
        command=command,
    )
    return records.write(results, record, predictions, records.REFERENCES)


def _name(model: str) -> str:
    """What the row is called: the name on the Hub, or that of the folder."""
    path = Path(os.path.expanduser(model))
    name = path.resolve().name if path.exists() else model.partition("@")[0]
    if not name or name.startswith(".") or not name.isprintable() or ":" in name or "@" in name:
        raise UsageError(f"'{name}' cannot be the name of a row; give the folder another name.")
    return name
