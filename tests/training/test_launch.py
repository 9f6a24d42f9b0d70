"""Processes that make one thing together: if one ends, all end, and it is said why."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any

import psutil
import pytest
import torch

from srlbench.errors import UsageError
from srlbench.training import launch
from srlbench.training.launch import Report
from srlbench.training.ranks import Lost, Ranks


def silent(*news: Any) -> None:
    pass


def together(make: launch.Make, folder: Path) -> Any:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return launch.together(make, 2, folder / "ranks", silent, lock.fileno())


def bad(how: Callable[[], None], ranks: Ranks, report: Report) -> None:
    if ranks.rank == 1:
        how()
    ranks.barrier()


def broken() -> None:
    raise ZeroDivisionError("a bug in the loss")


def death() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    os._exit(3)


def late() -> None:
    time.sleep(2)  # the other rank has said by then that it lost this one
    broken()


def bad_and_lost(how: Callable[[], None], ranks: Ranks, report: Report) -> None:
    if ranks.rank == 1:
        how()
    raise Lost("the other rank is gone")


@pytest.mark.parametrize(("how", "kind"), [(late, "ZeroDivisionError"), (death, "Died")])
def test_who_lost_another_is_not_the_one_that_failed(how: Callable[[], None], kind: str, tmp_path: Path) -> None:
    with pytest.raises(launch.Failed) as failure:
        together(partial(bad_and_lost, how), tmp_path)
    assert failure.value.problem["type"] == kind


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        (broken, "ZeroDivisionError", "ZeroDivisionError: a bug in the loss"),
        (death, "Died", "rank 1 of 2 was ended by SIGKILL, perhaps for want of memory"),
        pytest.param(leave, "Died", "rank 1 of 2 ended with code 3 and no result", marks=pytest.mark.slow),
    ],
)
def test_one_that_fails_ends_all_and_says_why(how: Callable[[], None], kind: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(launch.Failed) as failure:
        together(partial(bad, how), tmp_path)
    assert failure.value.problem["type"] == kind and failure.value.problem["message"] == message
    assert ("in broken" in failure.value.problem.get("traceback", "")) == (how is broken)
    assert not multiprocessing.active_children()


def stay(folder: Path, ranks: Ranks, report: Report) -> None:
    (folder / f"here-{ranks.rank}").write_text(str(os.getpid()))
    if ranks.first:
        time.sleep(600)
    ranks.barrier()


def test_if_the_starter_is_killed_they_end_and_the_lock_is_theirs_till_then(tmp_path: Path) -> None:
    code = (
        "import sys; from functools import partial; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "import test_launch as t\n"
        "t.together(partial(t.stay, Path(sys.argv[2])), Path(sys.argv[2]))"
    )
    starter = subprocess.Popen([sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path)])
    here = [tmp_path / f"here-{rank}" for rank in range(2)]
    _until(lambda: all(each.is_file() and each.read_text() for each in here))
    (first, second) = (psutil.Process(int(each.read_text())) for each in here)
    first.suspend()  # it cannot see that it is to end
    with (tmp_path / "lock").open("r+") as lock:
        starter.kill()
        starter.wait()
        _until(lambda: _ended(second))
        assert not _free(lock)
        first.resume()
        _until(lambda: _ended(first))
        _until(lambda: _free(lock))  # files are closed a moment after a process counts as ended


def test_each_sees_one_gpu_of_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv(launch.GPUS, raising=False)
    assert launch._devices(2) == ["0", "1"]
    monkeypatch.setenv(launch.GPUS, "5,GPU-8932f937")
    assert launch._devices(2) == ["5", "GPU-8932f937"]
    with launch._visible("5"):
        assert os.environ[launch.GPUS] == "5"
    assert os.environ[launch.GPUS] == "5,GPU-8932f937"
    with pytest.raises(UsageError, match="world_size = 3 needs 3 GPUs, and 2 can be seen here"):
        launch._devices(3)


def _until(true: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def _free(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
