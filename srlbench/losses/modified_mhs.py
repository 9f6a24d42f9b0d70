"""Maximum hyperspherical separation, its gradient given the paradigm's Dissipation and Ratio."""

from torch import Tensor, inf, where
from torch.nn.functional import normalize


def modified_mhs(
    a: Tensor, b: Tensor, *, weight: float = 1.0, margin: float | None = 0.30, ratio: float | None = 1.75
) -> Tensor:
    """Alignment, weighted by how near the nearest negative is, less that negative's distance. (n, d) -> scalar.

    L = mean_i r/2 ( 1/sg(d_i(a, b)) + 1/sg(d_i(b, a)) ) |a_i - b_i|^2 - weight * mean_i ( d_i(a, b) + d_i(b, a) ),
    d_i(x, y) = sqrt( min_{j != i} |x_i - sg(y_j)|^2 + 1e-4 ),
    with sg(x_i) for x_i wherever 1 - max_{j != i} x_i.x_j >= m

    Args:
        a, b: the two views, normalised here; row i of each is a positive pair. No gradient flows into sg(.).
        weight: of the separation.
        margin: m, of Gradient Dissipation, which looks within a view; None: every embedding moves.
        ratio: r, of the Ratio; None: the original's alignment, mean_i |a_i - b_i|^2.

    Reference: Li, Zhang, Nie 2024, "Towards better understanding of contrastive sentence representation learning:
    a unified paradigm for gradient", as its code has it (`mhs.w_gd.w_r`).

    Relations: with both None it is `mhs`. There is no Weight to modify: all of it lies on the hardest negative. Both
    views are pulled in both terms, so the Ratio an embedding feels is about 2 r (see `paradigm`). With one pair in the
    batch the alignment alone is left.
    """
    a, b = _dissipate(normalize(a, dim=-1), margin), _dissipate(normalize(b, dim=-1), margin)
    distance = (a - b).pow(2).sum(-1)
    if len(a) < 2:
        return distance.mean()
    separation = (_separation(a, b.detach()), _separation(b, a.detach()))
    if ratio is not None:
        distance = distance * ratio / 2 * sum(1 / d.detach() for d in separation)
    return (distance - weight * sum(separation)).mean()


def _separation(x: Tensor, others: Tensor) -> Tensor:
    nearest = (x.detach() @ others.T).fill_diagonal_(-inf).argmax(-1)
    return ((x - others[nearest]).pow(2).sum(-1) + 1e-4).sqrt()


def _dissipate(x: Tensor, margin: float | None) -> Tensor:
    if margin is None:
        return x
    nearest = (x.detach() @ x.detach().T).fill_diagonal_(-inf).amax(-1, keepdim=True)
    return where(1 - nearest < margin, x, x.detach())
