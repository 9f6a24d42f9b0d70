"""Runs on a Ray cluster: each is a task with its own processors and GPUs, and starts again if its machine is lost."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from ray import exceptions as lost

import srlbench
from srlbench.errors import SrlbenchError, UsageError
from srlbench.records import checkout, software
from srlbench.runs.engines import node, parcel
from srlbench.runs.job import ANY, Crew, Event, Job, Lost, Outcome, Progress, Share

TRIES = 3  # of a run whose process or machine is lost
PAUSE = 0.2  # seconds between two progress messages
KNOWN = 5.0  # seconds for which a count of machines holds
TEMPORARY = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
LAST = Path(TEMPORARY, "ray", "ray_current_cluster")  # where Ray notes the last one begun
REASONS = {
    lost.OutOfMemoryError: "its machine ran out of memory",
    lost.NodeDiedError: "its machine was lost",
    lost.WorkerCrashedError: "its process was killed, or its machine was lost",
}


@dataclass(frozen=True)
class Attempt:
    """One attempt at a run, by the run's index among the jobs."""

    index: int
    number: int = 1


def run(
    jobs: Sequence[Job], parallel: int | None, threads: int, address: str | None = None, share: Share = ANY
) -> Iterator[Event]:
    """Make every job on the cluster, all at once or `parallel` at a time; outcomes come in the order they finish."""
    with _connected(address):
        yield from _Suite(jobs, _resources(share, threads, jobs), threads).events(parallel)


@contextmanager
def _connected(address: str | None) -> Iterator[None]:
    """The cluster at an address, or one of this machine alone; the driver's own code goes to its machines."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a benchmark calls nobody
    travels = {"py_modules": [str(Path(srlbench.__file__).parent)], "excludes": ["published"]}
    where = address or os.environ.get("RAY_ADDRESS") or "local"
    try:
        _check_reachable(where)
        ray.init(address=where, runtime_env=travels, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        raise SrlbenchError(f"Cannot join the Ray cluster at {where}: {_first(error)}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise an OSError if nothing listens at the address; Ray would try for minutes, also after a cluster ended."""
    if address == "auto" and LAST.is_file():
        address = LAST.read_text(encoding="utf-8").strip()
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=KNOWN).close()


def _resources(share: Share, threads: int, jobs: Sequence[Job]) -> dict[str, float]:
    """The resources of each process of a run; an error if no machine has enough for all processes of a run."""
    machines = _machines()
    gpus = share.gpus if share.gpus is not None else float(any(each.get("GPU") for each in machines))
    asked = {"CPU": share.cpus or threads, "GPU": gpus}
    width = max(job.world_size for job in jobs)
    if any(gpus * each > 1 and gpus * each % 1 for each in {1, width}):
        raise UsageError(f"--gpus-per-run {gpus:g}: a run has a part of one GPU, or whole GPUs.")
    if not any(_fits(each, asked, width) for each in machines):
        largest = max(machines, key=lambda each: (each.get("GPU", 0), each.get("CPU", 0)), default={})
        need = ", ".join(f"{name} {n * width:g}" for name, n in asked.items())
        has = ", ".join(f"{name} {largest.get(name, 0):g}" for name in asked)
        raise SrlbenchError(f"No machine of the cluster has what a run takes ({need}); the largest has {has}.")
    return asked


def _machines() -> list[dict[str, float]]:
    """The resources of each machine that is alive."""
    return [each["Resources"] for each in ray.nodes() if each["Alive"]]


def _fits(machine: dict[str, float], asked: dict[str, float], width: int = 1) -> bool:
    return all(machine.get(name, 0) >= n * width for name, n in asked.items())


