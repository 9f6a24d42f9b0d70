"""Shuffled group whitening: each view is whitened in groups of dimensions of its own (WhitenedCSE, ACL 2023)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from srlbench.errors import UsageError
from srlbench.training.step import Start, Step


class GroupWhitening(nn.Module):
    """Whitens the vectors of a view before the head: in groups of `size` dimensions, drawn anew in each step and view.

    x' = (x - m) U L^-1/2 U^T within a group, U L U^T being the covariance of the batch; it is a constant for the
    gradient, as in the official code, whose three views share the shuffle of a third of the sentences. Here a view has
    its own.
    """

    def __init__(self, start: Start, *, size: int = 8, eps: float = 1e-5) -> None:
        super().__init__()
        width = int(start.model.get_embedding_dimension() or 0)
        if width % size:
            raise UsageError(f"Vectors of {width} dimensions cannot be divided into groups of size = {size}.")
        self.size, self.eps = size, eps

    def pooled(self, step: Step, index: int, vectors: Tensor) -> Tensor:
        order = torch.randperm(vectors.shape[1], generator=step.generator(3, index, common=True)).to(vectors.device)
        groups = vectors[:, order].reshape(len(vectors), -1, self.size)
        with torch.no_grad():
            whole = step.ranks.all_gather(vectors)[:, order].reshape(-1, groups.shape[1], self.size)
            mean = whole.mean(0)
            covariance = torch.einsum("ngi,ngj->gij", whole - mean, whole - mean) / len(whole)
            values, bases = torch.linalg.eigh(covariance)
            map_ = bases * values.clamp_min(self.eps).rsqrt().unsqueeze(1) @ bases.mT
        return torch.einsum("ngi,gij->ngj", groups - mean, map_).flatten(1)[:, order.argsort()]
