"""ArcCon: InfoNCE with an angular margin on the positive pair."""

from math import cos, radians, sin

from torch import Tensor, arange, eye, where
from torch.nn.functional import cross_entropy, normalize, pairwise_distance


def arccon(a: Tensor, b: Tensor, *, temperature: float = 0.05, degrees: float = 10.0) -> Tensor:
    """Cross-entropy of each a_i over all b_j, its own pair taken to be `degrees` further apart. (n, d) -> scalar.

    L = mean_i -log( e^{cos(theta_ii + u)/t} / ( e^{cos(theta_ii + u)/t} + sum_{j != i} e^{cos theta_ij / t} ) )

    Args:
        a, b: the two views; theta_ij is the angle of a_i and b_j, row i of each is a positive pair.
        temperature: t.
        degrees: u, the margin.

    Reference: Zhang, Zhu, Wang, Xu, Li, Zhao 2022, "A contrastive framework for learning sentence
    representations from pairwise and triple-wise perspective in angular space" (ArcCSE).

    Relations: `info_nce` at zero degrees. In the gradient paradigm (see `paradigm`) its Ratio is
    sin(theta_ii + u) / sin(theta_ii), above one, where InfoNCE has one.
    """
    a, b = normalize(a, dim=-1), normalize(b, dim=-1)
    # |a - b| |a + b| / 2 is sin(theta), with a gradient at 0 and 180 degrees, where acos has none.
    sine = pairwise_distance(a, b, eps=0.0) * pairwise_distance(a, -b, eps=0.0) / 2
    u = radians(degrees)
    positive = (a * b).sum(-1) * cos(u) - sine * sin(u)
    own = eye(len(a), device=a.device).bool()
    logits = where(own, positive[:, None], a @ b.T) / temperature
    return cross_entropy(logits, arange(len(a), device=a.device))
