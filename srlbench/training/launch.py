"""The start and the end of the ranks of one training; whoever starts them waits, and sees each of them end."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import reduction
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
from transformers.utils.logging import disable_progress_bar

from srlbench.errors import SrlbenchError, UsageError
from srlbench.training.ranks import Lost, Ranks, join

Report = Callable[[str, int, int], None]
Make = Callable[[Ranks, Report], Any]
GRACE = 5.0  # seconds in which the rank that another one misses is found dead
GPUS = "CUDA_VISIBLE_DEVICES"


class Failed(SrlbenchError):
    """What ended a rank, and all of them with it."""

    def __init__(self, problem: dict[str, str]) -> None:
        super().__init__(problem["message"])
        self.problem = problem


class Held:
    """An open file that a started process has too: its lock is given back when the last of them has ended."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        return _held, (reduction.DupFd(self.descriptor),)


def _held(passed: Any) -> Held:
    return Held(passed.detach())


def problem(error: Exception) -> dict[str, str]:
    """An error as a record keeps it: one line of it, and how it came about if it is not one of ours."""
    if isinstance(error, Failed):
        return error.problem
    if isinstance(error, SrlbenchError):
        return {"type": type(error).__name__, "message": str(error)}
    said = f"{type(error).__name__}: {error}".partition("\n")[0]
    trace = "".join(traceback.format_exception(error))
    return {"type": type(error).__name__, "message": said, "traceback": trace}


def together(make: Make, size: int, place: Path, report: Report, lock: int) -> Any:
    """What `make` gives rank 0, of so many processes that meet at a file and hold the lock; if one fails, all end."""
    devices = _devices(size)
    place.unlink(missing_ok=True)
    context = multiprocessing.get_context("spawn")
    ranks: dict[Connection, BaseProcess] = {}
    try:
        for rank in range(size):
            receive, send = context.Pipe(duplex=False)
            process: BaseProcess = context.Process(
                target=_rank,
                args=(make, rank, size, place, send, Held(lock)),
                name=f"rank {rank} of {size}",
                daemon=True,
            )
            with _seeing(devices[rank] if devices else None):
                process.start()
            send.close()
            ranks[receive] = process
        return _result(ranks, report)
    finally:
        for process in ranks.values():
            process.kill()
            process.join()
        place.unlink(missing_ok=True)


def _result(ranks: dict[Connection, BaseProcess], report: Report) -> Any:
    first, waiting = next(iter(ranks)), set(ranks)
    made = b""
    while waiting:
        for receive in wait(list(waiting)):
            assert isinstance(receive, Connection)
            try:
                kind, said = receive.recv()
            except EOFError:
                raise Failed(_death(ranks[receive])) from None
            if kind == "failed":
                raise Failed(said if said["type"] != Lost.__name__ else _missed(ranks, said))
            if kind == "progress":
                report(*said)
            else:
                waiting.remove(receive)
                made = said if receive is first else made
    return pickle.loads(made)


def _missed(ranks: dict[Connection, BaseProcess], said: dict[str, str]) -> dict[str, str]:
    """Why a rank was missed by another: how the one ended that did."""
    ended = wait([process.sentinel for process in ranks.values()], GRACE)
    return next((_death(process) for process in ranks.values() if process.sentinel in ended), said)


def _death(process: BaseProcess) -> dict[str, str]:
    process.join()
    code = process.exitcode or 0
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code} and no result"
    hint = ", perhaps for want of memory" if -code == signal.SIGKILL else ""
    return {"type": "Died", "message": f"{process.name} {how}{hint}"}


def _devices(size: int) -> list[str]:
    """The GPUs that this process sees, as a process that shall see one of them is told; none, if there are none."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if 0 < count < size:
        raise UsageError(f"world_size = {size} needs {size} GPUs, and {count} can be seen here.")
    known = os.environ.get(GPUS)
    return known.split(",")[:count] if known else [str(number) for number in range(count)]


@contextmanager
def _seeing(device: str | None) -> Iterator[None]:
    """What is started here sees one GPU; set before it begins, for libraries look while they are imported."""
    before = os.environ.get(GPUS)
    if device is not None:
        os.environ[GPUS] = device
    try:
        yield
    finally:
        if device is not None:
            os.environ.pop(GPUS)
        if before is not None:
            os.environ[GPUS] = before


def _rank(make: Make, rank: int, size: int, place: Path, send: Connection, held: Held) -> None:
    """A rank's process. It ends when it is ended, for the others may still have need of what it said."""
    end_with_parent()
    disable_progress_bar()  # type: ignore[no-untyped-call]

    def report(stage: str, done: int, of: int) -> None:
        if rank == 0:
            send.send(("progress", (stage, done, of)))

    try:
        made = make(join(rank, size, place), report)
        said: tuple[str, Any] = ("made", pickle.dumps(made) if rank == 0 else b"")
    except BrokenPipeError:
        os._exit(1)
    except Exception as error:
        said = ("failed", problem(error))
    with suppress(BrokenPipeError):
        send.send(said)
    while True:
        time.sleep(3600)


def end_with_parent() -> None:
    """If the process that started this one is killed, this one ends: no orphan goes on training."""
    parent: Any = multiprocessing.parent_process()

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
