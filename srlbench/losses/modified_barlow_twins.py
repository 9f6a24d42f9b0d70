"""Barlow Twins on the unit sphere, its gradient given the paradigm's Dissipation, Weight and Ratio."""

from torch import Tensor, inf, where
from torch.nn.functional import normalize


def modified_barlow_twins(
    a: Tensor,
    b: Tensor,
    *,
    weight: float = 1.0,
    margin: float | None = 0.30,
    temperature: float | None = 0.05,
    ratio: float | None = 1.5,
) -> Tensor:
    """Each embedding pushed from its own view's others by a softmax over the other view's pairs. (n, d) -> scalar.

    L = D(a, b) + D(b, a),   D(x, y) = weight * sum_i ( sum_{j != i} w_ij x_i.sg(x_j) - r (sum_{j != i} w_ij) x_i.y_i ),
    w_ij = sg( e^{y_i.y_j/t} / sum_{k != l} e^{y_k.y_l/t} ),
    with sg(x_i) for x_i wherever 1 - max_{j != i} x_i.x_j >= m

    Args:
        a, b: the two views, normalised here; row i of each is a positive pair. No gradient flows into sg(.).
        weight: of the push and, where there is a Ratio, of the pull.
        margin: m, of Gradient Dissipation; None: every embedding moves.
        temperature: t, of the Weight; None: the original's, w_ij = 2 y_i.y_j / n^2.
        ratio: r, of the Ratio; None: the original's alignment, sum_d (1 - C_dd)^2 - weight C_dd^2 with C_dd =
            mean_i a_id b_id, in place of the pull.

    Reference: Li, Zhang, Nie 2024, "Towards better understanding of contrastive sentence representation learning:
    a unified paradigm for gradient", as its code has it (`barlowtwins.w_gd.w_w.w_r`), less the term j = i of the push:
    it has no gradient along the sphere, and e^{1/t} times no gradient is noise.

    Relations: with all three None it has the gradient of `barlow_twins_normalised`. `modified_vicreg` takes w from the
    embedding's own view. Both views are pulled in both terms, so the Ratio an embedding feels is about 2 r (see
    `paradigm`). With one pair in the batch the original's alignment alone is left.
    """
    a, b = _dissipate(normalize(a, dim=-1), margin), _dissipate(normalize(b, dim=-1), margin)
    diagonal = (a * b).mean(0)
    alignment = ((1 - diagonal).pow(2) - weight * diagonal.pow(2)).sum()
    if len(a) < 2:
        return alignment
    loss = alignment if ratio is None else a.new_zeros(())
    for x, y in ((a, b), (b, a)):
        w = _weights(y.detach(), temperature)
        loss = loss + weight * (x * (w @ x.detach())).sum()
        if ratio is not None:
            loss = loss - weight * ratio * (w.sum(-1) * (a * b).sum(-1)).sum()
    return loss


def _weights(x: Tensor, temperature: float | None) -> Tensor:
    cosine = x @ x.T
    if temperature is None:
        return cosine.fill_diagonal_(0) * 2 / len(x) ** 2
    return (cosine.fill_diagonal_(-inf) / temperature).flatten().softmax(0).view_as(cosine)


def _dissipate(x: Tensor, margin: float | None) -> Tensor:
    if margin is None:
        return x
    nearest = (x.detach() @ x.detach().T).fill_diagonal_(-inf).amax(-1, keepdim=True)
    return where(1 - nearest < margin, x, x.detach())
