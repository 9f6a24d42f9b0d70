"""Suites on a Ray cluster of two machines: the local engine's digits, whatever is killed on the way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import Cli

from srlbench import backbones
from srlbench.records import Record, scan

if not find_spec("ray"):
    pytest.skip("Ray is not installed (extra `ray`)", allow_module_level=True)
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
from ray.cluster_utils import Cluster

RECIPES = ("bag-random", "slow")
GRID = (*RECIPES, "--seeds", "0", "--engine", "ray", "--address")
OWN = '''
import os, signal, time
from srlbench.recipe import Loss, Recipe, recipe
from srlbench.losses.info_nce import info_nce

def slowed(a, b):
    time.sleep(0.1)
    return info_nce(a, b)

@recipe()
def slow() -> Recipe:
    """SimCSE, whose every look at its loss takes its time."""
    return Recipe(data="twins", loss=Loss(slowed))

def death(a, b):
    os.kill(os.getpid(), signal.SIGKILL)

@recipe()
def bad_death() -> Recipe:
    """A loss that takes the whole process with it."""
    return Recipe(data="twins", loss=Loss(death))
'''
Start = Callable[..., subprocess.Popen[str]]


class Machines:
    """A head that runs nothing, and two machines with a processor each."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "ray_client_server_port": 20017})
        self.nodes = [self.add(), self.add()]
        self.address: str = self.cluster.address

    def add(self) -> Any:
        scratch = self.root / f"machine-{len(list(self.root.iterdir()))}"
        scratch.mkdir()
        return self.cluster.add_node(num_cpus=1, env_vars={"SRLBENCH_SCRATCH": str(scratch)})


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    found = Machines(tmp_path_factory.mktemp("machines"))
    yield found
    found.cluster.shutdown()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Recipes in a file and a backbone in a folder, neither of which the machines have."""
    root = tmp_path_factory.mktemp("own")
    (root / "mine.py").write_text(OWN)
    shutil.copytree(backbones.SHIPPED / "tiny", root / "mine")
    return ["--recipes", str(root / "mine.py"), "--backbone", str(root / "mine")]


@pytest.fixture
def start(quick_track: Path, own: list[str], tmp_path: Path) -> Start:
    """Begins `srlbench run` and gives its process back."""

    def begin(*arguments: object, results: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "srlbench", "run", *arguments, "--track", quick_track, "--results", results]
        return subprocess.Popen(
            [*map(str, command), *own],
            cwd=tmp_path,
            env={**os.environ, "CI": "true"},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )

    return begin


@pytest.fixture(scope="module")
def local(quick_track: Path, own: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the local engine makes of the recipes."""
    results = tmp_path_factory.mktemp("local")
    command = [sys.executable, "-m", "srlbench", "run", *RECIPES, "--track", quick_track, "--results", results]
    subprocess.run([*map(str, command), *own, "--seeds", "0"], check=True, capture_output=True)
    return results


def found(results: Path) -> dict[str, Record]:
    held = scan(results, "quick", 4)
    assert not held.problems
    return {f"{record.recipe}:{record.seed}": record for record in held.records}


def digits(results: Path) -> dict[str, tuple[str | None, dict[str, float]]]:
    return {key: (record.weights_sha256, record.scores) for key, record in found(results).items()}


def encoders(results: Path) -> list[Path]:
    return list((results / "quick" / "v4" / "encoders").glob("*/*/*/seed-0/model.safetensors"))


def training() -> psutil.Process:
    """A worker of the cluster whose run, a child of their host, is under way."""
    for _ in range(1200):
        for each in psutil.process_iter():
            with suppress(psutil.Error):
                if each.cmdline()[:1] == ["ray::_task"]:
                    runs = [run for server in each.children() for run in server.children()]
                    if any(run.cpu_times().user > 1 for run in runs):
                        return each
        time.sleep(0.1)
    raise AssertionError("no run is under way")


def ended(process: subprocess.Popen[str]) -> str:
    _, said = process.communicate(timeout=300)
    return said


def test_the_digits_are_the_local_engines_though_a_worker_is_killed(
    machines: Machines, local: Path, start: Start, tmp_path: Path
) -> None:
    process = start(*GRID, machines.address, results="there")
    training().kill()
    said = ended(process)
    assert process.returncode == 0, said
    assert said.count("lost, its process was killed") == 1 and "again (2 of 3)" in said
    assert "[2/2]" in said and "2 machines, 0 running, 0 queued, 0 failed" in said
    assert digits(tmp_path / "there") == digits(local)
    one = found(tmp_path / "there")["slow:0"]
    assert one.environment["git"] == found(local)["slow:0"].environment["git"]
    assert len(encoders(tmp_path / "there")) == 1
    left = [each for scratch in machines.root.glob("*/srlbench-*") for each in (scratch / "work").iterdir()]
    assert len(left) <= 1, "finished runs leave no work, a lost one may"


