"""InfoNCE, the contrastive loss of SimCSE."""

from torch import Tensor, arange, cat
from torch.nn.functional import cross_entropy, normalize


def info_nce(
    a: Tensor, b: Tensor, *negatives: Tensor, temperature: float = 0.05, negative_weight: float = 0.0
) -> Tensor:
    """Cross-entropy of each a_i over all b_j and all hard negatives. a, b, negatives: (n, d) -> scalar.

    L = mean_i -log( e^{cos(a_i, b_i)/t} / sum_j ( e^{cos(a_i, b_j)/t} + sum_c alpha^{1[i=j]} e^{cos(a_i, c_j)/t} ) )

    Args:
        a, b: the two views; row i of each is a positive pair.
        negatives: further (n, d) batches, every row of which is a negative of every a_i; row i is the pair's own.
        temperature: t.
        negative_weight: log alpha, added to the logit of the pair's own hard negatives.

    Reference: Gao, Yao, Chen 2021, "SimCSE", Eq. 4 and 5; alpha is that of its Table 7. One direction only, as there.

    Relations: with one pair in the batch and no hard negatives the loss is zero; sentence-transformers calls it
    MultipleNegativesRankingLoss with scale 1/t.
    """
    candidates = normalize(cat((b, *negatives)), dim=-1)
    logits = normalize(a, dim=-1) @ candidates.T / temperature
    for block in range(1, len(negatives) + 1):
        logits.diagonal(block * len(a)).add_(negative_weight)
    return cross_entropy(logits, arange(len(a), device=a.device))
