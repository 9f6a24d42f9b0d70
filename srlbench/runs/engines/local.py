"""Runs side by side on this machine, each in a process of its own forked from one that has the libraries loaded."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from srlbench.runs.job import Event, Job, Outcome, Progress

# Read by libraries when they are imported, so set before the fork server starts. Data and weights are fetched
# beforehand by the driver: a run never touches the network.
ENVIRONMENT = {
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_OFFLINE": "1",
    "PYTHONHASHSEED": "0",
    # The tracker of the fork server complains of locks that a run ended by an interrupt could not give back.
    "PYTHONWARNINGS": "ignore::UserWarning:multiprocessing.resource_tracker",
    "TOKENIZERS_PARALLELISM": "false",
    # Else every rank says that there were no unused parameters; they are looked for because of what else that does.
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    "TRANSFORMERS_VERBOSITY": "error",
}
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
TRACKS = "SRLBENCH_PRELOADED_TRACKS"  # whose text the fork server generates
DEVICES = "CUDA_VISIBLE_DEVICES"  # a run's own, where the fork server was started with another's
LONGEST = 100  # letters of a socket's name; systems differ by a few
PAUSE = 0.2  # seconds between two words of progress from one run


def run(jobs: Sequence[Job], parallel: int, threads: int) -> Iterator[Event]:
    """Make every job, `parallel` at a time; outcomes come in the order they finish."""
    os.environ.update(ENVIRONMENT, **dict.fromkeys(THREADS, str(threads)))
    os.environ[TRACKS] = os.pathsep.join(sorted({job.track for job in jobs}))
    context: Any = multiprocessing.get_context(_method())
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload(["srlbench.runs.engines.preload"])
    waiting = list(reversed(jobs))
    running: dict[Any, tuple[Job, BaseProcess, float]] = {}
    try:
        while waiting or running:
            while waiting and _fits(waiting[-1], running, parallel):
                job = waiting.pop()
                receive, send = context.Pipe(duplex=False)
                alone = job.world_size == 1
                process = context.Process(target=_work, args=(job, send, os.environ.get(DEVICES)), daemon=alone)
                process.start()
                if not alone:  # a daemon may start no processes; for one that is none, Python waits when it exits
                    atexit.register(process.kill)
                send.close()
                running[receive] = (job, process, time.monotonic())
            for receive in list(wait(list(running))):
                yield _news(receive, running)
    finally:
        for _, process, _ in running.values():
            process.kill()


def _fits(job: Job, running: dict[Any, tuple[Job, BaseProcess, float]], parallel: int) -> bool:
    """Whether a run can begin: one of several processes takes as many places, and the first always can."""
    return not running or job.world_size + sum(each.world_size for each, _, _ in running.values()) <= parallel


def _method() -> str:
    """Importing torch and mteb takes seconds: a fork server does it once, and every run is forked from there.

    It listens on a socket in the temporary folder, and the system has room for about a hundred letters of its name.
    """
    name = os.path.join(tempfile.gettempdir(), "pymp-abcdefgh", "listener-abcdefgh")
    served = "forkserver" in multiprocessing.get_all_start_methods() and len(os.fsencode(name)) <= LONGEST
    return "forkserver" if served else "spawn"


def _news(receive: Any, running: dict[Any, tuple[Job, BaseProcess, float]]) -> Event:
    job, process, start = running[receive]
    try:
        news: Progress | Outcome = receive.recv()
    except EOFError:
        process.join()
        news = job.failed({"type": "Died", "message": _cause(process.exitcode)}, time.monotonic() - start)
    if isinstance(news, Outcome):
        del running[receive]
        receive.close()
        process.join()
    return Event(job, news)


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = ", perhaps for want of memory" if name == "SIGKILL" else ""
        return f"the run's process was ended by {name}{hint}"
    return f"the run's process ended with code {code} and no result"


def _work(job: Job, send: Connection, devices: str | None) -> None:
    """The run's process. If the driver dies the pipe breaks and the run ends, so that no orphan goes on training."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if devices is not None:
        os.environ[DEVICES] = devices
    from srlbench.runs.worker import execute

    said = [0.0]

    def report(stage: str, done: int, of: int) -> None:
        if time.monotonic() - said[0] > PAUSE or done == of:
            said[0] = time.monotonic()
            send.send(Progress(stage, done, of))

    try:
        send.send(execute(job, report))
    except BrokenPipeError:
        os._exit(1)
