"""MLflow: on the server that MLFLOW_TRACKING_URI names, else in a SQLite file below the results."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from srlbench.publish.trackers.run import Run, flat

TAG = "srlbench.run"  # the identity of a run
METRICS, PARAMETERS, LONGEST = 500, 100, 500  # of one request; the letters of a value


def place(folder: Path) -> str:
    """The tracking URI."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{folder.absolute() / 'mlflow.db'}"


def log(run: Run, folder: Path) -> None:
    """Log a run into the experiment of its track, unless it is there; a half of it that a killed suite left goes."""
    mlflow: Any = import_module("mlflow")
    client = mlflow.MlflowClient(place(folder))
    experiment = _experiment(client, f"srlbench-{run.group}", folder)
    for other in client.search_runs([experiment], filter_string=f"tags.`{TAG}` = '{run.identity}'"):
        if other.info.status == "FINISHED":
            return
        client.delete_run(other.info.run_id)
    identity = client.create_run(experiment, run_name=run.name, tags={TAG: run.identity}).info.run_id
    _values(client, identity, run)
    client.log_artifact(identity, str(run.path))
    client.log_dict(identity, run.config, "config.json")
    client.set_terminated(identity)


def _experiment(client: Any, name: str, folder: Path) -> str:
    if found := client.get_experiment_by_name(name):
        return str(found.experiment_id)
    ours = "MLFLOW_TRACKING_URI" not in os.environ  # else the server says where artifacts are
    return str(client.create_experiment(name, (folder.absolute() / "artifacts").as_uri() if ours else None))


def _values(client: Any, identity: str, run: Run) -> None:
    entities: Any = import_module("mlflow.entities")
    now = int(time.time() * 1000)
    points = [*run.points, (run.last, run.summary)]
    metrics = [entities.Metric(key, value, now, step) for step, values in points for key, value in values.items()]
    for start in range(0, len(metrics), METRICS):
        client.log_batch(identity, metrics=metrics[start : start + METRICS])
    parameters = [entities.Param(key, _short(value)) for key, value in flat(run.config)]
    for start in range(0, len(parameters), PARAMETERS):
        client.log_batch(identity, params=parameters[start : start + PARAMETERS])


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
