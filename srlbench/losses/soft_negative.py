"""SNCSE's bidirectional margin: the negation of a text is a little further away than its positive, not much."""

from torch import Tensor
from torch.nn.functional import cosine_similarity, relu


def soft_negative(a: Tensor, b: Tensor, negated: Tensor, *, nearest: float = 0.1, furthest: float = 0.3) -> Tensor:
    """The negation's cosine is `nearest` to `furthest` below that of the positive. a, b, negated: (n, d) -> scalar.

    D_i = cos(a_i, negated_i) - cos(a_i, b_i);  L = mean_i [ D_i + alpha ]+ + [ -D_i - beta ]+

    Args:
        a, b: the two views; row i of each is a positive pair.
        negated: the negated texts.
        nearest, furthest: alpha and beta.

    Reference: Wang, Dou 2022, "SNCSE: Contrastive Learning for Unsupervised Sentence Embedding with Soft Negative
    Samples".

    Relations: with beta = infinity it is a hinge against one negative.
    """
    gap = cosine_similarity(a, negated) - cosine_similarity(a, b)
    return (relu(gap + nearest) + relu(-gap - furthest)).mean()
