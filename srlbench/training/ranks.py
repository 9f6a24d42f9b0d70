"""Ranks: the processes that run one training together, and the calls by which they exchange tensors.

Every rank has the whole encoder and a share of each batch. It computes the loss of the whole batch, with a gradient
through its own rows alone, and torch's DistributedDataParallel adds the gradients. This is exact for any loss of
embeddings, also with negatives from other ranks or with statistics of the batch. The process group is not torch's
default one: with that, the Trainer, accelerate and sentence-transformers would behave as in a distributed job and, for
example, split each evaluation. Here each rank is a plain training in one process.
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

# The other ranks wait while rank 0 observes the encoder. The process that started the ranks notices if one ends.
PATIENCE = timedelta(days=1)


class Lost(SrlbenchError):
    """The loss of another rank's process, for a reason that this rank does not know."""


@dataclass(frozen=True)
class Ranks:
    """One rank of `size`. All ranks must call the same methods in the same order, or they wait for each other."""

    rank: int = 0
    size: int = 1
    group: Any = field(default=None, repr=False)

    @property
    def first(self) -> bool:
        """Whether this is the rank that observes, reports and writes."""
        return self.rank == 0

    def share(self, rows: Sequence[int]) -> list[int]:
        """This rank's part of a batch; the parts in the order of the ranks are the batch."""
        if len(rows) % self.size:
            raise UsageError(f"{self.size} processes cannot share a batch of {len(rows)} lines equally.")
        part = len(rows) // self.size
        return list(rows[self.rank * part : (self.rank + 1) * part])

    def all_gather(self, rows: Tensor) -> Tensor:
        """The rows of all ranks, with a gradient through this rank's rows."""
        if self.size == 1:
            return rows
        parts = [torch.empty_like(rows) for _ in range(self.size)]
        with _collective():
            self.group.allgather([parts], [rows.detach().contiguous()]).wait()
        parts[self.rank] = rows
        return torch.cat(parts)

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module with the weights of rank 0; its gradients become the mean over the ranks.

        `find_unused_parameters` keeps the order in which gradients are added. Without it the order changes after the
        first step, and a resumed training of three or more ranks would not give the same digits as an unbroken one.
        """
        if self.size == 1:
            return module
        with _collective():
            return DistributedDataParallel(module, process_group=self.group, find_unused_parameters=True)

    def take_weights(self, module: nn.Module) -> None:
        """Replace the weights of the module by those of rank 0."""
        for value in module.state_dict().values() if self.size > 1 else ():
            self._from_first(value)

    def broadcast(self, number: float) -> float:
        """The number that rank 0 has."""
        if self.size == 1:
            return number
        return float(self._from_first(torch.tensor([number], dtype=torch.float64, device=_device())).item())

    def barrier(self) -> None:
        """Wait until all ranks have called this."""
        if self.size > 1:
            one = torch.ones(1, device=_device())
            with _collective():
                self.group.allreduce([one]).wait()
                one.item()  # on a GPU, this is the call that waits

    def _from_first(self, value: Tensor) -> Tensor:
        options = dist.BroadcastOptions()
        options.rootRank = 0
        with _collective():
            self.group.broadcast([value], options).wait()
        return value


ALONE = Ranks()


def connect(rank: int, size: int, path: Path) -> Ranks:
    """This process as one of the ranks, which find each other over a file; a rank uses the one GPU that it sees."""
    store: Any = dist.FileStore(str(path), size)  # type: ignore[attr-defined]
    store.set_timeout(PATIENCE)
    kinds: Any = dist.ProcessGroup.BackendType
    make: Any
    if torch.cuda.is_available():
        torch.cuda.set_device(0)
        kind, make = kinds.NCCL, dist.ProcessGroupNCCL
    else:
        # All ranks are on one machine, so that the loopback interface is enough and keeps their messages private.
        if loopback := [name for _, name in socket.if_nameindex() if name.startswith("lo")]:
            os.environ["GLOO_SOCKET_IFNAME"] = loopback[0]
        kind, make = kinds.GLOO, dist.ProcessGroupGloo
    group: Any = dist.ProcessGroup(store, rank, size)
    with _collective():
        group._set_default_backend(kind)
        group._register_backend(torch.device(_device()), kind, make(store, rank, size, PATIENCE))
    return Ranks(rank, size, group)


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def _collective() -> Iterator[None]:
    """Raise `Lost` when a collective call inside fails because another rank has ended."""
    try:
        yield
    except RuntimeError as error:
        raise Lost(f"another process of the training is gone ({str(error).partition('. ')[0]})") from error
