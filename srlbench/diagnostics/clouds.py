"""Measures of how evenly vectors fill their space: IsoScore, effective rank, hubness, alignment and uniformity."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite, nan

import torch
from torch import Tensor
from torch.nn.functional import normalize, pdist

NEIGHBOURS = 10
POINT = 1e-12  # a variance below this share of the mean square is a rounding error
PARAPHRASE = 4.0  # pairs with a higher grade are positives (SimCSE, footnote 3)
CHUNK = 1024  # rows of the cosine matrix that are in memory at a time


@dataclass(frozen=True)
class Moments:
    """The sum of some vectors and of their outer products, in double precision; moments of parts can be added."""

    count: int
    total: Tensor  # (d,)
    square: Tensor  # (d, d)

    @classmethod
    def of(cls, vectors: Tensor) -> Moments:
        x = vectors.detach().cpu().double()
        return cls(len(x), x.sum(0), x.T @ x)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.count + other.count, self.total + other.total, self.square + other.square)

    @property
    def isoscore(self) -> float:
        """IsoScore (Rudman et al., Findings of ACL 2022): 1 if all directions vary equally, 0 if only one varies.

        v: the variances along the d principal components; v' = sqrt(d) v / |v|
        delta = |v' - 1| / sqrt(2 (d - sqrt(d)))                the isotropy defect
        phi = (d - delta^2 (d - sqrt(d)))^2 / d^2               the share of dimensions used
        IsoScore = (d phi - 1) / (d - 1) = ((sum v)^2 / sum v^2 - 1) / (d - 1)

        The last form needs no components: sum v and sum v^2 are the trace of the covariance and its squared Frobenius
        norm. The mean of the vectors has no influence. n vectors of an isotropic normal give about n / (n + d), and a
        single point gives nan.
        """
        covariance = self.square - torch.outer(self.total, self.total) / max(self.count, 1)
        trace, width = covariance.trace(), len(self.total)
        if width < 2 or not trace > POINT * self.square.trace():
            return nan
        return float((trace.square() / covariance.square().sum() - 1) / (width - 1))

    @property
    def effective_rank(self) -> float:
        """exp of the entropy of the singular values' shares (Roy and Vetterli 2007); the vectors are not centred."""
        values = torch.linalg.eigvalsh(self.square)
        values = values[values > len(values) * torch.finfo(values.dtype).eps * values[-1]]
        if not len(values):
            return nan
        share = values.sqrt() / values.sqrt().sum()
        return float((-(share * share.log()).sum()).exp())


@dataclass(frozen=True)
class Cloud:
    """The measures of some vectors, one per sentence; nan where undefined."""

    count: int
    mean_cosine: float  # over all pairs of two different vectors
    isoscore: float
    effective_rank: float
    hubness: float

    def as_dict(self) -> dict[str, float | None]:
        return {key: value if isfinite(value) else None for key, value in asdict(self).items()}


def cloud(vectors: Tensor) -> Cloud:
    """The measures of (n, d) vectors; for those of graded pairs see `alignment_uniformity`."""
    moments = Moments.of(vectors)
    unit = _units(vectors)
    return Cloud(
        count=len(vectors),
        mean_cosine=mean_cosine(unit.sum(0), unit.square().sum(), len(unit)),
        isoscore=moments.isoscore,
        effective_rank=moments.effective_rank,
        hubness=hubness(vectors),
    )


def mean_cosine(total: Tensor, diagonal: Tensor | float, count: int) -> float:
    """The mean cosine of all pairs of different vectors, from the sum of n unit vectors: sum_{a,b} cos = |sum u|^2."""
    return float((total.square().sum() - diagonal) / (count * (count - 1))) if count > 1 else nan


def hubness(vectors: Tensor, k: int = NEIGHBOURS) -> float:
    """The skewness of the k-occurrence N: how often a vector is among the k nearest of another, by cosine.

    Radovanović et al. (2010): mean (N - k)^3 / sd(N)^3. It is large if a few vectors are neighbours of most others. It
    is nan if all vectors occur equally often, as with no more than k others. Equal rows tie, so give distinct ones.
    Vectors of zeros have no cosine and are left out.
    """
    unit = _units(vectors)
    unit = unit[unit.any(-1)]
    n = len(unit)
    if n <= k:
        return nan
    occurrence = torch.zeros(n, dtype=torch.double)
    for start in range(0, n, CHUNK):
        rows = torch.arange(start, min(start + CHUNK, n))
        cosines = unit[rows] @ unit.T
        cosines[torch.arange(len(rows)), rows] = -torch.inf
        occurrence += torch.bincount(cosines.topk(k, dim=-1).indices.flatten(), minlength=n)
    deviation = occurrence - k
    variance = deviation.square().mean()
    return (deviation.pow(3).mean() / variance.pow(1.5)).item() if variance > 0 else nan


def alignment_uniformity(a: Tensor, b: Tensor, scores: Tensor) -> dict[str, float]:
    """The mean squared distance of positive pairs, and the log mean Gaussian potential of all sentences.

    a, b: (n, d), the vectors of the two sentences of each pair.
    """
    a, b = normalize(a, dim=-1), normalize(b, dim=-1)
    positive = scores > PARAPHRASE
    potential = (-2 * pdist(torch.cat((a, b))).pow(2)).exp().mean().log()
    return {
        "alignment": (a - b).pow(2).sum(-1)[positive].mean().item(),
        "uniformity": potential.item(),
    }


def _units(vectors: Tensor) -> Tensor:
    return normalize(vectors.detach().cpu().double(), dim=-1)
