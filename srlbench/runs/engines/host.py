"""The host: a process that loads the libraries once, and from which every run is forked.

It belongs to one driver (`local.Host`), which it talks to over a socket, and ends with it, or when it was not asked for
runs for a while. Nothing here runs in the caller's process.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from srlbench import shared
from srlbench.data.mirror import VARIABLE
from srlbench.runs.job import Job, Outcome, Progress

DEVICES = "CUDA_VISIBLE_DEVICES"
PAUSE = 0.2  # seconds between two progress messages of one run
IDLE = 300.0  # seconds without runs after which the host ends
CHECK = 1.0  # seconds between two checks that the driver lives


@dataclass(frozen=True)
class Batch:
    """Jobs, how many of them run at a time, and their devices (as in CUDA_VISIBLE_DEVICES)."""

    jobs: Sequence[Job]
    parallel: int
    folder: str  # that the caller is in
    devices: str | None = None


@dataclass(frozen=True)
class Shared:
    """What a run made that does not depend on it: the runs that are forked from now on have it."""

    key: str
    value: Any


@dataclass(frozen=True)
class Running:
    """A run in progress: its index among the jobs, its job, its process, and the time of its start."""

    index: int
    job: Job
    process: BaseProcess
    start: float


def main(descriptor: int, parent: int) -> None:
    """Run every batch that the driver (process `parent`) sends over its socket, until the driver ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the driver, which then closes the socket
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    driver: Connection[Any, Any] = Connection(descriptor)
    try:
        while driver.poll(IDLE):
            batch: Batch = driver.recv()
            os.chdir(batch.folder)
            _preload(sorted({job.track for job in batch.jobs}))
            driver.send(None)  # from now on there are runs to be ended
            _make(batch, driver, parent)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    os._exit(0)


def _preload(tracks: Sequence[str]) -> None:
    """Load what every run needs, so that none pays for torch, transformers and mteb again, or for its text."""
    import torch._decomp.decompositions_for_jvp  # noqa: F401  (the weights of words would load it in every run)
    from transformers.utils.logging import disable_progress_bar

    import srlbench.runs.worker  # noqa: F401
    from srlbench import data
    from srlbench.errors import SrlbenchError
    from srlbench.tracks import load

    disable_progress_bar()  # type: ignore[no-untyped-call]
    load.cache_clear()  # a track's file may have changed since the last batch
    for name in tracks:
        with suppress(SrlbenchError):  # each run has the same error, and puts it into its record
            data.preload(load(name))
    gc.collect()
    gc.freeze()  # a run collects its own garbage alone, and its memory stays shared with this process


def _make(batch: Batch, driver: Connection[Any, Any], parent: int) -> None:
    """Run every job of a batch, and send its news to the driver as (index, news)."""
    waiting = list(reversed(list(enumerate(batch.jobs))))
    running: dict[Any, Running] = {}
    try:
        while waiting or running:
            while waiting and fits(waiting[-1][1], [each.job for each in running.values()], batch.parallel):
                index, job = waiting.pop()
                receive, process = _begin(job, batch.devices, [driver, *running])
                running[receive] = Running(index, job, process, time.monotonic())
            for ready in wait([driver, *running], CHECK):
                if ready is driver:  # it says nothing while runs are made, so this is its end
                    raise EOFError
                index, news = running[ready].index, _news(ready, running)
                if isinstance(news, Shared):
                    shared.known[news.key] = news.value
                else:
                    driver.send((index, news))
            if os.getppid() != parent:
                raise EOFError
    finally:
        for each in running.values():
            each.process.kill()
        for each in running.values():
            each.process.join()


def fits(job: Job, running: Sequence[Job], parallel: int) -> bool:
    """Whether a run can start now; a run of several processes counts as several, and one run can always start."""
    return not running or job.world_size + sum(each.world_size for each in running) <= parallel


def _begin(job: Job, devices: str | None, others: Sequence[Any]) -> tuple[Any, BaseProcess]:
    """Start a run; return the connection for its news, and its process, which closes the connections of others."""
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)
    alone = job.world_size == 1  # a daemon may start no processes
    process = context.Process(target=_work, args=(job, send, devices, [receive, *others]), daemon=alone)
    process.start()
    send.close()
    return receive, process


def _news(receive: Any, running: dict[Any, Running]) -> Progress | Outcome | Shared:
    run = running[receive]
    try:
        news: Progress | Outcome | Shared = receive.recv()
    except EOFError:
        run.process.join()
        news = run.job.failed({"type": "Died", "message": cause(run.process.exitcode)}, time.monotonic() - run.start)
    if isinstance(news, Outcome):
        del running[receive]
        receive.close()
        run.process.join()
    return news


def cause(code: int | None, what: str = "the run's process") -> str:
    """Why a process gave no result, in one clause."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = ", perhaps for want of memory" if name == "SIGKILL" else ""
        return f"{what} was ended by {name}{hint}"
    return f"{what} ended with code {code} and no result"


def _work(job: Job, send: Any, devices: str | None, others: Sequence[Any]) -> None:
    """The run's process; it ends when its parent ends, so no orphan goes on training."""
    for other in others:
        other.close()
    for name, value in ((DEVICES, devices), (VARIABLE, None if job.data is None else str(job.data))):
        if value is not None:
            os.environ[name] = value
    from srlbench.runs.worker import execute
    from srlbench.training.launch import end_with_parent

    end_with_parent()
    last = [0.0]

    def report(stage: str, done: int, of: int) -> None:
        if time.monotonic() - last[0] > PAUSE or done == of:
            last[0] = time.monotonic()
            send.send(Progress(stage, done, of))

    shared.begin(lambda key, value: send.send(Shared(key, value)))
    try:
        send.send(execute(job, report))
    except BrokenPipeError:
        os._exit(1)