@pytest.mark.slow  # three times the start of a process
def test_a_run_that_dies_every_time_is_failed_with_the_reason(machines: Machines, start: Start, tmp_path: Path) -> None:
    process = start(
        "bad-death", "bag-random", "--seeds", "0", "--engine", "ray", "--address", machines.address, results="bad"
    )
    said = ended(process)
    assert process.returncode == 3, said
    assert said.count("; again (") == 2
    records = found(tmp_path / "bad")
    assert records["bag-random:0"].status == "ok"
    problem = records["bad-death:0"].error
    assert problem and problem["type"] == "Lost"
    assert problem["message"].startswith("lost 3 times, the last time because the run's process was ended by SIGKILL")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--engine", "rai"], 2, "Unknown engine 'rai'. Did you mean 'ray'?"),
        (["--engine", "rai", "--dry-run"], 2, "Unknown engine 'rai'. Did you mean 'ray'?"),
        (["--address", "auto"], 2, "are for a cluster: add --engine ray"),
        (["--engine", "ray", "--address", "127.0.0.1:1"], 3, "Cannot join the Ray cluster at 127.0.0.1:1"),
        (["--engine", "ray", "--gpus-per-run", "1.5"], 2, "a run has a part of one GPU, or whole GPUs"),
        (
            ["--engine", "ray", "--cpus-per-run", "2"],
            3,
            "what a run takes (CPU 2, GPU 0); the largest has CPU 1, GPU 0",
        ),
    ],
)
def test_what_no_cluster_can_do_is_one_sentence(
    machines: Machines, arguments: list[str], code: int, said: str, cli: Cli
) -> None:
    given = arguments if "--address" in arguments else [*arguments, "--address", machines.address]
    done = cli("run", "bag-random", *(arguments if "rai" in arguments else given))
    assert done.returncode == code and said in done.stderr and "Traceback" not in done.stderr


def test_a_cluster_that_is_gone_is_not_waited_for(cli: Cli, tmp_path: Path) -> None:
    left = tmp_path / "ray" / "ray_current_cluster"
    left.parent.mkdir()
    left.write_text("127.0.0.1:1")
    done = cli("run", "bag-random", "--engine", "ray", "--address", "auto", env={"RAY_TMPDIR": str(tmp_path)})
    assert done.returncode == 3 and "Cannot join the Ray cluster at auto: " in done.stderr


@pytest.mark.slow
def test_a_driver_that_was_killed_goes_on_where_it_was(
    machines: Machines, local: Path, start: Start, tmp_path: Path
) -> None:
    process = start(*GRID, machines.address, results="there")
    while not found(tmp_path / "there"):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = len(found(tmp_path / "there"))
    process = start(*GRID, machines.address, results="there")
    said = ended(process)
    assert before == 1 and process.returncode == 0 and "1 run to make" in said, said
    assert digits(tmp_path / "there") == digits(local)


@pytest.mark.slow
def test_a_lost_machine_loses_no_run(machines: Machines, local: Path, start: Start, tmp_path: Path) -> None:
    process = start(*GRID, machines.address, results="there")
    raylet = training().ppid()
    (gone,) = (node for node in machines.nodes if node.all_processes["raylet"][0].process.pid == raylet)
    machines.cluster.remove_node(gone, allow_graceful=False)
    said = ended(process)
    machines.nodes = [*(node for node in machines.nodes if node is not gone), machines.add()]
    assert process.returncode == 0, said
    assert "lost, its " in said and "[2/2]" in said  # Ray may count the machine for some seconds more
    assert digits(tmp_path / "there") == digits(local)


@pytest.mark.slow
def test_a_run_for_which_there_is_no_memory_is_failed_and_a_cluster_of_one_ends(cli: Cli, tmp_path: Path) -> None:
    tight = {"RAY_memory_usage_threshold": "0.01", "RAY_memory_monitor_refresh_ms": "100"}
    done = cli("run", "bag-random", "--seeds", "0", "--engine", "ray", "--results", "there", env=tight)
    assert done.returncode == 3 and done.stderr.count("lost, its machine ran out of memory; again") == 2
    (failed,) = scan(tmp_path / "there", "embedded", 4).records
    assert failed.error and failed.error["message"].endswith("the last time because its machine ran out of memory")


@pytest.mark.slow
def test_a_driver_outside_of_the_cluster(machines: Machines, local: Path, start: Start, tmp_path: Path) -> None:
    process = start(*GRID, "ray://127.0.0.1:20017", results="there")
    said = ended(process)
    assert process.returncode == 0, said
    assert digits(tmp_path / "there") == digits(local)
    assert len(encoders(tmp_path / "there")) == 1


@pytest.mark.slow
def test_the_embedded_track_is_bit_equal_to_the_local_engines(machines: Machines, cli: Cli, tmp_path: Path) -> None:
    arguments = ("run", "--all", "--seeds", "0", "--no-keep-encoders")
    done = cli(*arguments, "--results", "there", "--engine", "ray", "--address", machines.address)
    assert done.returncode == 0, done.stderr
    assert cli(*arguments, "--results", "here").returncode == 0
    there, here = (
        {each.recipe: (each.weights_sha256, each.scores) for each in scan(tmp_path / place, "embedded", 4).records}
        for place in ("there", "here")
    )
    assert there == here and len(there) > 20
