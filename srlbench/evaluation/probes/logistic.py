"""Many ridge-penalised logistic regressions on rows of one matrix, evaluated together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import softplus

BLOCK = 1 << 19  # numbers in a block of logits, which should stay in the processor's cache


@dataclass(frozen=True)
class Problem:
    """Fits that share x and y; each has its own rows (a column of `share`) and its own penalty.

    Weights are (logits, dimensions, fits). Two classes have one logit: the two logits of a softmax are equal and
    opposite at the optimum, so their difference has half the penalty. More classes have one logit each.
    """

    x: Tensor
    y: Tensor
    logits: int
    share: Tensor  # (rows, sets): one over the number of rows of the set, or zero
    member: Tensor  # (fits,): the set of each fit
    penalty: Tensor  # (fits,)

    def only(self, fits: Tensor) -> Problem:
        """The problem of some of the fits, on the same rows."""
        return replace(self, member=self.member[fits], penalty=self.penalty[fits])

    def zeros(self) -> Tensor:
        """Zero weights, to start from."""
        return self.x.new_zeros(self.logits, self.x.shape[1], len(self.member))

    def evaluate(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """The loss (fits,) and gradient of every fit, with the penalty."""
        loss = self.penalty / 2 * w.square().sum((0, 1))
        gradient = self.penalty * w
        size = max(256, BLOCK // (w.shape[0] * w.shape[2]))
        for at in range(0, len(self.x), size):
            x, y = self.x[at : at + size], self.y[at : at + size]
            losses, slope = self._rows(x @ w, y)
            share = self.share[at : at + size].index_select(1, self.member)
            loss += (losses.mul_(share)).sum(0)
            gradient += x.T @ slope.mul_(share)
        return loss, gradient

    def at_zero(self) -> Tensor:
        """Inverse Hessian blocks (fits, logits, dimensions, dimensions) at zero weights, for fits on the same rows."""
        classes = max(self.logits, 2)
        gram = weighted_gram(self.x, self.share[:, self.member[0]] * (classes - 1) / classes**2)
        blocks = gram.repeat(len(self.member), 1, 1)
        blocks.diagonal(dim1=1, dim2=2).add_(self.penalty[:, None])
        return inverse(blocks)[:, None].expand(-1, self.logits, -1, -1)

    def curvature(self, w: Tensor, fit: int) -> Tensor:
        """The diagonal blocks (logits, dimensions, dimensions) of one fit's Hessian, with the penalty."""
        p = self._probabilities(self.x @ w[:, :, fit].T)
        blocks = torch.stack([weighted_gram(self.x, q * self.share[:, self.member[fit]]) for q in (p * (1 - p)).T])
        blocks.diagonal(dim1=1, dim2=2).add_(self.penalty[fit])
        return blocks

    def _rows(self, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of every row (rows, fits), and its derivative by the logits."""
        if self.logits == 1:
            sign = (1 - 2 * y)[None, :, None].to(z)
            z = z.mul_(sign)
            return softplus(z[0], threshold=50), torch.sigmoid(z).mul_(sign)
        total = torch.logsumexp(z, 0)
        rows = torch.arange(len(y))
        losses = total - z[y, rows]
        slope = (z - total).exp_()
        slope[y, rows] -= 1
        return losses, slope

    def _probabilities(self, z: Tensor) -> Tensor:
        return torch.sigmoid(z) if self.logits == 1 else torch.softmax(z, 1)


def weighted_gram(x: Tensor, weight: Tensor) -> Tensor:
    """The matrix x.T @ diag(weight) @ x, computed in blocks of rows."""
    gram = x.new_zeros(x.shape[1], x.shape[1])
    for at in range(0, len(x), 4096):
        part = x[at : at + 4096]
        gram.addmm_((part * weight[at : at + 4096, None]).T, part)
    return gram


def inverse(blocks: Tensor) -> Tensor:
    """The inverses of positive definite blocks, slightly regularised, because they only guide a descent."""
    blocks = blocks.clone()
    blocks.diagonal(dim1=1, dim2=2).add_(1e-13 * blocks.diagonal(dim1=1, dim2=2).sum(1, keepdim=True))
    return torch.cholesky_inverse(torch.linalg.cholesky(blocks))
