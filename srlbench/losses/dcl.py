"""DCL: InfoNCE without the positive pair in the denominator."""

from torch import Tensor, eye, inf
from torch.nn.functional import normalize


def dcl(a: Tensor, b: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Log-sum-exp of each a_i over the b_j of the other pairs, less its own pair. (n, d) -> scalar.

    L = mean_i ( -cos(a_i, b_i)/t + log sum_{j != i} e^{cos(a_i, b_j)/t} )

    Args:
        a, b: the two views; row i of each is a positive pair.
        temperature: t.

    Reference: Yeh, Hong, Hsu, Liu, Chen, LeCun 2022, "Decoupled contrastive learning". One direction and the negatives
    of the other view only, so that it differs from `info_nce` in nothing but the decoupling; the paper, in SimCLR's
    setting, has both directions and adds the negatives a_j of the anchor's own view.

    Relations: in the gradient paradigm (see `paradigm`) it is InfoNCE with Gradient Dissipation switched off: an anchor
    whose negatives are far away pushes as hard as any. With one pair in the batch there is nothing to contrast and the
    loss is zero.
    """
    a, b = normalize(a, dim=-1), normalize(b, dim=-1)
    if len(a) < 2:
        return 0 * (a * b).sum()
    logits = a @ b.T / temperature
    own = eye(len(a), device=a.device).bool()
    return (logits.masked_fill(own, -inf).logsumexp(-1) - logits.diagonal()).mean()
