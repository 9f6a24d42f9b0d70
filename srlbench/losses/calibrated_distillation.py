"""DistillCSE's own term: a teacher's similarities within the batch, its most alike sentences in random order."""

import torch
from torch import Tensor, eye
from torch.nn.functional import normalize


def calibrated_distillation(
    a: Tensor,
    b: Tensor,
    *,
    teacher: Tensor,
    tau: float = 0.025,
    reference: float = 0.0125,
    group: float | None = 0.15,
) -> Tensor:
    """A listwise cross-entropy with shuffled labels. a, b: (n, d), teacher: (n, d') -> scalar.

    P_i = softmax_{j != i} cos(t_i, t_j)/r, sorted;  S_i = log softmax_{j != i} cos(a_i, a_j)/t, in the same order
    L = mean_i -sum_k P_ik S_i,pi(k),  pi permutes ranks within groups of probability `group`;  0 for one pair

    Args:
        a, b: the two views, of which the first is taken.
        teacher: the teacher's vectors of the rows, without a gradient.
        tau, reference: t and r.
        group: the ranks are cut where the cumulated probability passes a multiple of it; None: nothing is shuffled.

    Reference: Xu, Shao, Chen, Liu 2023, "DistillCSE: Distilled Contrastive Learning for Sentence Embeddings", with the
    order and constants of its script. Several teachers reach the loss as one, whose cosine is the mean of theirs.

    Relations: the method is `info_nce` and this. Without the shuffling it is like the ranking term of `taught_ranking`.
    """
    n = len(a)
    if n == 1:
        return a.sum() * 0
    own = eye(n, device=a.device).bool()
    x, units = normalize(a, dim=-1), normalize(teacher.to(a), dim=-1)
    wanted, order = (units @ units.T / reference).masked_fill(own, float("-inf")).softmax(1).sort(1, descending=True)
    wanted, order = wanted[:, :-1], order[:, :-1]  # a row's own place is the last
    if group is not None:
        number = (wanted.cumsum(1) / group).floor()  # of the group that a rank falls into
        order = order.gather(1, (number + torch.rand_like(wanted) * 0.5).argsort(1))
    given = (x @ x.T / tau).masked_fill(own, float("-inf")).log_softmax(1).gather(1, order)
    return -(wanted * given).sum(1).mean()
