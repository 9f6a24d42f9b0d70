"""Checkpoints: sealed with the hashes of their files, and resumed from only if every file is as it was written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SEAL = "complete"
STATE = "trainer_state.json"


def seal(folder: Path) -> None:
    """Write the hash of every file; a checkpoint without it was interrupted."""
    unfinished = folder.with_name(f"{folder.name}.{SEAL}")
    unfinished.write_text(json.dumps(_hashes(folder), indent=0), encoding="utf-8")
    os.replace(unfinished, folder / SEAL)


def whole(folder: Path) -> bool:
    """Whether every file of the checkpoint is there, and none was changed or cut short."""
    sealed = _json(folder / SEAL)
    try:
        return sealed is not None and sealed == _hashes(folder)
    except OSError:
        return False


def newest(work: Path) -> int:
    """The step of the newest checkpoint to resume from, or 0; those that are not whole are removed."""
    steps = {int(name): folder for folder in work.glob("checkpoint-*") if (name := folder.name[11:]).isdecimal()}
    good = {step: folder for step, folder in steps.items() if whole(folder)}
    for step in steps.keys() - good.keys():
        shutil.rmtree(steps[step])
    # A training that takes its best checkpoint at the end needs that one too.
    return max((step for step, folder in good.items() if _best(folder) in ({None} | {*good.values()})), default=0)


def _best(folder: Path) -> Path | None:
    """The best checkpoint so far, as the state of this one says."""
    best = (_json(folder / STATE) or {}).get("best_model_checkpoint")
    return folder.with_name(Path(best).name) if best else None


def _hashes(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / SEAL:
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _json(path: Path) -> Mapping[str, Any] | None:
    """The object in a file; None if there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
