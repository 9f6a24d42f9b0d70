"""The decomposition of any loss's gradient into gradient dissipation, weights and ratio."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, sin

import torch
from torch import Tensor
from torch.nn.functional import normalize, pdist

from srlbench.diagnostics.paradigm import bounds, cosines

PairLoss = Callable[[Tensor, Tensor], Tensor]
NOTHING = 1e-9  # a force below this share is a rounding error
RANK = 1e-10  # directions weaker than this, relative to the strongest, count as dependent
SHORT = 0.01  # radians before the antipode: at the antipode itself the arc cosine has no derivative


@dataclass(frozen=True)
class Components:
    """The gradients of the first m anchors in the terms of the paradigm; nan where a term is undefined.

    g_i = sum_{j != i} push_ij P h'_j - pull_i P h'_i + rest,  P: projection on the sphere's tangent space at h_i

    g_i is n dL/dh_i: the gradient of anchor i's own term if L is a mean over anchors. It contains every term that
    depends on h_i, also those of a loss that takes the rows of b as anchors or h_i as a negative.
    """

    push: Tensor  # (m, n): the paradigm's GD_i W_ij, away from each negative; zero at j = i
    pull: Tensor  # (m,): GD_i sum_j W_ij R_ij, towards the positive; nan for an identical view
    strength: Tensor  # (m,): sum_j push_ij; nan, like push, if the vectors are too dependent to determine it
    reference: Tensor  # (m,): sum_j |push_ij| for a positive opposite to the anchor; 0 if there is no push
    norm: Tensor  # (m,): |g_i|
    unexplained: Tensor  # (m,): |rest|^2 / |g_i|^2; 0 if g_i is 0; nan if the vectors span the whole space

    @property
    def dissipation(self) -> Tensor:
        """The size of the pushes relative to `reference`; for the losses in the paper's table this is their GD.

        It is about one for a loss that never dissipates. If the loss masks by the distances within a view, the positive
        has no influence: this gives one, or nan where the mask is closed. If the weights come from the other view, they
        fall when the positive moves away, and the value is above one.
        """
        return self.push.abs().sum(-1) / self.reference.where(self.reference != 0, torch.nan)

    @property
    def weights(self) -> Tensor:
        """The share of each negative in the push, with sum one; the table's W is this times a constant of the loss."""
        return self.push / self._known_strength.unsqueeze(-1)

    @property
    def ratio(self) -> Tensor:
        """The mean of R_ij with weights W_ij."""
        return self.pull / self._known_strength

    @property
    def negative_share(self) -> Tensor:
        """The share of the pushes that point towards negatives, which no weight W >= 0 allows."""
        return (-self.push).clamp_min(0).sum(-1) / self.push.abs().sum(-1)

    @property
    def _known_strength(self) -> Tensor:
        """The strength; nan where it is a rounding error."""
        scale = torch.maximum(self.push.abs().sum(-1) + self.pull.nan_to_num().abs(), self.reference.abs())
        return self.strength.where(self.strength.abs() > NOTHING * scale, torch.nan)


def decompose(loss: PairLoss, a: Tensor, b: Tensor, *, anchors: int | None = None) -> Components:
    """The components of the gradient on the first `anchors` rows of a (by default all). a, b: (n, d).

    They are measured, not derived: autograd in float64 on normalised copies, then a least-squares fit of each gradient
    on the tangent parts of the other view. This is exact for every loss inside the paradigm. It needs n < d - 1: with
    more rows many fits are exact and none is the answer, so everything except the norm is nan. Equal negatives share
    their push equally. The dissipation takes one more backward pass for each anchor.
    """
    if not len(a) or anchors == 0:
        raise ValueError("A gradient has components at an anchor: there is none.")
    a, b = (normalize(x.detach().cpu().double(), dim=-1) for x in (a, b))
    gradient = _gradient(loss, a, b)
    fits = []
    for i in range(len(a) if anchors is None else min(anchors, len(a))):
        far = _opposite(a, b, i)
        rest, push, pull, strength = _fit(gradient[i], a[i], b, i)
        far_gradient = _gradient(loss, a, far)[i]
        _, far_push, far_pull, _ = _fit(far_gradient, a[i], far, i)
        reference = far_push.abs().sum()
        known = reference > NOTHING * (reference + far_pull.nan_to_num().abs())
        size = gradient[i].square().sum()
        nothing = size <= NOTHING**2 * far_gradient.square().sum()
        share = torch.where(nothing, 0.0, rest / size)
        fits.append((push, pull, strength, reference * known, size.sqrt(), share))
    return Components(*(torch.stack(column) for column in zip(*fits, strict=True)))


def _gradient(loss: PairLoss, a: Tensor, b: Tensor) -> Tensor:
    """The tangent part of n dL/da on the sphere; the loss may normalise its input or not."""
    leaf = a.clone().requires_grad_()
    value = loss(leaf, b)
    if not value.requires_grad:
        return torch.zeros_like(a)
    (gradient,) = torch.autograd.grad(value, leaf, allow_unused=True, materialize_grads=True)
    return len(a) * (gradient - (gradient * a).sum(-1, keepdim=True) * a)


