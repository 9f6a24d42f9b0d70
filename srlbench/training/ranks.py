"""The processes that make one training together, as one of them sees them: what it takes from the others.

Every rank has all of the encoder and a share of each batch. The loss is taken by each of the whole batch, with the
gradient through its own rows alone, and torch's DistributedDataParallel adds the gradients up: exact for any loss of
embeddings, with negatives of the other ranks or with statistics of the batch. The group is not torch's default one,
which would make of the Trainer, of accelerate and of sentence-transformers what they are in a launched job, down to
a share of each evaluation: each rank is a plain one-process training.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from srlbench.errors import SrlbenchError, UsageError

PATIENCE = timedelta(days=1)  # others wait while rank 0 looks at the encoder; who started the ranks sees them end


class Lost(SrlbenchError):
    """Another rank is gone; why, it does not say itself."""


@dataclass(frozen=True)
class Ranks:
    """One rank of so many. All call the same methods in the same order, or they wait for each other."""

    rank: int = 0
    size: int = 1
    group: Any = field(default=None, repr=False)

    @property
    def first(self) -> bool:
        """Whether this is the one that looks, tells and writes."""
        return self.rank == 0

    def share(self, rows: Sequence[int]) -> list[int]:
        """Its part of a batch; in the order of the ranks the parts are the batch."""
        if len(rows) % self.size:
            raise UsageError(f"{self.size} processes cannot share a batch of {len(rows)} lines equally.")
        part = len(rows) // self.size
        return list(rows[self.rank * part : (self.rank + 1) * part])

    def all_gather(self, rows: Tensor) -> Tensor:
        """The rows of all ranks, with a gradient through its own."""
        if self.size == 1:
            return rows
        parts = [torch.empty_like(rows) for _ in range(self.size)]
        with _together():
            self.group.allgather([parts], [rows.detach().contiguous()]).wait()
        parts[self.rank] = rows
        return torch.cat(parts)

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module with rank 0's weights, whose gradients become the mean over ranks as they are found.

        While unused parameters are looked for, the order in which gradients are added never changes: it would after the
        first step otherwise, and a resumed training of three or more would not give the digits of an unbroken one.
        """
        if self.size == 1:
            return module
        with _together():
            return DistributedDataParallel(module, process_group=self.group, find_unused_parameters=True)

    def take_weights(self, module: nn.Module) -> None:
        """Those that rank 0 has."""
        for value in module.state_dict().values() if self.size > 1 else ():
            self._from_first(value)

    def broadcast(self, number: float) -> float:
        """The number that rank 0 has."""
        if self.size == 1:
            return number
        return float(self._from_first(torch.tensor([number], dtype=torch.float64, device=_device())).item())

    def barrier(self) -> None:
        """Ends when all ranks are here."""
        if self.size > 1:
            here = torch.ones(1, device=_device())
            with _together():
                self.group.allreduce([here]).wait()
                here.item()  # on a GPU, waiting is done here

    def _from_first(self, value: Tensor) -> Tensor:
        options = dist.BroadcastOptions()
        options.rootRank = 0
        with _together():
            self.group.broadcast([value], options).wait()
        return value


ALONE = Ranks()


def join(rank: int, size: int, place: Path) -> Ranks:
    """This process as one of the ranks that meet at a file; with GPUs, its own is the one that it sees."""
    store: Any = dist.FileStore(str(place), size)  # type: ignore[attr-defined]
    store.set_timeout(PATIENCE)
    kinds: Any = dist.ProcessGroup.BackendType
    make: Any
    if torch.cuda.is_available():
        torch.cuda.set_device(0)
        kind, make = kinds.NCCL, dist.ProcessGroupNCCL
    else:
        # They are on one machine, and what they say to each other is nobody else's.
        if inside := [name for _, name in socket.if_nameindex() if name.startswith("lo")]:
            os.environ["GLOO_SOCKET_IFNAME"] = inside[0]
        kind, make = kinds.GLOO, dist.ProcessGroupGloo
    group: Any = dist.ProcessGroup(store, rank, size)
    with _together():
        group._set_default_backend(kind)
        group._register_backend(torch.device(_device()), kind, make(store, rank, size, PATIENCE))
    return Ranks(rank, size, group)


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def _together() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise Lost(f"another process of the training is gone ({str(error).partition('. ')[0]})") from error
