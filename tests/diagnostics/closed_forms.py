"""The gradient paradigm in closed form: what the measured components of the effective losses must be."""

from __future__ import annotations

from collections.abc import Callable
from math import pi, radians
from typing import NamedTuple

import numpy as np
from torch import Tensor, ones_like, sigmoid
from torch.nn.functional import one_hot

from srlbench.diagnostics.simulation import Grid, Map, fill


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
    gd = sigmoid((negatives / temperature).logsumexp(-1) - positive / temperature)
    return Form(gd, (negatives / temperature).softmax(-1) / temperature, ones_like(negatives))


def arccon(positive: Tensor, negatives: Tensor, *, temperature: float = 0.05, degrees: float = 10.0) -> Form:
    angle = positive.clamp(-1, 1).acos()
    form = info_nce((angle + radians(degrees)).cos(), negatives, temperature=temperature)
    ratio = (angle + radians(degrees)).sin() / angle.sin()
    return form._replace(r=ratio.unsqueeze(-1).expand_as(negatives))


def mpt(positive: Tensor, negatives: Tensor, *, margin: float = 0.23) -> Form:
    gd = (positive - negatives.amax(-1) < margin).to(positive)
    return Form(gd, _hardest(negatives), ones_like(negatives))


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


def of_form(form: ClosedForm, grid: Grid) -> Map:
    """The map of a closed form, computed from the angles."""

    def values(positive: Tensor, negatives: Tensor, _: np.random.Generator) -> tuple[float, float]:
        components = form(positive.cos(), negatives.cos())
        return components.gd.item(), components.ratio.item()

    return fill(grid, values)
