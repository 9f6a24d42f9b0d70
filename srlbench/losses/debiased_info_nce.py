"""Debiased InfoNCE: some of the negatives are taken to be positives."""

from math import exp

from torch import Tensor, eye
from torch.nn.functional import normalize


def debiased_info_nce(a: Tensor, b: Tensor, *, temperature: float = 0.05, prior: float = 0.01) -> Tensor:
    """InfoNCE whose sum over negatives is corrected for those of the positive's class. a, b: (n, d) -> scalar.

    g_i = max( (mean_{j != i} e^{s_ij/t} - p e^{s_ii/t}) / (1 - p), e^{-1/t} ),  s_ij = cos(a_i, b_j)
    L = mean_i -log( e^{s_ii/t} / ( e^{s_ii/t} + (n - 1) g_i ) )

    Args:
        a, b: the two views; row i of each is a positive pair.
        temperature: t.
        prior: p, the probability that another sentence is a positive.

    Reference: Chuang, Robinson, Lin, Torralba, Jegelka 2020, "Debiased Contrastive Learning". With one
    pair there is no negative, and the loss is zero.

    Relations: `info_nce` with p = 0.
    """
    n = len(a)
    e = (normalize(a, dim=-1) @ normalize(b, dim=-1).T / temperature).exp()
    positive = e.diagonal()
    mean = e.masked_fill(eye(n, device=a.device).bool(), 0).sum(1) / max(1, n - 1)
    negative = ((mean - prior * positive) / (1 - prior)).clamp_min(exp(-1 / temperature))
    return -(positive / (positive + (n - 1) * negative)).log().mean()
