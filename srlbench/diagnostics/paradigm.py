"""Bounds on the ratios of the gradient paradigm (arXiv 2402.18281) for which one step helps an anchor."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity


def cosines(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The cosine of each anchor with its positive, (n,), and with its negatives, (n, n - 1). a, b: unit (n, d)."""
    n = len(a)
    matrix = a @ b.T
    others = ~torch.eye(n, dtype=torch.bool, device=a.device)
    return matrix.diagonal(), matrix[others].view(n, n - 1)


class Bounds(NamedTuple):
    """Bounds on the ratio r for one step away from the hardest negative; nan where there is no bound."""

    lower: Tensor  # lower < r < upper: the step ends nearer to the positive; nan: no ratio does that
    upper: Tensor
    left: Tensor  # r < left or r > right: the step ends farther from the negative; nan: every ratio does that
    right: Tensor
    counted: Tensor  # the anchors that the paper counts: acute angles to both, and between the two directions

    def closer(self, ratio: Tensor) -> Tensor:
        return (ratio > self.lower) & (ratio < self.upper)

    def away(self, ratio: Tensor) -> Tensor:
        return ~((ratio >= self.left) & (ratio <= self.right))


def bounds(anchor: Tensor, positive: Tensor, negative: Tensor, *, step: float) -> Bounds:
    """The bounds on r for the step h + step * (r p - n); p, n: tangent parts of positive and negative. Unit (..., d).

    Distances are Euclidean, to the anchor after the step, which is longer than one. A step that ends nearer to the
    positive also ends with a higher cosine to it; a step that ends farther from the negative may not end with a lower.
    """
    cos_a, cos_b = (anchor * positive).sum(-1), (anchor * negative).sum(-1)
    p, n = positive - cos_a.unsqueeze(-1) * anchor, negative - cos_b.unsqueeze(-1) * anchor
    sin_a, sin_b, cos_phi = p.norm(dim=-1), n.norm(dim=-1), cosine_similarity(p, n, dim=-1)
    reach, sin2_phi = sin_b / sin_a, 1 - cos_phi.square()
    middle, edge = 1 / step + reach * cos_phi, _root(step**-2 - reach.square() * sin2_phi)
    away, away_edge = (1 + step) * reach * cos_phi / step, reach * _root(1 - (1 + step) ** 2 * sin2_phi) / step
    counted = (cos_a > 0) & (cos_b > 0) & (cos_phi > 0) & (sin_a > 0)
    return Bounds(middle - edge, middle + edge, away - away_edge, away + away_edge, counted)


def _root(x: Tensor) -> Tensor:
    return torch.where(x >= 0, x.clamp_min(0).sqrt(), torch.nan)
