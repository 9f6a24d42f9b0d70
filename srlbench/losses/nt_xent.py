"""NT-Xent: both views are anchors, and every other vector of the batch is a negative."""

from torch import Tensor, arange, cat, eye
from torch.nn.functional import cross_entropy, normalize


def nt_xent(a: Tensor, b: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Cross-entropy of each of the 2n vectors over the 2n - 1 others. a, b: (n, d) -> scalar.

    z = (a_1 ... a_n, b_1 ... b_n);  L = mean_i -log( e^{cos(z_i, z_i+)/t} / sum_{k != i} e^{cos(z_i, z_k)/t} )

    Args:
        a, b: the two views; row i of each is a positive pair.
        temperature: t.

    Reference: Chen, Kornblith, Norouzi, Hinton 2020, "SimCLR", Eq. 1; ConSERT, Eq. 1.

    Relations: `info_nce` in both directions, with the anchor's own view among the negatives.
    """
    n = len(a)
    z = normalize(cat((a, b)), dim=-1)
    logits = (z @ z.T / temperature).masked_fill(eye(2 * n, device=a.device).bool(), float("-inf"))
    return cross_entropy(logits, arange(2 * n, device=a.device).roll(n))
