"""A queue of earlier sentences as further negatives, encoded by a momentum encoder (ESimCSE, arXiv 2109.04380)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from srlbench.training.slow import Slow
from srlbench.training.step import Start, Step


class Queue(nn.Module):
    """Gives the loss `bank`: the vectors of the last `size` sentences, without a gradient; at first there are none.

    After a step the momentum encoder follows, and encodes the first view without dropout; the head is the live one.
    """

    def __init__(self, start: Start, *, size: int = 160, momentum: float = 0.995) -> None:
        super().__init__()
        self.slow = Slow(start.model, momentum)
        self.register_buffer("rows", torch.zeros(size, start.width))
        self.register_buffer("filled", torch.zeros((), dtype=torch.long))

    rows: Tensor
    filled: Tensor

    def gives(self, step: Step) -> dict[str, Any]:
        return {"bank": self.rows[: int(self.filled)].clone()}

    def after(self, step: Step) -> None:
        self.slow.follow(step.model)
        own = step.head(step.encode(step.texts[0], self.slow.model.eval()))
        new = step.ranks.all_gather(own.detach())[-len(self.rows) :]
        kept = self.rows[: int(self.filled)][max(0, int(self.filled) + len(new) - len(self.rows)) :]
        both = torch.cat([kept, new])
        self.rows[: len(both)] = both
        self.filled.fill_(len(both))
