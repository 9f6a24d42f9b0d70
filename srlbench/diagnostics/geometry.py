"""Alignment and uniformity of an encoder on graded pairs, as SimCSE reports them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize, pdist

PARAPHRASE = 4.0  # pairs with a higher grade are positives (SimCSE, footnote 3)


def alignment_uniformity(a: Tensor, b: Tensor, scores: Tensor) -> dict[str, float]:
    """The mean squared distance of positive pairs, and the log mean Gaussian potential of all sentences.

    a, b: (n, d), the vectors of the two sentences of each pair.
    """
    a, b = normalize(a, dim=-1), normalize(b, dim=-1)
    positive = scores > PARAPHRASE
    potential = (-2 * pdist(torch.cat((a, b))).pow(2)).exp().mean().log()
    return {
        "alignment": (a - b).pow(2).sum(-1)[positive].mean().item(),
        "uniformity": potential.item(),
    }
