"""The gradient of any loss, decomposed into gradient dissipation, weights and ratio."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, sin

import torch
from torch import Tensor
from torch.nn.functional import normalize, pdist

from srlbench.diagnostics.paradigm import bounds, cosines

PairLoss = Callable[[Tensor, Tensor], Tensor]
NOTHING = 1e-9  # a share below which a force is rounding
RANK = 1e-10  # directions weaker than this, relative to the strongest, are dependent
SHORT = 0.01  # radians short of the antipode, where the arc cosine and its like have no derivative


@dataclass(frozen=True)
class Components:
    """The first m anchors' gradients in the paradigm's terms; nan where a term is undefined.

    g_i = sum_{j != i} push_ij P h'_j - pull_i P h'_i + rest,  P: onto the sphere's tangent space at h_i

    g_i is n dL/dh_i: the gradient of anchor i's own term where L is a mean over anchors. It is all that reaches h_i: of
    a loss that also takes b's rows as anchors, or h_i as a negative, those terms are in it.
    """

    push: Tensor  # (m, n): the paradigm's GD_i W_ij, away from each negative; zero at j = i
    pull: Tensor  # (m,): GD_i sum_j W_ij R_ij, towards the positive; nan for an identical view
    strength: Tensor  # (m,): sum_j push_ij; nan, as push is, where the vectors are too dependent to tell
    reference: Tensor  # (m,): sum_j |push_ij| were the positive opposite the anchor; 0 where there is none
    norm: Tensor  # (m,): |g_i|
    unexplained: Tensor  # (m,): |rest|^2 / |g_i|^2; 0 where g_i is 0; nan where the vectors span everything

    @property
    def dissipation(self) -> Tensor:
        """Size of the pushes relative to that under an opposite positive: of the table's losses, its GD.

        About one for a loss that never dissipates. A mask within a view does not look at the positive: it leaves one,
        or nan where it is closed; weights that come from the other view fall as the positive leaves, and give more.
        """
        return self.push.abs().sum(-1) / self.reference.where(self.reference != 0, torch.nan)

    @property
    def weights(self) -> Tensor:
        """Shares of the push, which sum to one; the table's W is these times a constant of the loss."""
        return self.push / self._felt.unsqueeze(-1)

    @property
    def ratio(self) -> Tensor:
        """Mean of R_ij under W_ij."""
        return self.pull / self._felt

    @property
    def negative_share(self) -> Tensor:
        """How much of the pushes points towards negatives, which no weight W >= 0 allows."""
        return (-self.push).clamp_min(0).sum(-1) / self.push.abs().sum(-1)

    @property
    def _felt(self) -> Tensor:
        scale = torch.maximum(self.push.abs().sum(-1) + self.pull.nan_to_num().abs(), self.reference.abs())
        return self.strength.where(self.strength.abs() > NOTHING * scale, torch.nan)


