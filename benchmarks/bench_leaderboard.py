"""How long a leaderboard over 5,000 records takes: reading them, building the rows, writing the views."""

from __future__ import annotations

import json
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from srlbench.analysis.leaderboard.board import Scope
from srlbench.analysis.leaderboard.page import write
from srlbench.analysis.leaderboard.rows import build
from srlbench.records import Record, Scan, record_path, scan

GROUPS = {
    "sts": [f"GenSTS{year}" for year in range(12, 17)] + ["GenSTSB", "GenSICK-R"],
    "transfer": ["GenMR", "GenCR", "GenSUBJ", "GenMPQA", "GenSST2", "GenTREC", "GenMRPC"],
}
TASKS = [task for tasks in GROUPS.values() for task in tasks]
RECIPES, TURNS, SEEDS = 50, 20, 5
CURRENT = {(f"recipe-{number}", "tiny"): f"{TURNS - 1:016x}" for number in range(RECIPES)}


def made(dice: random.Random, recipe: int, turn: int, seed: int) -> Record:
    metrics = [{"hf_subset": "default", **{f"metric_{k}": dice.random() for k in range(24)}} for _ in TASKS]
    return Record(
        status="ok", track="embedded", track_version=1, protocol="simcse", recipe=f"recipe-{recipe}",
        backbone="tiny", seed=seed, fingerprint=f"{turn:016x}",
        weights_sha256=f"{dice.getrandbits(256):064x}",
        scores={task: 40 + recipe / 2 + dice.gauss(0, 0.5) for task in TASKS},
        results=[{"task_name": t, "scores": {"test": [m]}} for t, m in zip(TASKS, metrics, strict=True)],
        training={"log": [{"step": 10 * k, "loss": dice.random()} for k in range(100)]},
    )  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, dice = tmp_path_factory.mktemp("results"), random.Random(0)
    for recipe in range(RECIPES):
        for turn in range(TURNS):
            for seed in range(SEEDS):
                record = made(dice, recipe, turn, seed)
                path = record_path(root, record.key)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(asdict(record), indent=1))  # plain writes: no fsync
    return root


@pytest.fixture(scope="module")
def found(results: Path) -> Scan:
    return scan(results, "embedded", 1)


def views(found: Scan, folder: Path) -> int:
    scope = Scope("embedded", 1, "simcse", GROUPS, range(SEEDS))
    board = build(found.records, scope, CURRENT, reference=found.records)
    write(board, folder, "srlbench leaderboard")
    return len(board.rows)


def test_scan_5000_records(benchmark: Any, results: Path) -> None:
    found = benchmark.pedantic(scan, (results, "embedded", 1), rounds=3)
    assert len(found.records) == 5000


def test_build_and_write_5000_records(benchmark: Any, found: Scan, tmp_path: Path) -> None:
    assert benchmark.pedantic(views, (found, tmp_path), rounds=3) == 1000
