"""What a run costs beside its own work, on the local engine and on a Ray cluster of two machines, in one run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from srlbench import records, registry, tracks
from srlbench.records import Key
from srlbench.runs import plan as plans
from srlbench.runs.engines import local
from srlbench.runs.job import Outcome
from srlbench.runs.plan import Options, Plan, Run

pytest.importorskip("ray", reason="Ray is not installed (extra `ray`)")
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
from ray.cluster_utils import Cluster

from srlbench.runs.engines import ray

RUNS, MANY, WARM = 200, 1000, 20
TRACK = tracks.load("embedded")
# A run without work: its fingerprint is refused, and the refusal is taken for all the predictions of a run.
TRIVIAL = '''
import numpy as np
from srlbench.runs.job import Job, Outcome
from srlbench.recipe import Recipe, recipe

@recipe()
def trivial() -> Recipe:
    """Nothing."""
    return Recipe()

def found(job, problem, seconds):
    record = job.record(status="ok", weights_sha256="ab" * 32, scores={"GenSTSB": 50.0})
    return Outcome(record, {"GenSTSB": np.zeros(40_000)})

Job.failed = found
'''


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    yield cluster.address
    cluster.shutdown()


def walked(engine: Any, runs: int, folder: Path) -> Iterator[tuple[float, float]]:
    """Seconds and the driver's MiB at each outcome, recorded as any."""
    recipes = folder / "trivial.py"
    recipes.write_text(TRIVIAL)
    entry = registry.recipe("trivial", (recipes,))
    keys = [Key(TRACK.name, TRACK.version, "trivial", "tiny", "0" * 16, seed) for seed in range(runs)]
    made = tuple(Run(key, entry, "tiny", plans.TO_DO, None) for key in keys)
    suite = Plan(TRACK, made, Options(folder / "results", (recipes,)))
    for event in plans.walk(suite, engine):
        if isinstance(event.news, Outcome):
            yield time.perf_counter(), psutil.Process().memory_info().rss / 2**20
    assert len(records.scan(folder / "results", TRACK.name, TRACK.version).records) == runs


def each(made: list[tuple[float, float]]) -> float:
    """Seconds a run, once processes are warm."""
    return (made[-1][0] - made[WARM][0]) / (len(made) - 1 - WARM)


def test_overhead_of_a_cluster(benchmark: Any, address: str, tmp_path: Path, capsys: Any) -> None:
    """Bar: under 0.2 s a run over the local engine, and a driver that does not grow over a thousand records."""
    spent = {}
    for name, engine in (
        ("local", partial(local.run, parallel=2, threads=1)),
        ("ray", partial(ray.run, parallel=None, threads=1, address=address)),
    ):
        (tmp_path / name).mkdir()
        spent[name] = each([*walked(engine, RUNS, tmp_path / name)])
    (tmp_path / "many").mkdir()
    many = partial(ray.run, parallel=None, threads=1, address=address)
    made = benchmark.pedantic(lambda: [*walked(many, MANY, tmp_path / "many")], rounds=1)
    grown = made[-1][1] - made[RUNS][1]
    benchmark.extra_info |= {"seconds a run": spent, "MiB grown": grown}
    with capsys.disabled():
        print(
            f"\na run without work: local {1000 * spent['local']:.0f} ms, Ray {1000 * spent['ray']:.0f} ms; "
            f"the driver's memory from record {RUNS} to {MANY}: {grown:+.1f} MiB of {made[-1][1]:.0f}"
        )
    assert spent["ray"] - spent["local"] < 0.2 and grown < 20
