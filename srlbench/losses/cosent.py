"""CoSENT: every entailed pair is closer than every contradicted one."""

from torch import Tensor, cat, logsumexp
from torch.nn.functional import cosine_similarity


def cosent(a: Tensor, b: Tensor, negative: Tensor, *, scale: float = 20.0) -> Tensor:
    """The order of the cosines of pairs with label one and of pairs with label zero. a, b, negative: (n, d) -> scalar.

    L = log( 1 + sum_{i, j} e^{scale (cos(a_j, negative_j) - cos(a_i, b_i))} )

    Args:
        a, b: pairs with label one: a premise and a sentence that it entails.
        negative: makes pairs (a_i, negative_i) with label zero: sentences that contradict the premise.
        scale: 1/t.

    Reference: Su 2022, "CoSENT", kexue.fm/archives/8847. It takes graded pairs of any kind; here the labels are
    those of triplets, one and zero.

    Relations: no row is compared with the texts of another, as in `info_nce`; only the scores of pairs are.
    """
    high, low = cosine_similarity(a, b), cosine_similarity(a, negative)
    gaps = (scale * (low.unsqueeze(0) - high.unsqueeze(1))).flatten()
    return logsumexp(cat((gaps.new_zeros(1), gaps)), dim=0)
