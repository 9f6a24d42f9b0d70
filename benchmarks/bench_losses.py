"""Forward and backward of every loss over batch sizes, and the memory it takes beside its two views."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from srlbench import losses
from srlbench.recipe import Loss, LossFunction

WIDTH, LARGE = 768, 1024


def views(batch: int) -> list[Tensor]:
    """Of one cone, as sentence embeddings are: the margins have something to do."""
    return [(0.1 + torch.randn(batch, WIDTH) / WIDTH**0.5).requires_grad_() for _ in range(2)]


def peak(loss: LossFunction, *leaves: Tensor) -> float:
    """MiB held at once, the views themselves apart."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        torch.autograd.grad(loss(*leaves), leaves)
    # What each operation took or gave back, and what was given back between operations.
    taken = [event.self_cpu_memory_usage for event in sorted(record.events(), key=lambda e: e.time_range.start)]
    most = max(accumulate(taken))
    return most / 2**20


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("batch", [64, 256, LARGE])
@pytest.mark.parametrize("name", losses.names())
def test_forward_and_backward(name: str, batch: int, benchmark: Any) -> None:
    loss, leaves = Loss(name).load(), views(batch)
    benchmark(lambda: torch.autograd.grad(loss(*leaves), leaves))


@pytest.mark.parametrize("name", losses.names())
def test_memory(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    used = peak(Loss(name).load(), *views(LARGE))
    with capsys.disabled():
        print(f"\n{name}: {used:.0f} MiB at batch {LARGE}", end="")
    # One (n, n, d) tensor would be 3072 MiB; a view is 3, an (n, n) matrix 4.
    assert 3 < used < 100
