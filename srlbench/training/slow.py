"""A copy of the encoder that follows it slowly (momentum encoder: MoCo, arXiv 1911.05722)."""

from __future__ import annotations

import copy

import torch
from sentence_transformers import SentenceTransformer
from torch import nn


class Slow(nn.Module):
    """A copy with p' = m p' + (1 - m) p after each step; it gets no gradient."""

    def __init__(self, model: SentenceTransformer, momentum: float) -> None:
        super().__init__()
        self.model, self.momentum = copy.deepcopy(model), momentum
        self.model.requires_grad_(False)

    @torch.no_grad()
    def follow(self, model: SentenceTransformer) -> None:
        for own, other in zip(self.model.parameters(), model.parameters(), strict=True):
            own.lerp_(other, 1 - self.momentum)
        for mine, its in zip(self.model.buffers(), model.buffers(), strict=True):
            mine.copy_(its)
