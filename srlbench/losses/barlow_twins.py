"""Barlow Twins: redundancy reduction between two views."""

from torch import Tensor


def barlow_twins(a: Tensor, b: Tensor, *, weight: float = 0.0051, eps: float = 1e-5) -> Tensor:
    """Distance of the views' cross-correlation matrix from the identity. (n, d) -> scalar.

    C = z(a)^T z(b) / n,   L = sum_d (1 - C_dd)^2 + weight * sum_{d != e} C_de^2

    Args:
        a, b: the two views; z standardises each dimension over the batch.
        weight: of the off-diagonal part.
        eps: added to the variance, so that a constant dimension gives zero and not NaN.

    Reference: Zbontar, Jing, Misra, LeCun, Deny 2021, "Barlow Twins".

    Relations: VICReg's variance and covariance terms applied across views instead of within each.
    """
    correlation = _standardise(a, eps).T @ _standardise(b, eps) / len(a)
    diagonal = correlation.diagonal()
    off_diagonal = correlation.pow(2).sum() - diagonal.pow(2).sum()
    return (1 - diagonal).pow(2).sum() + weight * off_diagonal


def _standardise(x: Tensor, eps: float) -> Tensor:
    centred = x - x.mean(0)
    return centred / (centred.pow(2).mean(0) + eps).sqrt()