def decompose(loss: PairLoss, a: Tensor, b: Tensor, *, anchors: int | None = None) -> Components:
    """Components of the gradient on the first `anchors` rows of a (all, by default). a, b: (n, d).

    Measured, not derived: autograd in float64 on normalised copies, then the least-squares fit of each gradient on the
    other view's tangent parts; exact for every loss inside the paradigm. That needs n < d - 1: with more rows many fits
    are exact and none is the answer, so all but the norm is nan. Among duplicate negatives the push is shared out
    equally. The dissipation takes one more backward pass for each anchor.
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
    """n dL/da on the sphere: the tangent part, whether the loss normalises or not."""
    leaf = a.clone().requires_grad_()
    value = loss(leaf, b)
    if not value.requires_grad:
        return torch.zeros_like(a)
    (gradient,) = torch.autograd.grad(value, leaf, allow_unused=True, materialize_grads=True)
    return len(a) * (gradient - (gradient * a).sum(-1, keepdim=True) * a)


def _fit(gradient: Tensor, anchor: Tensor, b: Tensor, i: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Squared residual, pushes, pull and strength: the shortest least-squares solution."""
    if not gradient.isfinite().all():
        nothing = torch.full_like(b[:, 0], torch.nan)
        return nothing[i], nothing, nothing[i], nothing[i]
    own = torch.arange(len(b)) == i
    basis = (b - (b @ anchor).unsqueeze(-1) * anchor).T * torch.where(own, -1.0, 1.0)
    asked = torch.stack(((~own).double(), own.double()), dim=-1)  # strength and pull, as functions of a solution
    right = torch.cat((gradient.unsqueeze(-1), basis @ asked), dim=-1)
    solution, _, rank, _ = torch.linalg.lstsq(basis, right, rcond=RANK, driver="gelsd")
    force, known = solution[:, 0], solution[:, 1:]
    # All solutions agree on what is asked exactly where the fit gives the asking back.
    strength, pull = torch.where((known - asked).abs().amax(0) < 1e-6, asked.T @ force, torch.nan)
    push = torch.where(strength.isnan(), torch.nan, force.masked_fill(own, 0))
    rest = torch.where(rank < len(anchor) - 1, (gradient - basis @ force).square().sum(), torch.nan)
    return rest, push, pull, strength


def _opposite(a: Tensor, b: Tensor, i: int) -> Tensor:
    """The views with the positive of anchor i moved on along its own great circle to the far side."""
    side = b[i] - (b[i] @ a[i]) * a[i]
    if side.norm() < NOTHING:  # it has no circle of its own: any will do
        axis = torch.zeros_like(side)
        axis[a[i].abs().argmin()] = 1
        side = axis - (axis @ a[i]) * a[i]
    far = b.clone()
    far[i] = -cos(SHORT) * a[i] + sin(SHORT) * normalize(side, dim=0)
    return far


def statistics(
    loss: PairLoss, a: Tensor, b: Tensor, *, anchors: int | None = None, step: float = 0.1
) -> dict[str, float | None]:
    """What a batch says about a loss, ready for JSON: None where undefined. a, b: (n, d), n < d - 1.

    step: the length of the step against the hardest negative that the bounds on the ratio are for.
    Mean, sd and median are over anchors. `determined`: anchors whose strength the batch could tell; `still`: without
    any gradient; `counted`: those the bounds are asked of, with a ratio and at acute angles.
    """
    found = decompose(loss, a, b, anchors=anchors)
    a, b = (normalize(x.detach().cpu().double(), dim=-1) for x in (a, b))
    measured = {
        "dissipation": found.dissipation,
        "ratio": found.ratio,
        "unexplained": found.unexplained,
        "norm": found.norm,
        "negative_share": found.negative_share,
        "hardest_share": _hardest_share(found.push, a[: len(found.push)], b),
    }
    out: dict[str, float | None] = {
        "anchors": len(found.push),
        "determined": int(found.strength.isfinite().sum()),
        "still": int((found.norm == 0).sum()),
    }
    for name, values in measured.items():
        kept = values[values.isfinite()]
        out[f"{name}_mean"] = _mean(kept)
        out[f"{name}_sd"] = kept.std().item() if len(kept) > 1 else None
        out[f"{name}_median"] = kept.quantile(0.5).item() if len(kept) else None
    return {**out, "step_length": step, **_conditions(found.ratio, a, b, step), **_geometry(a, b)}


def _hardest_share(push: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The part of the negatives' joint push that the most heavily weighted one contributes."""
    parts = push.unsqueeze(-1) * (b - (a @ b.T).unsqueeze(-1) * a.unsqueeze(1))
    joint, rows = parts.sum(1), torch.arange(len(a))
    return (parts[rows, push.argmax(-1)] * joint).sum(-1) / joint.square().sum(-1)


def _conditions(ratio: Tensor, a: Tensor, b: Tensor, step: float) -> dict[str, float | None]:
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
    """Alignment and uniformity as Wang and Isola write them: within each view, so that positives do not count."""
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
    kept = values[values.isfinite()]
    return kept.mean().item() if len(kept) else None
