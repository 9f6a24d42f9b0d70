"""AnglE's own term: every entailed pair has a smaller angle, as complex vectors, than every contradicted one."""

from torch import Tensor, cat, logsumexp
from torch.linalg import vector_norm


def angle(a: Tensor, b: Tensor, negative: Tensor, *, scale: float = 20.0) -> Tensor:
    """The order of the angles of pairs with label one and of pairs with label zero. a, b, negative: (n, d) -> scalar.

    z = a_1 + i a_2 of the halves of a, w likewise;  q = (z/w) / (|z|/|w|), with norms of the whole vectors
    angle(a, b) = | sum of all real and imaginary parts of q |
    L = log( 1 + sum_{i, j} e^{scale (angle(a_i, b_i) - angle(a_j, negative_j))} )

    Args:
        a, b: pairs with label one: a premise and a sentence that it entails; d is even.
        negative: makes pairs with label zero.
        scale: 1/t.

    Reference: Li, Li 2024, "AnglE-optimized Text Embeddings"; the form is that of its library.

    Relations: `cosent` with angles in place of cosines. The method is `cosent`, `info_nce` and 0.02 times this.
    """
    near, far = _difference(a, b), _difference(a, negative)
    gaps = (scale * (near.unsqueeze(1) - far.unsqueeze(0))).flatten()
    return logsumexp(cat((gaps.new_zeros(1), gaps)), dim=0)


def _difference(x: Tensor, y: Tensor) -> Tensor:
    (a, b), (c, d) = x.chunk(2, dim=-1), y.chunk(2, dim=-1)
    size = vector_norm(x, dim=-1) * vector_norm(y, dim=-1)
    return (a * c + b * d + b * c - a * d).sum(-1).div(size).abs()
