"""In-batch Contrastive Tension: two encoders must agree which sentences are the same."""

from torch import Tensor, arange
from torch.nn.functional import cross_entropy, normalize


def in_batch_tension(a: Tensor, b: Tensor, *, scale: float = 20.0) -> Tensor:
    """InfoNCE in both directions, between the vectors of two encoders. a, b: (n, d) -> scalar.

    S_ij = scale cos(a_i, b_j);  L = ( CE(S) + CE(S^T) ) / 2, the right class of row i being i

    Args:
        a, b: the vectors of the same sentences by the two encoders.
        scale: 1/t. sentence-transformers learns it, from 20.

    Reference: Carlsson et al. 2021, "Semantic Re-tuning with Contrastive Tension", as sentence-transformers'
    ContrastiveTensionLossInBatchNegatives.

    Relations: the mean of `info_nce` at t = 1/scale over both directions.
    """
    logits = scale * normalize(a, dim=-1) @ normalize(b, dim=-1).T
    wanted = arange(len(a), device=a.device)
    return (cross_entropy(logits, wanted) + cross_entropy(logits.T, wanted)) / 2
