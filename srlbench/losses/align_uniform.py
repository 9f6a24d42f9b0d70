"""Alignment plus uniformity, on the unit sphere."""

from math import log

from torch import Tensor, triu_indices
from torch.nn.functional import normalize


def align_uniform(a: Tensor, b: Tensor, *, weight: float = 1.0, t: float = 2.0) -> Tensor:
    """Mean squared distance of the pairs plus the log mean Gaussian potential within each view. (n, d) -> scalar.

    L = mean_i |a_i - b_i|^2 + weight * ( u(a) + u(b) ) / 2,   u(x) = log mean_{i<j} e^{-t |x_i - x_j|^2}

    Args:
        a, b: the two views, normalised here; row i of each is a positive pair.
        weight: of the uniformity part.
        t: sharpness of the potential.

    Reference: Wang and Isola 2020, "Understanding contrastive representation learning through alignment and
    uniformity on the hypersphere".

    Relations: InfoNCE approaches this form as the number of negatives grows. The `mhe` of Li, Zhang, Nie 2024, which
    does not halve the sum of the two potentials, is t = 0.5 with twice its lambda as weight. A single pair has no
    uniformity: that part is then zero.
    """
    a, b = normalize(a, dim=-1), normalize(b, dim=-1)
    alignment = (a - b).pow(2).sum(-1).mean()
    if len(a) < 2:
        return alignment
    return alignment + weight * (_potential(a, t) + _potential(b, t)) / 2


def _potential(x: Tensor, t: float) -> Tensor:
    # On the unit sphere |x_i - x_j|^2 = 2 - 2 cos; unlike pdist this exists in bf16.
    rows, columns = triu_indices(len(x), len(x), offset=1, device=x.device)
    squared = 2 - 2 * (x @ x.T)[rows, columns]
    return (-t * squared).logsumexp(0) - log(len(squared))
