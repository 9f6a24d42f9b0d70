"""VICReg on the unit sphere, as the gradient paradigm studies it."""

from torch import Tensor
from torch.nn.functional import normalize


def vicreg_uncentred(a: Tensor, b: Tensor, *, weight: float = 30.0) -> Tensor:
    """Mean squared distance of the pairs plus the size of each view's second moments. (n, d) -> scalar.

    L = mean_i |a_i - b_i|^2 + weight / 2 * ( |A^T A / n|^2 + |B^T B / n|^2 ),   |.| the Frobenius norm

    Args:
        a, b: the two views, normalised here to the rows of A and B; row i of each is a positive pair.
        weight: of the second moments.

    Reference: Li, Zhang, Nie 2024, "Towards better understanding of contrastive sentence representation learning:
    a unified paradigm for gradient", after Bardes, Ponce, LeCun 2022, "VICReg".

    Relations: `vicreg` without centring, with the diagonal kept in the covariance and, the length of an embedding being
    fixed, no variance part. `modified_vicreg` with everything switched off has this loss's gradient.
    """
    a, b = normalize(a, dim=-1), normalize(b, dim=-1)
    # |A^T A| = |A A^T|: n x n is the smaller of the two in training.
    moments = ((a @ a.T).pow(2) + (b @ b.T).pow(2)).mean()
    return (a - b).pow(2).sum(-1).mean() + weight / 2 * moments
