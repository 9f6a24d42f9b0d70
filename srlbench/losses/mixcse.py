"""MixCSE: InfoNCE with a negative mixed from the anchor's own positive."""

from torch import Tensor, arange, cat, inf
from torch.nn.functional import cross_entropy, normalize


def mixcse(a: Tensor, b: Tensor, *, temperature: float = 0.05, mix: float = 0.2) -> Tensor:
    """Cross-entropy of each a_i over all b_j and one mixed negative of its own. (n, d) -> scalar.

    L = mean_i -log( e^{cos(a_i, b_i)/t} / ( sum_j e^{cos(a_i, b_j)/t} + e^{cos(a_i, sg(m_i))/t} ) ),
    m_i = l b_i + (1 - l) b_h,   h = argmax_{j != i} cos(a_i, b_j)

    Args:
        a, b: the two views, normalised here; row i of each is a positive pair.
        temperature: t.
        mix: l, the positive's share of the mixed negative; no gradient flows into it (sg).

    Reference: Zhang, Zhang, Mensah, Liu, Mao 2022, "Unsupervised sentence representation via contrastive learning with
    mixing negatives". Two departures: b_h is the anchor's hardest negative and not a random one (in the released code
    the next row), because a loss must not depend on chance or on the order of a batch; and each anchor has its own
    mixed negative alone, as in the paper's text, where the released code gives it those of the others too.

    Relations: `info_nce` plus one negative that stays hard however far the batch is spread. With one pair in the batch
    there is nothing to mix and the loss is zero, as InfoNCE.
    """
    a, b = normalize(a, dim=-1), normalize(b, dim=-1)
    logits = a @ b.T
    if len(a) > 1:
        hardest = logits.detach().clone().fill_diagonal_(-inf).argmax(-1)
        mixed = normalize(mix * b + (1 - mix) * b[hardest], dim=-1).detach()
        logits = cat((logits, (a * mixed).sum(-1, keepdim=True)), dim=-1)
    return cross_entropy(logits / temperature, arange(len(a), device=a.device))
