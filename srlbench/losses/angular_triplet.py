"""ArcCSE's triplet term: the more of a text is missing, the further away it is."""

from torch import Tensor
from torch.nn.functional import cosine_similarity, relu


def angular_triplet(
    a: Tensor, near: Tensor, far: Tensor, *, lengths: Tensor, margin: float = 0.1, shortest: int = 25
) -> Tensor:
    """A text is closer to itself without little than to itself without much. a, near, far: (n, d) -> scalar.

    L = mean over texts longer than `shortest` of max( 0, cos(a_i, far_i) - cos(a_i, near_i) + m );  0 without any

    Args:
        a: the whole texts.
        near, far: the same texts with a part deleted, and with that part and more deleted.
        lengths: the number of pieces of each text, which the batch gives.
        margin: m.
        shortest: shorter texts do not count, for little is left of them.

    Reference: Zhang, Zhu, Wang, Xu, Li, Zhao 2022, "A contrastive framework for learning sentence representations from
    pairwise and triple-wise perspective in angular space" (ArcCSE). There is no public code:
    the constants were not checked against any, and the margin is ours.

    Relations: with another text as `far` it is the hinge of `mpt`.
    """
    counts = (lengths > shortest).to(a)
    hinge = relu(cosine_similarity(a, far) - cosine_similarity(a, near) + margin)
    return (hinge * counts).sum() / counts.sum().clamp_min(1)
