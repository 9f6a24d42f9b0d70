"""Every registered loss: its value and gradient against explicit loops, its symmetries, its edges."""

from __future__ import annotations

import pytest
import torch
from loop_losses import BY_NAME
from torch import Tensor

from srlbench import registry
from srlbench.recipe import Loss

NAMES = registry.loss_names()


def views(n: int = 6, width: int = 4, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, width, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2)]


@pytest.mark.parametrize("name", NAMES)
def test_value_and_gradient_equal_the_explicit_loop(name: str) -> None:
    mine, loop = views(), views()
    value = registry.loss_function(Loss(name))(*mine)
    expected = BY_NAME[name](*loop)
    value.backward()
    expected.backward()
    torch.testing.assert_close(value, expected, rtol=1e-10, atol=1e-12)
    for x, y in zip(mine, loop, strict=True):
        torch.testing.assert_close(x.grad, y.grad, rtol=1e-8, atol=1e-10)


def test_hard_negatives_of_info_nce_equal_the_explicit_loop() -> None:
    (a, b), (c, _) = views(seed=1), views(seed=2)
    torch.testing.assert_close(registry.loss_function(Loss("info_nce"))(a, b, c), BY_NAME["info_nce"](a, b, c))


@pytest.mark.parametrize("name", NAMES)
def test_permuting_the_batch_changes_nothing(name: str) -> None:
    a, b = views()
    order = torch.randperm(len(a))
    loss = registry.loss_function(Loss(name))
    torch.testing.assert_close(loss(a[order], b[order]), loss(a, b))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", NAMES)
def test_no_nan_at_the_edges(name: str, dtype: torch.dtype) -> None:
    a, b = (v.detach().to(dtype) for v in views())
    edges = {
        "same": (a, a),
        "opposite": (a, -a),
        "one pair": (a[:1], b[:1]),
        "duplicates": (a[[0, 0, 1]], b[[0, 0, 1]]),
    }
    for edge, (x, y) in edges.items():
        x, y = x.clone().requires_grad_(), y.clone().requires_grad_()
        value = registry.loss_function(Loss(name))(x, y)
        value.backward()
        assert torch.isfinite(value), edge
        assert x.grad is not None and torch.isfinite(x.grad).all(), edge
        assert y.grad is not None and torch.isfinite(y.grad).all(), edge


@pytest.mark.parametrize("name", NAMES)
def test_documented_in_the_house_order(name: str) -> None:
    said = registry.loss_function(Loss(name)).__doc__ or ""
    places = [said.find(part) for part in ("Args:", "Reference:", "Relations:")]
    assert -1 not in places and places == sorted(places)
