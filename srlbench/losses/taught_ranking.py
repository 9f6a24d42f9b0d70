"""InfoNCE, agreement of both views, and the order in which a teacher ranks the batch (RankCSE with ListNet)."""

from torch import Tensor, arange, eye
from torch.nn.functional import cross_entropy, normalize


def taught_ranking(
    a: Tensor,
    b: Tensor,
    *,
    teacher: Tensor,
    temperature: float = 0.05,
    tau: float = 0.05,
    consistency: float = 1.0,
    ranking: float = 1.0,
) -> Tensor:
    """The three terms of RankCSE. a, b: (n, d), teacher: (n, d') -> scalar.

    s_ij = cos(a_i, b_j), T_ij = cos(t_i, t_j); P, Q: softmax of s/t over j, of s and of its transpose
    L = InfoNCE + beta JS(P, Q) + gamma mean_i CE(softmax_{j != i} T_ij/tau, softmax_{j != i} s_ij/t)

    Args:
        a, b: the two views; row i of each is a positive pair.
        teacher: the teacher's vectors of the rows, without a gradient.
        temperature: t.
        tau: the temperature of the teacher's similarities.
        consistency, ranking: beta and gamma.

    Reference: Liu et al. 2023, "RankCSE", Eq. 4 to 9, with ListNet and one teacher. A row's own pair is left out of the
    ranking, and the Jensen-Shannon divergence is that of the formula; community code differs in both.

    Relations: `info_nce` with beta = gamma = 0.
    """
    logits = normalize(a, dim=-1) @ normalize(b, dim=-1).T / temperature
    value = cross_entropy(logits, arange(len(a), device=a.device))
    p, q = logits.log_softmax(1), logits.T.log_softmax(1)
    middle = ((p.exp() + q.exp()) / 2).log()
    js = ((p.exp() * (p - middle)).sum(1) + (q.exp() * (q - middle)).sum(1)).mean() / 2
    units = normalize(teacher.to(a), dim=-1)
    own = eye(len(a), device=a.device).bool()
    wanted = (units @ units.T / tau).masked_fill(own, float("-inf")).softmax(1)
    given = logits.masked_fill(own, float("-inf")).log_softmax(1).masked_fill(own, 0.0)
    return value + consistency * js - ranking * (wanted * given).sum(1).mean()
