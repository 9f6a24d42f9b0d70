"""ConGen: a student must see a fixed set of sentences as its teacher does."""

from torch import Tensor, cat
from torch.nn.functional import cross_entropy, normalize


def memory_distillation(
    a: Tensor, b: Tensor, *, teacher: Tensor, memory: Tensor, tau: float = 0.05, reference: float = 0.05
) -> Tensor:
    """Cross-entropy of similarities to teacher vectors, the teacher's and the student's. a, b: (n, d) -> scalar.

    Q = memory and the rows of teacher, all of length one;  P_i = softmax_k(t_i Q_k / r)
    L = mean_i ( CE(P_i, softmax_k(cos(a_i, Q_k)/t)) + CE(P_i, softmax_k(cos(b_i, Q_k)/t)) ) / 2

    Args:
        a, b: two views of the student.
        teacher: the teacher's vectors of the rows, (n, d), without a gradient.
        memory: the teacher's vectors of other sentences, (m, d).
        tau: t.
        reference: r.

    Reference: Limkonchotiwat et al. 2022, "ConGen". The official code computes its second term from the
    first view too; this is the formula.

    Relations: the soft-label form of `info_nce`, whose label is the row's own teacher vector as r goes to zero.
    """
    wanted = normalize(teacher.to(a), dim=-1)
    known = cat((normalize(memory.to(a), dim=-1), wanted))
    labels = (wanted @ known.T / reference).softmax(1)
    views = (cross_entropy(normalize(x, dim=-1) @ known.T / tau, labels) for x in (a, b))
    return sum(views, a.new_zeros(())) / 2
