"""Focal-InfoNCE: hard negatives count more, and easy ones less."""

from torch import Tensor, arange, eye, where
from torch.nn.functional import cross_entropy, normalize


def focal_info_nce(a: Tensor, b: Tensor, *, temperature: float = 0.05, margin: float = 0.3) -> Tensor:
    """Cross-entropy of each a_i over all b_j, each cosine weighted by itself. a, b: (n, d) -> scalar.

    L = mean_i -log( e^{s_ii^2/t} / ( e^{s_ii^2/t} + sum_{j != i} e^{s_ij (s_ij + m)/t} ) ),  s_ij = cos(a_i, b_j)

    Args:
        a, b: the two views; row i of each is a positive pair.
        temperature: t.
        margin: m. A negative whose cosine is below -m/2 is pulled up to it, and a positive below zero is pushed away.

    Reference: Hou, Li 2023, "Improving Contrastive Learning of Sentence Embeddings with Focal-InfoNCE"; the
    form and defaults are those of its code.

    Relations: `info_nce` with s in place of s^2 and of s (s + m).
    """
    s = normalize(a, dim=-1) @ normalize(b, dim=-1).T
    own = eye(len(a), device=a.device).bool()
    return cross_entropy(where(own, s * s, s * (s + margin)) / temperature, arange(len(a), device=a.device))
