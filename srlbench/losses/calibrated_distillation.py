"""DistillCSE: InfoNCE, and a teacher's similarities within the batch, its most alike sentences in random order."""

import torch
from torch import Tensor, arange, eye
from torch.nn.functional import cross_entropy, normalize


def calibrated_distillation(
    a: Tensor,
    b: Tensor,
    *,
    teacher: Tensor,
    temperature: float = 0.05,
    tau: float = 0.025,
    reference: float = 0.0125,
    weight: float = 1.0,
    group: float | None = 0.15,
) -> Tensor:
    """InfoNCE and a listwise cross-entropy with shuffled labels. a, b: (n, d), teacher: (n, d') -> scalar.

    P_i = softmax_{j != i} cos(t_i, t_j)/r, sorted;  S_i = log softmax_{j != i} cos(a_i, a_j)/t', in the same order
    L = InfoNCE + weight mean_i -sum_k P_ik S_i,pi(k),  pi permutes ranks within groups of probability `group`

    Args:
        a, b: the two views; row i of each is a positive pair.
        teacher: the teacher's vectors of the rows, without a gradient.
        temperature: that of InfoNCE.
        tau, reference: t' and r.
        weight: of the second term.
        group: the ranks are cut where the cumulated probability passes a multiple of it; None: nothing is shuffled.

    Reference: Xu, Wang, et al. 2023, "DistillCSE: Distilled Contrastive Learning for Sentence Embeddings", Eq. 3 to 6,
    with the constants of its script. Several teachers reach the loss as one, whose cosine is the mean of theirs.

    Relations: `info_nce` with weight = 0; without the shuffling, the ranking term of `taught_ranking`.
    """
    n = len(a)
    a_, b_ = normalize(a, dim=-1), normalize(b, dim=-1)
    value = cross_entropy(a_ @ b_.T / temperature, arange(n, device=a.device))
    if n == 1:
        return value
    own = eye(n, device=a.device).bool()
    units = normalize(teacher.to(a), dim=-1)
    wanted, order = (units @ units.T / reference).masked_fill(own, float("-inf")).softmax(1).sort(1, descending=True)
    wanted, order = wanted[:, :-1], order[:, :-1]  # a row's own place is the last
    if group is not None:
        number = (wanted.cumsum(1) / group).floor()  # of the group that a rank falls into
        mixed = (number + torch.rand_like(wanted) * 0.5).argsort(1)
        order = order.gather(1, mixed)
    given = (a_ @ a_.T / tau).masked_fill(own, float("-inf")).log_softmax(1).gather(1, order)
    return value - weight * (wanted * given).sum(1).mean()
