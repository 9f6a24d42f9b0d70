"""VICReg: variance, invariance, covariance."""

from torch import Tensor


def vicreg(
    a: Tensor,
    b: Tensor,
    *,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
    gamma: float = 1.0,
    eps: float = 1e-4,
) -> Tensor:
    """Pairs drawn together, each dimension kept spread out, dimensions kept uncorrelated. (n, d) -> scalar.

    L = invariance * mean_{i,k} (a_ik - b_ik)^2 + variance * ( v(a) + v(b) ) + covariance * ( c(a) + c(b) ),
    v(x) = mean_k max( 0, gamma - sqrt(C_kk + eps) ),   c(x) = sum_{k != l} C_kl^2 / d,
    C = sum_i (x_i - mean x)^T (x_i - mean x) / (n - 1)

    Args:
        a, b: the two views, not normalised; row i of each is a positive pair.
        invariance, variance, covariance: weights of the three parts.
        gamma: the standard deviation asked of each dimension.
        eps: added to the variance, so that a constant dimension has a gradient.

    Reference: Bardes, Ponce, LeCun 2022, "VICReg". The invariance is a mean over dimensions as in the released code,
    which the weights 25, 25, 1 belong to, where the paper's formula sums them. The variance is the paper's, twice that
    of the released code.

    Relations: `vicreg_uncentred` is the form studied on the sphere. Variance and covariance of one pair are zero.
    """
    spread = correlated = a.new_zeros(())
    for x in (a, b):
        centred = (x - x.mean(0)) / max(len(x) - 1, 1) ** 0.5
        own = centred.pow(2).sum(0)
        spread = spread + (gamma - (own + eps).sqrt()).relu().mean()
        # |X^T X| = |X X^T|: n x n is the smaller of the two in training.
        correlated = correlated + ((centred @ centred.T).pow(2).sum() - own.pow(2).sum()) / x.shape[-1]
    return invariance * (a - b).pow(2).mean() + variance * spread + covariance * correlated
