"""MET: a triplet hinge on Euclidean distances, against the hardest negative of the batch."""

from torch import Tensor, inf
from torch.nn.functional import normalize, pairwise_distance


def met(a: Tensor, b: Tensor, *, margin: float = 0.45) -> Tensor:
    """How far the hardest negative of each a_i comes within a margin of its positive, in distances. (n, d) -> scalar.

    L = mean_i max( 0, d_ii - min_{j != i} d_ij + m ),   d_ij = |a_i - b_j| = sqrt(2 - 2 cos(a_i, b_j))

    Args:
        a, b: the two views, normalised here; row i of each is a positive pair.
        margin: m.

    Reference: Li, Zhang, Nie 2024, "Towards better understanding of contrastive sentence representation learning:
    a unified paradigm for gradient", which takes it from Nie, Zhang, Mao 2023, "On the inadequacy of optimizing
    alignment and uniformity in contrastive learning of sentence representations".

    Relations: `mpt` measures in cosines, `mat` in angles. In the gradient paradigm (see `paradigm`) all Weight lies on
    the hardest negative and the Ratio is d_ij / d_ii. Where a distance is zero its gradient is taken to be zero; the
    released code holds squared distances above 1e-4 instead. With one pair in the batch the loss is zero.
    """
    a, b = normalize(a, dim=-1), normalize(b, dim=-1)
    if len(a) < 2:
        return 0 * (a * b).sum()
    hardest = (a.detach() @ b.detach().T).fill_diagonal_(-inf).argmax(-1)
    positive, negative = pairwise_distance(a, b, eps=0.0), pairwise_distance(a, b[hardest], eps=0.0)
    return (positive - negative + margin).relu().mean()
