"""MAT: a triplet hinge on angles, against the hardest negative of the batch."""

from math import pi

from torch import Tensor, inf
from torch.nn.functional import normalize, pairwise_distance


def mat(a: Tensor, b: Tensor, *, margin: float = 0.15 * pi) -> Tensor:
    """How far the hardest negative of each a_i comes within a margin of its positive, in angles. (n, d) -> scalar.

    L = mean_i max( 0, theta_ii - min_{j != i} theta_ij + m ),   theta_ij = acos cos(a_i, b_j)

    Args:
        a, b: the two views, normalised here; row i of each is a positive pair.
        margin: m, in radians.

    Reference: Li, Zhang, Nie 2024, "Towards better understanding of contrastive sentence representation learning:
    a unified paradigm for gradient" (in its code), which takes it from Nie, Zhang, Mao 2023, "On the inadequacy of
    optimizing alignment and uniformity in contrastive learning of sentence representations".

    Relations: `mpt` measures in cosines, `met` in distances. In the gradient paradigm (see `paradigm`) all Weight lies
    on the hardest negative and the Ratio is sin(theta_ij) / sin(theta_ii). At 0 and 180 degrees the gradient of an
    angle is taken to be zero. With one pair in the batch the loss is zero.
    """
    a, b = normalize(a, dim=-1), normalize(b, dim=-1)
    if len(a) < 2:
        return 0 * (a * b).sum()
    hardest = (a.detach() @ b.detach().T).fill_diagonal_(-inf).argmax(-1)
    return (_angle(a, b) - _angle(a, b[hardest]) + margin).relu().mean()


def _angle(x: Tensor, y: Tensor) -> Tensor:
    # Exact where acos is not: near 0 and 180 degrees. The clamp is for two vectors that are both zero.
    return 2 * pairwise_distance(x, y, eps=0.0).atan2(pairwise_distance(x, -y, eps=0.0).clamp_min(1e-12))