class _Suite:
    """The runs of a suite on the cluster: those that wait, and those that were submitted."""

    def __init__(self, jobs: Sequence[Job], asked: dict[str, float], threads: int) -> None:
        self.jobs, self.asked, self.threads = jobs, asked, threads
        self.there, self.parcel = parcel.pack(jobs, ray.put)
        self.software, self.checkout = software(), checkout()
        self.mailbox = ray.remote(Mailbox).options(num_cpus=0, max_restarts=-1).remote()
        # A worker is used again, with a GPU too: it keeps the host of its runs, and only the runs touch their devices.
        self.task = ray.remote(max_calls=0)(_task)
        self.waiting = deque(map(Attempt, range(len(jobs))))
        self.tasks: dict[Any, Attempt] = {}
        self.begun: set[Attempt] = set()
        self.counted, self.machines = 0.0, 0

    def events(self, parallel: int | None) -> Iterator[Event]:
        letter = self.mailbox.read.remote()
        while self.waiting or self.tasks:
            while self.waiting and (parallel is None or len(self.tasks) < parallel):
                self.submit(self.waiting.popleft())
            everything = [letter, *self.tasks]
            ray.wait(everything, num_returns=1)
            for found in ray.wait(everything, num_returns=len(everything), timeout=0)[0]:
                if found == letter:
                    yield from self.progress(found)
                    letter = self.mailbox.read.remote()
                else:
                    yield self.end(found)

    def submit(self, attempt: Attempt) -> None:
        job = self.there[attempt.index]
        task = self.task.options(
            num_cpus=self.asked["CPU"] * job.world_size,
            num_gpus=self.asked["GPU"] * job.world_size,
            max_retries=0,  # which run is begun again is said and counted here
        )
        self.tasks[task.remote(job, self.parcel, self.threads, self.software, self.mailbox, attempt)] = attempt

    def progress(self, letter: Any) -> Iterator[Event]:
        try:
            news: dict[Attempt, Progress] = ray.get(letter)
        except lost.RayError:  # the mailbox was on a machine that was lost; it begins anew on another
            return
        under_way = {*self.tasks.values()}
        for attempt, step in news.items():
            if attempt in under_way:
                self.begun.add(attempt)
                yield Event(self.jobs[attempt.index], step, self.crew())

    def end(self, task: Any) -> Event:
        attempt = self.tasks.pop(task)
        self.begun.discard(attempt)
        job = self.jobs[attempt.index]
        found = _outcome(task, job)
        if isinstance(found, str) and attempt.number < TRIES:
            self.waiting.append(replace(attempt, number=attempt.number + 1))
            return Event(job, Lost(found, attempt.number, TRIES), self.crew())
        if isinstance(found, str):
            problem = {"type": "Lost", "message": f"lost {TRIES} times, the last time because {found}"}
            return Event(job, job.failed(problem, 0.0), self.crew())
        if where := found.record.environment:  # the code is the driver's, whose checkout the machine cannot see
            record = replace(found.record, environment={**where, "git": self.checkout})
            found = replace(found, record=record)
        return Event(job, found, self.crew())

    def crew(self) -> Crew:
        if time.monotonic() - self.counted > KNOWN:
            self.machines = sum(_fits(each, self.asked) for each in _machines())
            self.counted = time.monotonic()
        running = len(self.begun)
        return Crew(self.machines, running, len(self.waiting) + len(self.tasks) - running)


def _outcome(task: Any, job: Job) -> Outcome | str:
    """The outcome of a task, after its encoder is written; or the reason why the run was lost."""
    try:
        made: node.Made = ray.get(task)
        shutil.rmtree(job.work / "encoder", ignore_errors=True)
        parcel.write_files(made.encoder, job.work / "encoder", ray.get)
    except lost.RayTaskError as error:
        if isinstance(error.cause, SrlbenchError):
            raise SrlbenchError(str(error.cause)) from None
        return f"{type(error.cause).__name__}: {_first(error.cause)}"
    except lost.RayError as error:
        return next((reason for kind, reason in REASONS.items() if isinstance(error, kind)), _first(error))
    problem = made.outcome.record.error or {}
    return problem["message"] if problem.get("type") == "Died" else made.outcome


def _task(job: Job, sent: parcel.Parcel, threads: int, expected: Any, mailbox: Any, attempt: Attempt) -> node.Made:
    """The task's process, which starts the run and reports its progress."""

    def tell(step: Progress) -> None:
        mailbox.tell.remote(attempt, step)

    tell(Progress("start", 0, 1))
    return node.make(job, sent, threads, expected, node.Store(ray.get, ray.put), tell)


class Mailbox:
    """Holds the latest progress of each run until the driver reads it."""

    def __init__(self) -> None:
        self.news: dict[Attempt, Progress] = {}
        self.came = asyncio.Event()

    async def tell(self, attempt: Attempt, step: Progress) -> None:
        self.news[attempt] = step
        self.came.set()

    async def read(self) -> dict[Attempt, Progress]:
        await self.came.wait()
        await asyncio.sleep(PAUSE)
        self.came.clear()
        news, self.news = self.news, {}
        return news


def _first(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
