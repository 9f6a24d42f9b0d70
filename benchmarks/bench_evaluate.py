"""The STS part of the fourteen tasks against stock mteb, which encodes every task's sentences anew; in one run.

Needs the tasks' text: `SRLBENCH_DATA`, or the Hub's copy in its cache (`srlbench data pull`).
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import mteb
import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from srlbench import backbones, data
from srlbench.errors import SrlbenchError
from srlbench.evaluation import external
from srlbench.evaluation.evaluate import Quiet, evaluate, meta
from srlbench.evaluation.evaluate import encoder as in_mtebs_form
from srlbench.evaluation.tasks import mtebs_own
from srlbench.tracks import protocol as protocols

RULES = protocols.load("mteb")


def encoder() -> SentenceTransformer:
    return external.load(str(backbones.resolve("tiny").path), "mean")[0]


def stock(tasks: list[Any]) -> dict[str, float]:
    """One task after another, as mteb's documentation has it."""
    with Quiet():
        done = mteb.evaluate(mteb.SentenceTransformerEncoderWrapper(encoder()), tasks, cache=None)
    return {one.task_name: 100 * one.get_score() for one in done.task_results}


def ours(given: Path | None) -> dict[str, float]:
    return evaluate(in_mtebs_form(encoder(), meta("tiny", "none", 0)), RULES, given=given).scores


def test_sts(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    given = Path(os.environ["SRLBENCH_DATA"]) if "SRLBENCH_DATA" in os.environ else None
    try:
        # mteb unloads what it has scored, so each round is given its own.
        rows = {name: data.task(RULES, name, given) for name in RULES.tasks}
    except SrlbenchError as error:
        pytest.skip(f"the tasks' text is not here: {error}")
    spent, found = [], {}
    for _ in range(3):
        tasks = [mtebs_own(name, rows[name]) for name in RULES.tasks]
        start = time.perf_counter()
        found = stock(tasks)
        spent.append(time.perf_counter() - start)
    mine = benchmark.pedantic(ours, (given,), rounds=3, warmup_rounds=1)
    ratio = min(spent) / benchmark.stats.stats.min
    benchmark.extra_info["ratio to mteb"] = ratio
    assert np.allclose([mine[name] for name in found], list(found.values()), atol=0.01)
    with capsys.disabled():
        print(
            f"\nseven similarity tasks, {torch.get_num_threads()} threads: srlbench {benchmark.stats.stats.min:.1f} s "
            f"reading included, mteb {min(spent):.1f} s: x{ratio:.2f}"
        )
