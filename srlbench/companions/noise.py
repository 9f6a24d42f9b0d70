"""Random vectors as further negatives (GS-InfoNCE, arXiv 2109.04321; DCLR, arXiv 2205.00656)."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from srlbench.training.step import Start, Step


class Noise(nn.Module):
    """Gives the loss `bank`: `count` Gaussian vectors, drawn anew in each step, the same for all anchors.

    With cosine similarity their length has no influence, so there is no standard deviation to choose.
    """

    def __init__(self, start: Start, *, count: int = 192) -> None:
        super().__init__()
        self.count, self.width = count, start.width

    def gives(self, step: Step) -> dict[str, Any]:
        drawn = torch.randn(self.count, self.width, generator=step.generator(common=True))
        return {"bank": drawn.to(step.vectors[0].device)}