def _fit(gradient: Tensor, anchor: Tensor, b: Tensor, i: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The squared residual, pushes, pull and strength of the shortest least-squares solution."""
    if not gradient.isfinite().all():
        nothing = torch.full_like(b[:, 0], torch.nan)
        return nothing[i], nothing, nothing[i], nothing[i]
    own = torch.arange(len(b)) == i
    basis = (b - (b @ anchor).unsqueeze(-1) * anchor).T * torch.where(own, -1.0, 1.0)
    functionals = torch.stack(((~own).double(), own.double()), dim=-1)  # strength and pull: linear in a solution
    right = torch.cat((gradient.unsqueeze(-1), basis @ functionals), dim=-1)
    solution, _, rank, _ = torch.linalg.lstsq(basis, right, rcond=RANK, driver="gelsd")
    force, recovered = solution[:, 0], solution[:, 1:]
    # All solutions give the same value of a functional if and only if the fit recovers the functional itself.
    strength, pull = torch.where((recovered - functionals).abs().amax(0) < 1e-6, functionals.T @ force, torch.nan)
    push = torch.where(strength.isnan(), torch.nan, force.masked_fill(own, 0))
    rest = torch.where(rank < len(anchor) - 1, (gradient - basis @ force).square().sum(), torch.nan)
    return rest, push, pull, strength


def _opposite(a: Tensor, b: Tensor, i: int) -> Tensor:
    """The other view with the positive of anchor i moved along its great circle to the side opposite to the anchor."""
    side = b[i] - (b[i] @ a[i]) * a[i]
    if side.norm() < NOTHING:  # the two vectors define no great circle: any will do
        axis = torch.zeros_like(side)
        axis[a[i].abs().argmin()] = 1
        side = axis - (axis @ a[i]) * a[i]
    far = b.clone()
    far[i] = -cos(SHORT) * a[i] + sin(SHORT) * normalize(side, dim=0)
    return far


def statistics(
    loss: PairLoss, a: Tensor, b: Tensor, *, anchors: int | None = None, step: float = 0.1
) -> dict[str, float | None]:
    """The statistics of a loss's gradient on a batch, in JSON types; None where undefined. a, b: (n, d), n < d - 1.

    step: the length of the step away from the hardest negative, for the bounds on the ratio.
    Mean, sd and median are over anchors. `determined`: the anchors whose strength is known; `still`: those without a
    gradient; `counted`: those that the bounds are checked for, which have a ratio and acute angles.
    """
    components = decompose(loss, a, b, anchors=anchors)
    a, b = (normalize(x.detach().cpu().double(), dim=-1) for x in (a, b))
    measured = {
        "dissipation": components.dissipation,
        "ratio": components.ratio,
        "unexplained": components.unexplained,
        "norm": components.norm,
        "negative_share": components.negative_share,
        "hardest_share": _hardest_share(components.push, a[: len(components.push)], b),
    }
    out: dict[str, float | None] = {
        "anchors": len(components.push),
        "determined": int(components.strength.isfinite().sum()),
        "still": int((components.norm == 0).sum()),
    }
    for name, values in measured.items():
        finite = values[values.isfinite()]
        out[f"{name}_mean"] = _mean(finite)
        out[f"{name}_sd"] = finite.std().item() if len(finite) > 1 else None
        out[f"{name}_median"] = finite.quantile(0.5).item() if len(finite) else None
    return {**out, "step_length": step, **_conditions(components.ratio, a, b, step), **_geometry(a, b)}


def _hardest_share(push: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The share of the negatives' joint push that comes from the negative with the largest weight."""
    parts = push.unsqueeze(-1) * (b - (a @ b.T).unsqueeze(-1) * a.unsqueeze(1))
    joint, rows = parts.sum(1), torch.arange(len(a))
    return (parts[rows, push.argmax(-1)] * joint).sum(-1) / joint.square().sum(-1)


def _conditions(ratio: Tensor, a: Tensor, b: Tensor, step: float) -> dict[str, float | None]:
    """The mean bounds on the ratio, and the shares of anchors whose ratio is inside them."""
    if len(b) < 2:
        empty: dict[str, float | None] = dict.fromkeys(
            ("closer_share", "away_share", "ratio_lower", "ratio_upper", "ratio_left", "ratio_right")
        )
        return {"counted": 0, **empty}
    rows = torch.arange(len(ratio))
    hardest = (a @ b.T).fill_diagonal_(-torch.inf).argmax(-1)[rows]
    edges = bounds(a[rows], b[rows], b[hardest], step=step)
    counted = edges.counted & ratio.isfinite()
    return {
        "counted": int(counted.sum()),
        "closer_share": _mean(edges.closer(ratio)[counted].double()),
        "away_share": _mean(edges.away(ratio)[counted].double()),
        **{f"ratio_{edge}": _mean(getattr(edges, edge)[counted]) for edge in ("lower", "upper", "left", "right")},
    }


def _geometry(a: Tensor, b: Tensor) -> dict[str, float | None]:
    """Alignment and uniformity by Wang and Isola: within each view, so that uniformity has no positive pairs."""
    positive, negatives = cosines(a, b)
    several = len(a) > 1
    uniformity = [(-2 * pdist(x).square()).exp().mean().log().item() for x in (a, b)] if several else []
    return {
        "cos_positive": positive.mean().item(),
        "cos_hardest": negatives.amax(-1).mean().item() if several else None,
        "alignment": (a - b).square().sum(-1).mean().item(),
        "uniformity": sum(uniformity) / 2 if several else None,
    }


def _mean(values: Tensor) -> float | None:
    finite = values[values.isfinite()]
    return finite.mean().item() if len(finite) else None
