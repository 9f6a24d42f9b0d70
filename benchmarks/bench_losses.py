"""Forward and backward of every loss on a batch of the paper's size."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from srlbench import registry
from srlbench.recipe import Loss


@pytest.mark.parametrize("name", registry.loss_names())
def test_forward_and_backward(name: str, benchmark: Any) -> None:
    torch.set_num_threads(1)
    loss = registry.loss_function(Loss(name))
    a, b = (torch.randn(128, 768, requires_grad=True) for _ in range(2))
    benchmark(lambda: loss(a, b).backward())
