"""Trackio: local, or where TRACKIO_SPACE_ID or TRACKIO_SERVER_URL says."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from srlbench.publish.trackers.run import Run

ELSEWHERE = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL")


def place(folder: Path) -> str:
    """Where the runs go; the library reads its folder when it is imported."""
    os.environ.setdefault("TRACKIO_DIR", str(folder))
    return next((os.environ[name] for name in ELSEWHERE if name in os.environ), os.environ["TRACKIO_DIR"])


def log(run: Run, folder: Path) -> None:
    """Log a run into the project of its track, over a half of it that a killed suite left there."""
    trackio: Any = import_module("trackio")
    project = f"srlbench-{run.group}"
    if not any(name in os.environ for name in ELSEWHERE):
        with suppress(ValueError):  # the project is not there yet
            for other in [*trackio.Api().runs(project)]:
                if other.name == run.name:
                    other.delete()
    about = trackio.init(
        project=project,
        name=run.name,
        group=run.record.recipe,
        config=run.config,
        embed=False,
        auto_log_cpu=False,
        auto_log_gpu=False,
    )
    for step, values in [*run.points, (run.last, run.summary)]:
        about.log(values, step=step)
    about.log_artifact(str(run.path), name=f"record-{run.identity}", type="record")
    about.finish()
