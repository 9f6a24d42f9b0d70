"""Start and end of the rank processes of one training; the process that starts them waits until all have ended."""

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
from srlbench.training.ranks import Lost, Ranks, connect

Report = Callable[[str, int, int], None]
Make = Callable[[Ranks, Report], Any]
GRACE = 5.0  # seconds to wait for the end of a process that another rank has lost
GPUS = "CUDA_VISIBLE_DEVICES"


class Failed(SrlbenchError):
    """The error that ended one rank, and with it the whole training."""

    def __init__(self, problem: dict[str, str]) -> None:
        super().__init__(problem["message"])
        self.problem = problem


class InheritedFile:
    """An open file that a started process inherits: its lock is released when the last of these processes ends."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        return _inherited, (reduction.DupFd(self.descriptor),)


def _inherited(duplicate: Any) -> InheritedFile:
    return InheritedFile(duplicate.detach())


def problem(error: Exception) -> dict[str, str]:
    """An error in the form of a record: its type, its first line, and the traceback of an unforeseen error."""
    if isinstance(error, Failed):
        return error.problem
    if isinstance(error, SrlbenchError):
        return {"type": type(error).__name__, "message": str(error)}
    message = f"{type(error).__name__}: {error}".partition("\n")[0]
    trace = "".join(traceback.format_exception(error))
    return {"type": type(error).__name__, "message": message, "traceback": trace}


def together(make: Make, size: int, store: Path, report: Report, lock: int) -> Any:
    """The result of `make` on rank 0, when `size` processes run it together; if one fails, all end.

    store: a file over which the processes find each other. lock: an open file, which all of them inherit.
    """
    devices = _devices(size)
    store.unlink(missing_ok=True)
    context = multiprocessing.get_context("spawn")
    ranks: dict[Connection, BaseProcess] = {}
    try:
        for rank in range(size):
            receive, send = context.Pipe(duplex=False)
            process: BaseProcess = context.Process(
                target=_rank,
                args=(make, rank, size, store, send, InheritedFile(lock)),
                name=f"rank {rank} of {size}",
                daemon=True,
            )
            with _visible(devices[rank] if devices else None):
                process.start()
            send.close()
            ranks[receive] = process
        return _result(ranks, report)
    finally:
        for process in ranks.values():
            process.kill()
            process.join()
        store.unlink(missing_ok=True)


def _result(ranks: dict[Connection, BaseProcess], report: Report) -> Any:
    """The result of rank 0, after every rank has sent its own."""
    first, waiting = next(iter(ranks)), set(ranks)
    result = b""
    while waiting:
        for receive in wait(list(waiting)):
            assert isinstance(receive, Connection)
            try:
                kind, message = receive.recv()
            except EOFError:
                raise Failed(_death(ranks[receive])) from None
            if kind == "failed":
                raise Failed(message if message["type"] != Lost.__name__ else _lost(ranks, message))
            if kind == "progress":
                report(*message)
            else:
                waiting.remove(receive)
                result = message if receive is first else result
    return pickle.loads(result)


def _lost(ranks: dict[Connection, BaseProcess], otherwise: dict[str, str]) -> dict[str, str]:
    """The problem of the rank that failed or ended, when another rank reports only that it lost one."""
    deadline, open_ = time.monotonic() + GRACE, set(ranks)
    while open_ and (left := deadline - time.monotonic()) > 0:
        for receive in wait(list(open_), left):
            assert isinstance(receive, Connection)
            try:
                kind, message = receive.recv()
            except EOFError:
                return _death(ranks[receive])
            if kind == "failed" and message["type"] != Lost.__name__:
                return dict(message)
            if kind != "progress":
                open_.remove(receive)  # it has nothing more to say
    return otherwise


def _death(process: BaseProcess) -> dict[str, str]:
    """The problem of a process that ended without a result."""
    process.join()
    code = process.exitcode or 0
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code} and no result"
    hint = ", perhaps for want of memory" if -code == signal.SIGKILL else ""
    return {"type": "Died", "message": f"{process.name} {how}{hint}"}


def _devices(size: int) -> list[str]:
    """The GPUs that this process sees, as values of CUDA_VISIBLE_DEVICES; an empty list if there are none."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if 0 < count < size:
        raise UsageError(f"world_size = {size} needs {size} GPUs, and {count} can be seen here.")
    visible = os.environ.get(GPUS)
    return visible.split(",")[:count] if visible else [str(number) for number in range(count)]


@contextmanager
def _visible(device: str | None) -> Iterator[None]:
    """Let a process that starts inside see this GPU alone; libraries read the variable while they are imported."""
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


def _rank(make: Make, rank: int, size: int, store: Path, send: Connection, lock: InheritedFile) -> None:
    """The main function of a rank's process. It waits to be killed, because other ranks may still need this one."""
    end_with_parent()
    disable_progress_bar()  # type: ignore[no-untyped-call]

    def report(stage: str, done: int, of: int) -> None:
        if rank == 0:
            send.send(("progress", (stage, done, of)))

    try:
        result = make(connect(rank, size, store), report)
        message: tuple[str, Any] = ("result", pickle.dumps(result) if rank == 0 else b"")
    except BrokenPipeError:
        os._exit(1)
    except Exception as error:
        message = ("failed", problem(error))
    with suppress(BrokenPipeError):
        send.send(message)
    while True:
        time.sleep(3600)


def end_with_parent() -> None:
    """End this process when its parent is killed, so that no orphan goes on training."""
    parent: Any = multiprocessing.parent_process()

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
