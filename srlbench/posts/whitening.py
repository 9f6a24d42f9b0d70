"""Whitening, and the k strongest directions of it (BERT-whitening, arXiv 2103.15316)."""

from torch import Tensor, cov, linalg


def whitening(x: Tensor, *, dims: int | None = None) -> tuple[Tensor, Tensor]:
    """The map to zero mean and unit covariance, W = L^-1/2 U^T; with `dims`, its rows of the largest variances."""
    mean = x.mean(0)
    values, vectors = linalg.eigh(cov(x.T))
    weight = (vectors / values.clamp_min(1e-6).sqrt()).T
    weight = weight if dims is None else weight[-dims:]
    return weight, -(weight @ mean)
