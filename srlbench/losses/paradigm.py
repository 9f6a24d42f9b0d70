"""The gradient paradigm as a loss: Dissipation, Weight and Ratio each set by its own number."""

from torch import Tensor, inf
from torch.nn.functional import normalize


def paradigm(a: Tensor, b: Tensor, *, margin: float = 0.30, temperature: float = 0.05, ratio: float = 1.0) -> Tensor:
    """Weighted negatives of each anchor against r times its positive, for anchors not yet apart. (n, d) -> scalar.

    L = D(a, b) + D(b, a),   D(x, y) = sum_{i in M} ( sum_{j != i} w_ij x_i.sg(y_j) - r x_i.y_i ) / (n |M|),
    M = { i : x_i.y_i - max_{j != i} x_i.y_j < m },   w_ij = sg( softmax_{j != i} x_i.y_j / t )

    Args:
        a, b: the two views, normalised here; row i of each is a positive pair. No gradient flows into sg(.).
        margin: m, of Gradient Dissipation: an anchor whose negatives are all further than this does not move.
        temperature: t, of the Weight: how much of the push comes from the hardest negatives.
        ratio: r, of the pull towards the positive to the push from the negatives.

    Reference: Li, Zhang, Nie 2024, "Towards better understanding of contrastive sentence representation learning:
    a unified paradigm for gradient", Sec. 3.2 as its code has it (branch `sg`).

    Relations: the losses that work on sentence similarity have gradients dL/dx_i = GD_i sum_j W_ij (y_j - R_ij y_i);
    `info_nce`, `arccon`, `mpt`, `met` and `mat` say which. The pull x_i.y_i has a gradient in both views and both
    directions are summed, so the Ratio that an embedding feels is 2 r, not r. With no anchor in M, or one pair in the
    batch, the loss is zero.
    """
    a, b = normalize(a, dim=-1), normalize(b, dim=-1)
    pull = (a * b).sum(-1)
    if len(a) < 2:
        return 0 * pull.sum()
    loss = a.new_zeros(())
    for x, y in ((a, b), (b, a)):
        cosine = (x.detach() @ y.detach().T).fill_diagonal_(-inf)
        moves = pull.detach() - cosine.amax(-1) < margin
        push = (x * ((cosine / temperature).softmax(-1) @ y.detach())).sum(-1)
        loss = loss + (moves * (push - ratio * pull)).sum() / (len(a) * moves.sum().clamp_min(1))
    return loss
