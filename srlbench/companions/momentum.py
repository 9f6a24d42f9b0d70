"""A momentum encoder that makes one of the views (BYOL; UNSEE, EACL 2024)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from srlbench.training.slow import Slow
from srlbench.training.step import Start, Step
from srlbench.training.text import Text


class Momentum(nn.Module):
    """Encodes a view that names it, with dropout and through the live head, without a gradient; then it follows."""

    def __init__(self, start: Start, *, momentum: float = 0.995) -> None:
        super().__init__()
        self.slow = Slow(start.model, momentum)

    def encode(self, step: Step, text: Text) -> Tensor:
        with torch.no_grad():
            return step.head(step.encode(text, self.slow.model)).detach()  # type: ignore[no-any-return]

    def after(self, step: Step) -> None:
        self.slow.follow(step.model)
