"""Every loss once more, as loops over scalars: slow, obvious, and the judge of the fast ones."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Loss = Callable[..., Tensor]


def cos(x: Tensor, y: Tensor) -> Tensor:
    return (x * y).sum() / (x.pow(2).sum().sqrt() * y.pow(2).sum().sqrt())


def info_nce(a: Tensor, b: Tensor, *negatives: Tensor, temperature: float = 0.05) -> Tensor:
    total = torch.zeros((), dtype=a.dtype)
    for i in range(len(a)):
        denominator = torch.zeros((), dtype=a.dtype)
        for candidates in (b, *negatives):
            for j in range(len(candidates)):
                denominator = denominator + (cos(a[i], candidates[j]) / temperature).exp()
        total = total - (cos(a[i], b[i]) / temperature - denominator.log())
    return total / len(a)


def align_uniform(a: Tensor, b: Tensor, *, weight: float = 1.0, t: float = 2.0) -> Tensor:
    n = len(a)
    align = torch.stack([2 - 2 * cos(a[i], b[i]) for i in range(n)]).mean()

    def uniform(x: Tensor) -> Tensor:
        pairs = [(-t * (2 - 2 * cos(x[i], x[j]))).exp() for i in range(n) for j in range(i)]
        return torch.stack(pairs).mean().log()

    return align + weight * (uniform(a) + uniform(b)) / 2


def barlow_twins(a: Tensor, b: Tensor, *, weight: float = 0.0051, eps: float = 1e-5) -> Tensor:
    n, width = a.shape
    total = torch.zeros((), dtype=a.dtype)

    def z(x: Tensor, d: int) -> list[Tensor]:
        mean = sum(x[i, d] for i in range(n)) / n
        variance = sum((x[i, d] - mean) ** 2 for i in range(n)) / n
        return [(x[i, d] - mean) / (variance + eps) ** 0.5 for i in range(n)]

    for d in range(width):
        for e in range(width):
            c = sum(p * q for p, q in zip(z(a, d), z(b, e), strict=True)) / n
            total = total + ((1 - c) ** 2 if d == e else weight * c**2)
    return total


BY_NAME: dict[str, Loss] = {f.__name__: f for f in (info_nce, align_uniform, barlow_twins)}
