"""Weights & Biases, online or offline (`WANDB_MODE=offline`)."""

from __future__ import annotations

import os
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

from srlbench.publish.trackers.run import Run

PROJECT = "srlbench"


def place(folder: Path) -> str:
    """Where the runs go: to a server, or to a folder from which `wandb sync` takes them."""
    os.environ.setdefault("WANDB_DIR", str(folder))
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    if os.environ.get("WANDB_MODE") == "offline":
        return os.environ["WANDB_DIR"]
    return os.environ.get("WANDB_BASE_URL", "wandb")


def log(run: Run, folder: Path) -> None:
    """Log a run; its id is its own, so that a run which was half logged is not there twice."""
    wandb: Any = import_module("wandb")
    about = wandb.init(
        project=os.environ.get("WANDB_PROJECT", PROJECT),
        group=run.group,
        name=run.name,
        id=run.identity,
        resume="allow",
        config=run.config,
        settings=wandb.Settings(console="off", disable_git=True, x_disable_stats=True),
    )
    for step, values in run.points:
        about.log(values, step=step)
    about.summary.update(run.summary)
    attached = Path(about.dir) / "record.json"
    shutil.copy(run.path, attached)
    about.save(str(attached), base_path=about.dir, policy="now")
    about.finish()
