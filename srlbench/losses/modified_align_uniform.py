"""Alignment plus uniformity, its gradient given the paradigm's Dissipation, Weight and Ratio."""

from math import log

from torch import Tensor, eye, inf, where
from torch.nn.functional import normalize


def modified_align_uniform(
    a: Tensor,
    b: Tensor,
    *,
    weight: float = 1.0,
    margin: float | None = 0.30,
    temperature: float | None = 0.05,
    ratio: float | None = 1.75,
) -> Tensor:
    """Alignment, weighted by how crowded each embedding is, plus the log-sum-exp within each view. (n, d) -> scalar.

    L = sum_i r/2 ( w_i(a) + w_i(b) ) |a_i - b_i|^2 + weight * ( u(a) + u(b) ),
    u(x) = log sum_{i<j} e^{x_i.x_j/t},   w_i(x) = sg( sum_{j != i} e^{x_i.x_j/t} / sum_{j<k} e^{x_j.x_k/t} ) / t,
    with sg(x_i) for x_i wherever 1 - max_{j != i} x_i.x_j >= m

    Args:
        a, b: the two views, normalised here; row i of each is a positive pair. No gradient flows into sg(.).
        weight: of the uniformity part.
        margin: m, of Gradient Dissipation; None: every embedding moves.
        temperature: t, of the Weight; None: the original's, t = 1.
        ratio: r, of the Ratio; None: the original's alignment, mean_i |a_i - b_i|^2.

    Reference: Li, Zhang, Nie 2024, "Towards better understanding of contrastive sentence representation learning:
    a unified paradigm for gradient", as its code has it (`mhe.w_gd.w_w.w_r`).

    Relations: with all three None it has the gradient of `align_uniform` with t = 0.5 and twice the weight, the paper's
    `mhe`. Both views are pulled in both terms, so the Ratio an embedding feels is about 2 r (see `paradigm`). In the
    code w comes with the Weight and r is a bare factor: its Weight without Ratio is ratio = 1 here, its Ratio without
    Weight the original with r times the alignment. With one pair in the batch the alignment alone is left.
    """
    a, b = _dissipate(normalize(a, dim=-1), margin), _dissipate(normalize(b, dim=-1), margin)
    distance = (a - b).pow(2).sum(-1)
    if len(a) < 2:
        return distance.mean()
    t = 1.0 if temperature is None else temperature
    loss = distance.mean() if ratio is None else a.new_zeros(())
    for x in (a, b):
        crowd = (x @ x.T / t).masked_fill(eye(len(x), device=x.device).bool(), -inf).logsumexp(-1)
        uniformity = crowd.logsumexp(0) - log(2)  # each pair is in twice
        loss = loss + weight * uniformity
        if ratio is not None:
            loss = loss + ratio / 2 * ((crowd - uniformity).exp().detach() / t * distance).sum()
    return loss


def _dissipate(x: Tensor, margin: float | None) -> Tensor:
    if margin is None:
        return x
    nearest = (x.detach() @ x.detach().T).fill_diagonal_(-inf).amax(-1, keepdim=True)
    return where(1 - nearest < margin, x, x.detach())
