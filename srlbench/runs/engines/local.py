"""Runs side by side on this machine, each in a process of its own; the caller's process is left as it was."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from types import MappingProxyType
from typing import Any

from srlbench.runs.engines.host import DEVICES, IDLE, Batch, cause
from srlbench.runs.job import Event, Job, Outcome

# What the runs' processes find in their environment. Libraries read it when they are imported. Data and weights are
# fetched beforehand by the driver: a run never touches the network.
ENVIRONMENT = {
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_OFFLINE": "1",
    "PYTHONHASHSEED": "0",
    # The resource tracker complains of locks that a run ended by an interrupt could not give back.
    "PYTHONWARNINGS": "ignore::UserWarning:multiprocessing.resource_tracker",
    "TOKENIZERS_PARALLELISM": "false",
    # Else every rank says that there were no unused parameters; they are looked for because of what else that does.
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    "TRANSFORMERS_VERBOSITY": "error",
}
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
GRACE = 5.0  # seconds that a host has to end its runs
# The host finds modules where the caller does. It has no main module: none of the caller's code is run again.
PROGRAM = "import sys; sys.path[:] = sys.argv[3:]; from srlbench.runs.engines.host import main; main({}, {})"

Settings = Mapping[str, str | None]  # of the environment; None: not set
NONE: Settings = MappingProxyType({})


def run(jobs: Sequence[Job], parallel: int, threads: int, settings: Settings = NONE) -> Iterator[Event]:
    """Run every job, `parallel` at a time; outcomes come in the order they finish.

    settings: of the runs' environment, where it is not to be the caller's.
    """
    host = host_of(environment(threads, settings))
    try:
        yield from host.make(jobs, parallel)
    finally:
        if host.busy or host not in _kept:
            host.close()


def environment(threads: int, settings: Settings = NONE) -> dict[str, str]:
    """The environment of the runs: the caller's, what is set for these runs, and what all runs have in common."""
    merged = {**os.environ, **settings, **ENVIRONMENT, **dict.fromkeys(THREADS, str(threads))}
    return {name: value for name, value in merged.items() if value is not None}


_kept: list[Host] = []  # the last one, which makes the next suite too: to load the libraries takes seconds


def host_of(environment: Mapping[str, str]) -> Host:
    """The process that makes runs: the one that is there, or a new one if this environment needs another."""
    for host in _kept:
        if host.busy and host.process.poll() is None:  # with the runs of another thread
            return Host(environment)
        if host.serves(environment):
            return host
        host.close()
    _kept[:] = [Host(environment)]
    return _kept[0]


@atexit.register
def _close() -> None:
    for host in _kept:
        host.close()


os.register_at_fork(after_in_child=_kept.clear)  # it is of one process


class Host:
    """A process that has the libraries loaded and makes runs; it ends with this one, however that ends."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        descriptor = theirs.fileno()
        flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        program = PROGRAM.format(descriptor, os.getpid())
        self.environment, self.path, self.last = dict(environment), _path(), time.monotonic()
        with theirs, _without_interrupts():
            self.process = subprocess.Popen(
                [sys.executable, *flags, "-c", program, "srlbench", "runs", *self.path],
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[descriptor],
            )
        self.connection: Connection[Any, Any] = Connection(ours.detach())
        self.busy = False  # asked for runs that it has not all made
        self._running = False  # runs, which must be ended

    def make(self, jobs: Sequence[Job], parallel: int) -> Iterator[Event]:
        """Run every job. If the host is killed, the jobs that it had not finished have failed."""
        left, start = dict(enumerate(jobs)), time.monotonic()
        self.busy = True
        try:
            self.connection.send(Batch(jobs, parallel, os.getcwd(), os.environ.get(DEVICES)))
            self.connection.recv()
            self._running = True
            while left:
                index, news = self.connection.recv()
                if isinstance(news, Outcome):
                    del left[index]
                yield Event(jobs[index], news)
            self.busy = self._running = False
            self.last = time.monotonic()
        except (EOFError, ConnectionError):
            how = cause(self.process.wait(), "the process that makes the runs")
            for job in left.values():
                yield Event(job, job.failed({"type": "Died", "message": how}, time.monotonic() - start))

    def serves(self, environment: Mapping[str, str]) -> bool:
        """Whether it lives, for a while yet, and its runs would find this environment and this module path."""
        lives = self.process.poll() is None and time.monotonic() - self.last < IDLE / 2
        return lives and self.environment == environment and self.path == _path()

    def close(self) -> None:
        """End the host and its runs, and wait for that."""
        self.connection.close()
        if not self._running:
            self.process.kill()
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _path() -> list[str]:
    return [os.path.abspath(entry) for entry in sys.path]  # '' is the folder that the caller is in


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Block interrupts inside, so that a new process is not interrupted before it can ignore them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
