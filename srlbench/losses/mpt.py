"""MPT: a triplet hinge on cosines, against the hardest negative of the batch."""

from torch import Tensor, eye, inf
from torch.nn.functional import normalize


def mpt(a: Tensor, b: Tensor, *, margin: float = 0.23) -> Tensor:
    """How far the hardest negative of each a_i comes within a margin of its positive, in cosines. (n, d) -> scalar.

    L = mean_i max( 0, max_{j != i} cos(a_i, b_j) - cos(a_i, b_i) + m )

    Args:
        a, b: the two views; row i of each is a positive pair.
        margin: m.

    Reference: Li, Zhang, Nie 2024, "Towards better understanding of contrastive sentence representation learning:
    a unified paradigm for gradient", which takes it from Nie, Zhang, Mao 2023, "On the inadequacy of optimizing
    alignment and uniformity in contrastive learning of sentence representations" (there m = 0.09).

    Relations: `met` measures in distances, `mat` in angles. In the gradient paradigm (see `paradigm`) all Weight lies
    on the hardest negative and the Ratio is one. With one pair in the batch the loss is zero.
    """
    cosine = normalize(a, dim=-1) @ normalize(b, dim=-1).T
    own = eye(len(a), device=a.device).bool()
    hardest = cosine.masked_fill(own, -inf).amax(-1)
    return (hardest - cosine.diagonal() + margin).relu().mean()
