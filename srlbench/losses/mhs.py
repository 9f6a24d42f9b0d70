"""Alignment plus maximum hyperspherical separation."""

from torch import Tensor, inf
from torch.nn.functional import normalize


def mhs(a: Tensor, b: Tensor, *, weight: float = 1.0) -> Tensor:
    """Mean squared distance of the pairs less the distance of each to its nearest negative. (n, d) -> scalar.

    L = mean_i |a_i - b_i|^2 - weight * ( mean_i min_{j != i} |a_i - sg(b_j)| + mean_i min_{j != i} |b_i - sg(a_j)| )

    Args:
        a, b: the two views, normalised here; row i of each is a positive pair. No gradient flows into sg(.).
        weight: of the separation.

    Reference: Li, Zhang, Nie 2024, "Towards better understanding of contrastive sentence representation learning:
    a unified paradigm for gradient"; separation is that of Liu, Lin, Liu, Xiong, Schölkopf, Weller 2021, "Learning
    with hyperspherical uniformity". As in the released code a distance |.| of the separation is sqrt(|.|^2 + 1e-4).

    Relations: `modified_mhs` with everything switched off. `align_uniform` looks at every pair of a view where this
    looks at the nearest of the other view. A single pair has no separation: that part is then zero.
    """
    a, b = normalize(a, dim=-1), normalize(b, dim=-1)
    alignment = (a - b).pow(2).sum(-1).mean()
    if len(a) < 2:
        return alignment
    return alignment - weight * (_separation(a, b.detach()) + _separation(b, a.detach())).mean()


def _separation(x: Tensor, others: Tensor) -> Tensor:
    nearest = (x.detach() @ others.T).fill_diagonal_(-inf).argmax(-1)
    return ((x - others[nearest]).pow(2).sum(-1) + 1e-4).sqrt()
