"""The exact gradient of a loss of a whole batch, from an encoder that takes a few sentences at a time.

This is gradient caching (Gao et al., arXiv 2101.06983). The batch is encoded in chunks without a graph; the loss gives
the gradient of the embeddings; every chunk is encoded again, with the same dropout, and passes that gradient on to the
weights. It holds for any loss that is a function of the embeddings alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from srlbench.training.batches import Block

if TYPE_CHECKING:
    from srlbench.training.objective import Objective


def cut(blocks: list[Block], size: int) -> list[Block]:
    """The same rows in blocks of at most `size` rows."""
    return [
        {key: value[start : start + size] for key, value in block.items()}
        for block in blocks
        for start in range(0, len(block["input_ids"]), size)
    ]


def chunked(objective: Objective, blocks: list[Block], labels: Tensor) -> Tensor:
    """The loss of a batch, whose backward pass encodes the blocks one after the other."""
    states: list[Callable[[], None]] = []
    parts: list[Tensor] = []
    with torch.no_grad():
        for block in blocks:
            states.append(_random_state())
            parts.append(objective.model(block)["sentence_embedding"])
    rows = torch.cat(parts).requires_grad_()
    with torch.enable_grad():
        value = objective.value(*objective.head(rows[labels]).chunk(objective.views.count))
    # Of the head's own weights too: it reads all rows at once, as without chunks.
    head = [weight for weight in objective.head.parameters() if weight.requires_grad]
    slope, *slopes = torch.autograd.grad(value, [rows, *head], allow_unused=True) if value.requires_grad else (None,)

    def backward(scale: Tensor) -> None:
        """Called with the gradient of the value itself, which is one unless somebody scales the loss."""
        for weight, gradient in zip(head, slopes):
            if gradient is not None:
                weight.grad = gradient * scale if weight.grad is None else weight.grad + gradient * scale
        if slope is None:
            return
        before, start = _random_state(), 0
        with torch.enable_grad():
            for block, restore in zip(blocks, states):
                restore()
                part = objective.model(block)["sentence_embedding"]
                part.backward(slope[start : start + len(part)] * scale)
                start += len(part)
        before()

    out: Tensor = value.detach().requires_grad_()
    out.register_hook(backward)  # type: ignore[no-untyped-call]
    return out


def _random_state() -> Callable[[], None]:
    """A function that brings the random state of now back."""
    cpu: Any = torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None

    def restore() -> None:
        torch.set_rng_state(cpu)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)

    return restore
