"""The gradient paradigm in closed form: the three components of the effective losses, and bounds on useful ratios."""

from __future__ import annotations

from collections.abc import Callable
from math import pi, radians
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, one_hot


class Form(NamedTuple):
    """The gradient dissipation, weights and ratios of an anchor: dL/dh_i = gd * sum_j w_j (h'_j - r_j h'_i)."""

    gd: Tensor  # (...)
    w: Tensor  # (..., k)
    r: Tensor  # (..., k)

    @property
    def ratio(self) -> Tensor:
        """The mean of r with weights w; one measured gradient determines no more than this."""
        return (self.w * self.r).sum(-1) / self.w.sum(-1)


# A function of the cosines of an anchor with its positive (...) and with its negatives (..., k).
ClosedForm = Callable[[Tensor, Tensor], Form]


def info_nce(positive: Tensor, negatives: Tensor, *, temperature: float = 0.05) -> Form:
    gd = torch.sigmoid((negatives / temperature).logsumexp(-1) - positive / temperature)
    return Form(gd, (negatives / temperature).softmax(-1) / temperature, torch.ones_like(negatives))


def arccon(positive: Tensor, negatives: Tensor, *, temperature: float = 0.05, degrees: float = 10.0) -> Form:
    angle = positive.clamp(-1, 1).acos()
    form = info_nce((angle + radians(degrees)).cos(), negatives, temperature=temperature)
    ratio = (angle + radians(degrees)).sin() / angle.sin()
    return form._replace(r=ratio.unsqueeze(-1).expand_as(negatives))


def mpt(positive: Tensor, negatives: Tensor, *, margin: float = 0.23) -> Form:
    gd = (positive - negatives.amax(-1) < margin).to(positive)
    return Form(gd, _hardest(negatives), torch.ones_like(negatives))


def met(positive: Tensor, negatives: Tensor, *, margin: float = 0.45) -> Form:
    near, far = ((2 - 2 * cos).clamp_min(0).sqrt() for cos in (positive, negatives))
    return Form((far.amin(-1) - near < margin).to(positive), _hardest(negatives) / far, far / near.unsqueeze(-1))


def mat(positive: Tensor, negatives: Tensor, *, margin: float = 0.15 * pi) -> Form:
    near, far = (cos.clamp(-1, 1).acos() for cos in (positive, negatives))
    gd = (far.amin(-1) - near < margin).to(positive)
    return Form(gd, _hardest(negatives) / far.sin(), far.sin() / near.sin().unsqueeze(-1))


CLOSED_FORMS: dict[str, ClosedForm] = {
    "info_nce": info_nce,
    "arccon": arccon,
    "mpt": mpt,
    "met": met,
    "mat": mat,
}


def _hardest(negatives: Tensor) -> Tensor:
    return one_hot(negatives.argmax(-1), negatives.shape[-1]).to(negatives)


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
