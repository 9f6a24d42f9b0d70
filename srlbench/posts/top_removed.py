"""All but the top: without the mean and the strongest directions (Mu and Viswanath, arXiv 1702.01417)."""

from torch import Tensor, eye, linalg


def top_removed(x: Tensor, *, directions: int | None = None) -> tuple[Tensor, Tensor]:
    """The map x - m - sum_i u_i u_i^T (x - m) over the first principal components; default: one for 100 dimensions."""
    mean, width = x.mean(0), x.shape[1]
    count = max(1, round(width / 100)) if directions is None else directions
    top = linalg.svd(x - mean, full_matrices=False).Vh[:count]
    weight = eye(width, dtype=x.dtype) - top.T @ top
    return weight, -(weight @ mean)
