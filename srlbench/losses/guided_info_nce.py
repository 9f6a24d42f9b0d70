"""GIST: InfoNCE without the negatives that a guide finds more similar to the anchor than its positive."""

from torch import Tensor, arange, cat, eye
from torch.nn.functional import cross_entropy, normalize


def guided_info_nce(
    a: Tensor, b: Tensor, *negatives: Tensor, guide: tuple[Tensor, ...], temperature: float = 0.01, margin: float = 0.0
) -> Tensor:
    """Cross-entropy of each pair over all other texts that the guide lets pass. a, b, negatives: (n, d) -> scalar.

    candidates of a_i: b_j, a_j (j != i), the b_j as seen from b_i (j != i), and all hard negatives
    one is left out if the guide's cosine of it exceeds the guide's cosine of (a_i, b_i) less the margin
    L = mean_i -log( e^{cos(a_i, b_i)/t} / sum of e^{cos/t} over the positive and the candidates that are left )

    Args:
        a, b: the two views; row i of each is a positive pair.
        negatives: further (n, d) batches, every row of which is a candidate of every a_i.
        guide: the guide's vectors of the same texts, as many columns, without a gradient.
        temperature: t.
        margin: as above.

    Reference: Solatorio 2024, "GISTEmbed", as its code has it. The columns must be different texts: the guide finds two
    dropout views of one text equal, so that nothing could be left out.

    Relations: `info_nce` with the candidates of both sides, if the guide finds nothing similar.
    """

    def cosines(first: Tensor, second: Tensor, *others: Tensor) -> Tensor:
        x, y = normalize(first, dim=-1), normalize(second, dim=-1)
        return cat((x @ y.T, x @ x.T, y @ y.T, *(x @ normalize(c, dim=-1).T for c in others)), dim=1)

    n = len(a)
    own = eye(n, device=a.device).bool()
    similar = cosines(*(each.to(a) for each in guide))
    out = similar > similar.diagonal().unsqueeze(1) - margin
    out[:, :n] &= ~own  # the positive stays,
    out[:, n : 3 * n] |= own.repeat(1, 2)  # and nothing is compared with itself
    return cross_entropy(
        cosines(a, b, *negatives).masked_fill(out, float("-inf")) / temperature, arange(n, device=a.device)
    )
