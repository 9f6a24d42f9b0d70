"""A second encoder that is trained with the first (Contrastive Tension, ICLR 2021)."""

from __future__ import annotations

import copy

from torch import Tensor, nn

from srlbench.training.step import Start, Step
from srlbench.training.text import Text


class Second(nn.Module):
    """Encodes a view that names it, by a copy of the encoder with weights of its own; it has no head.

    The first encoder is the one that is kept. The official code keeps the second, or the better of the two.
    """

    def __init__(self, start: Start) -> None:
        super().__init__()
        self.model = copy.deepcopy(start.model)

    def encode(self, step: Step, text: Text) -> Tensor:
        return step.encode(text, self.model)
