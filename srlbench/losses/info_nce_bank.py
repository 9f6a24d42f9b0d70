"""InfoNCE with further negatives that all anchors share."""

from torch import Tensor, arange, cat
from torch.nn.functional import cross_entropy, normalize


def info_nce_bank(a: Tensor, b: Tensor, *, bank: Tensor, temperature: float = 0.05) -> Tensor:
    """Cross-entropy of each a_i over all b_j and all rows q_k of the bank. a, b: (n, d), bank: (m, d) -> scalar.

    L = mean_i -log( e^{cos(a_i, b_i)/t} / ( sum_j e^{cos(a_i, b_j)/t} + sum_k e^{cos(a_i, q_k)/t} ) )

    Args:
        a, b: the two views; row i of each is a positive pair.
        bank: vectors without a gradient: of a queue (ESimCSE), or random ones (GS-InfoNCE).
        temperature: t.

    Reference: Wu et al. 2022, "ESimCSE", Eq. 8; Wu et al. 2021, "Smoothed Contrastive Learning", Eq. 5.

    Relations: `info_nce` if the bank is empty.
    """
    candidates = normalize(cat((b, bank.to(b))), dim=-1)
    return cross_entropy(normalize(a, dim=-1) @ candidates.T / temperature, arange(len(a), device=a.device))
