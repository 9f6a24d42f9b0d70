"""AnglE: CoSENT on the angles of complex vectors, beside CoSENT on cosines and InfoNCE."""

from torch import Tensor, cat, logsumexp
from torch.linalg import vector_norm

from srlbench.losses.cosent import cosent
from srlbench.losses.info_nce import info_nce


def angle(
    a: Tensor,
    b: Tensor,
    negative: Tensor,
    *,
    scale: float = 20.0,
    cosine: float = 1.0,
    contrast: float = 1.0,
    angles: float = 0.02,
) -> Tensor:
    """Three terms, each with its weight. a, b, negative: (n, d), d even -> scalar.

    z = a_1 + i a_2 of the halves of a, w likewise;  q = (z/w) / (|z|/|w|), with norms of the whole vectors
    angle(a, b) = | sum of all real and imaginary parts of q |
    L = cosine CoSENT + contrast InfoNCE + angles log( 1 + sum e^{scale (angle(a_i, b_i) - angle(a_j, negative_j))} )

    Args:
        a, b: pairs with label one: a premise and a sentence that it entails.
        negative: makes pairs with label zero, and is a hard negative of InfoNCE.
        scale: 1/t of all three.
        cosine, contrast, angles: the weights.

    Reference: Li, Li 2024, "AnglE-optimized Text Embeddings", Eq. 4 to 9; weights are those of its library and README.

    Relations: `cosent` with the other two weights at zero; `info_nce` with hard negatives likewise.
    """
    value = cosine * cosent(a, b, negative, scale=scale)
    value = value + contrast * info_nce(a, b, negative, temperature=1 / scale)
    near, far = _difference(a, b), _difference(a, negative)
    gaps = (scale * (near.unsqueeze(1) - far.unsqueeze(0))).flatten()
    return value + angles * logsumexp(cat((gaps.new_zeros(1), gaps)), dim=0)


def _difference(x: Tensor, y: Tensor) -> Tensor:
    (a, b), (c, d) = x.chunk(2, dim=-1), y.chunk(2, dim=-1)
    size = vector_norm(x, dim=-1) * vector_norm(y, dim=-1)
    return (a * c + b * d + b * c - a * d).sum(-1).div(size).abs()
