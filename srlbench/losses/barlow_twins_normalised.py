"""Barlow Twins on the unit sphere, as the gradient paradigm studies it."""

from torch import Tensor
from torch.nn.functional import normalize


def barlow_twins_normalised(a: Tensor, b: Tensor, *, weight: float = 30.0) -> Tensor:
    """Distance of the views' uncentred cross-moments from the identity. (n, d) -> scalar.

    C = A^T B / n,   L = sum_d (1 - C_dd)^2 + weight * sum_{d != e} C_de^2

    Args:
        a, b: the two views, normalised here to the rows of A and B; row i of each is a positive pair.
        weight: of the off-diagonal part.

    Reference: Li, Zhang, Nie 2024, "Towards better understanding of contrastive sentence representation learning:
    a unified paradigm for gradient", after Zbontar, Jing, Misra, LeCun, Deny 2021, "Barlow Twins".

    Relations: `barlow_twins` standardises each dimension over the batch where this normalises each embedding.
    `modified_barlow_twins` with everything switched off has this loss's gradient.
    """
    moments = normalize(a, dim=-1).T @ normalize(b, dim=-1) / len(a)
    diagonal = moments.diagonal()
    off_diagonal = moments.pow(2).sum() - diagonal.pow(2).sum()
    return (1 - diagonal).pow(2).sum() + weight * off_diagonal
