"""The probe at the exact minimum of its loss; all folds and weight decays are solved together."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from srlbench.evaluation.probes.descent import Guide, minima
from srlbench.evaluation.probes.folds import Choice, Fold, Outer, choose
from srlbench.evaluation.probes.logistic import Problem, inverse
from srlbench.evaluation.probes.threads import one_thread

Labels = NDArray[np.int64]


def run(
    x: NDArray[np.float32], y: Labels, outers: tuple[Outer, ...], decay: tuple[float, ...]
) -> list[tuple[Choice, Labels]]:
    """The chosen decay and the predicted labels of each outer fold."""
    with one_thread():
        return _run(x, y, outers, decay)


def _run(
    x: NDArray[np.float32], y: Labels, outers: tuple[Outer, ...], decay: tuple[float, ...]
) -> list[tuple[Choice, Labels]]:
    folds = [f for outer in outers for f in (*outer.inner, *([outer.fold] if outer.refit else []))]
    w = weights(x, y, folds, decay)
    results, at = [], 0
    for outer in outers:
        count = len(outer.inner)
        accuracies = [(predict(x[f.held], w[at + i]) == y[f.held, None]).mean(0) for i, f in enumerate(outer.inner)]
        choice = choose(np.array(accuracies))
        reported = w[at + count] if outer.refit else w[at]
        results.append((choice, predict(x[outer.fold.held], reported[choice.index : choice.index + 1])[:, 0]))
        at += count + outer.refit
    return results


def predict(x: NDArray[np.float32], w: Tensor) -> Labels:
    """The labels (rows, decays) that weights (decays, logits, dimensions) predict."""
    z = _widened(torch.from_numpy(x)) @ w.mT  # (decays, rows, logits)
    labels = z[..., 0] > 0 if w.shape[1] == 1 else z.argmax(-1)
    out: Labels = labels.T.numpy().astype(np.int64)
    return out


def weights(x: NDArray[np.float32], y: Labels, folds: list[Fold], decay: tuple[float, ...]) -> Tensor:
    """The weights (folds, decays, logits, dimensions + 1), bias last; two classes have one logit, of the second."""
    member = np.zeros((len(x), len(folds)))
    for i, fold in enumerate(folds):
        member[fold.train, i] = 1 / len(fold.train)
    used = member.any(1)
    rows, basis = _rotated(_widened(torch.from_numpy(x[used])))
    w = _solved(rows, torch.from_numpy(y[used]), max(int(y.max()) + 1, 2), torch.from_numpy(member[used]), decay)
    w = w.permute(2, 0, 1).reshape(len(folds), len(decay), *w.shape[:2])
    return w if basis is None else w @ basis.T


def _solved(x: Tensor, y: Tensor, classes: int, share: Tensor, decay: tuple[float, ...]) -> Tensor:
    """The minima of all folds; they start at the minima on all rows and are guided by the Hessians there."""
    decays, folds = len(decay), share.shape[1]
    logits, factor = (1, 0.5) if classes == 2 else (classes, 1.0)
    penalty, numbers = factor * torch.tensor(decay, dtype=x.dtype), torch.arange(decays)
    whole = Problem(x, y, logits, x.new_full((len(x), 1), 1 / len(x)), torch.zeros_like(numbers), penalty)
    w = minima(whole, whole.zeros(), Guide(whole.at_zero(), numbers))
    if folds == 1 and share.all():
        return w
    parts = Problem(x, y, logits, share, torch.arange(folds).repeat_interleave(decays), penalty.repeat(folds))
    guide = Guide(torch.stack([inverse(whole.curvature(w, k)) for k in range(decays)]), numbers.repeat(folds))
    return minima(parts, w.repeat(1, 1, folds), guide)


def _widened(x: Tensor) -> Tensor:
    """The rows in double precision with a column of ones, which makes the bias a weight like the others."""
    return torch.cat((x, x.new_ones(len(x), 1)), 1).double()


def _rotated(x: Tensor) -> tuple[Tensor, Tensor | None]:
    """The rows, and with fewer rows than dimensions coordinates in a basis of their span, where the minimum is."""
    if len(x) >= x.shape[1]:
        return x, None
    q, r = torch.linalg.qr(x.T)
    return r.T.contiguous(), q
