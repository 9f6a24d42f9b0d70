"""Scores as mteb's own files: the description of a model, and the result of a task."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import mteb
from mteb.models.model_meta import ModelMeta, ScoringFunction
from mteb.results import TaskResult

from srlbench.evaluation.evaluate import Quiet

SCORED = "test"  # the split that a score is of; mteb's tables show the mean over all splits that they find


def model_meta(name: str, revision: str) -> bytes:
    """The content of `model_meta.json`; it names no settings of an experiment, because mteb would pass it over."""
    about = {
        "name": name,
        "revision": revision,
        "languages": ["eng-Latn"],
        "framework": ["Sentence Transformers", "PyTorch"],
        "similarity_fn_name": ScoringFunction.COSINE,
    }
    return ModelMeta.create_empty(about).model_dump_json(indent=1).encode()


def task_result(plain: dict[str, Any]) -> tuple[str, bytes]:
    """The task of a recorded result, and the content of its file: the scored split alone, with every digit."""
    result = TaskResult.model_validate({**plain, "scores": {SCORED: plain["scores"][SCORED]}})
    return result.task_name, result.model_dump_json(indent=1).encode()


def without(names: Iterable[str]) -> list[str]:
    """The tasks of these names that mteb does not have."""
    missing = []
    with Quiet():
        for name in names:
            try:
                mteb.get_task(name)
            except KeyError:
                missing.append(name)
    return missing
