"""SentEval's linear classifier under Adam: many fits are trained together, and those on the same rows share batches.

Every fit has the same numbers as if it were trained alone: the same start, the same order of rows, its own moments and
its own early stopping. Only the order of summation inside a product differs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from srlbench.evaluation.probes import Adam
from srlbench.evaluation.probes.folds import Fold

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8
HELD_OUT = 0.05


@dataclass(frozen=True)
class Fit:
    """The rows to train on, the rows for early stopping, and the length of a permutation to draw first (0: none)."""

    train: NDArray[np.int64]
    held: NDArray[np.int64]
    drawn: int = 0


@dataclass(frozen=True)
class Data:
    """All rows in float32, with a one for the bias, padded for vector registers; and their labels, also one-hot."""

    x: Tensor
    y: Tensor
    hot: Tensor
    inputs: int


@dataclass(frozen=True)
class Trained:
    """The best held-out accuracy (fits, decays), a fraction, and its weights (fits, decays, classes, width)."""

    accuracy: Tensor
    w: Tensor


@dataclass(frozen=True)
class Layers:
    """The weights and Adam's moments (fits, decays x classes, width); they are changed in place."""

    w: Tensor
    m: Tensor
    v: Tensor
    decay: Tensor

    def only(self, keep: Tensor) -> Layers:
        """The layers of some of the fits."""
        return Layers(self.w[keep], self.m[keep], self.v[keep], self.decay[keep])


def data(x: NDArray[np.float32], y: NDArray[np.int64], classes: int) -> Data:
    """The rows in the form that the fits need."""
    n, inputs = x.shape
    wide = torch.zeros(n, 16 * math.ceil((inputs + 1) / 16))
    wide[:, :inputs] = torch.from_numpy(x)
    wide[:, inputs] = 1
    labels = torch.from_numpy(y)
    return Data(wide, labels, torch.nn.functional.one_hot(labels, classes).float(), inputs)


def held_out(fold: Fold, seed: int) -> Fit:
    """The fit of a fold whose early stopping uses a twentieth of its training rows, from the first permutation."""
    order = np.random.RandomState(seed).permutation(len(fold.train))
    count = max(1, int(HELD_OUT * len(order)))
    return Fit(fold.train[order[count:]], fold.train[order[:count]], len(order))


def train(rows: Data, fits: list[Fit], decay: Tensor, adam: Adam, seed: int) -> Trained:
    """Train fits with equally many batches in a pass, each at every decay in its row of `decay` (fits, decays)."""
    count, decays = decay.shape
    layers = _start(rows, decay, seed)
    best = Trained(
        torch.full((count, decays), -1.0, dtype=torch.float64),
        layers.w.reshape(count, decays, -1, layers.w.shape[2]).clone(),
    )
    failures, stopped = torch.zeros(count, decays), torch.zeros(count, decays, dtype=torch.bool)
    streams = _streams(fits, seed)
    live, steps, passes = torch.arange(count), 0, 0
    while len(live) and passes <= adam.max_epoch:
        running = [fits[i] for i in live]
        for _ in range(adam.epoch_size):
            steps = _pass(rows, layers, _order(running, streams, adam.batch), adam, steps)
        passes += adam.epoch_size
        for row, i in enumerate(live.tolist()):
            w = layers.w[row].view(decays, -1, layers.w.shape[2])
            accuracy = _accuracy(rows, fits[i].held, w)
            better = (accuracy > best.accuracy[i]) & ~stopped[i]
            best.accuracy[i] = torch.where(better, accuracy, best.accuracy[i])
            best.w[i] = torch.where(better[:, None, None], w, best.w[i])
            stopped[i] |= ~better & (failures[i] >= adam.tenacity)
            failures[i] += ~better
        going = ~stopped[live].all(1)
        if not going.all():
            live, layers = live[going], layers.only(going)
    return best


def _start(rows: Data, decay: Tensor, seed: int) -> Layers:
    """The start of all fits: a torch.nn.Linear initialised from the seed, without use of torch's global generator."""
    draws, inputs, classes = torch.Generator().manual_seed(seed), rows.inputs, rows.hot.shape[1]
    one = torch.zeros(classes, rows.x.shape[1])
    weight, bias = torch.empty(classes, inputs), torch.empty(classes)
    torch.nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=draws)
    torch.nn.init.uniform_(bias, -1 / math.sqrt(inputs), 1 / math.sqrt(inputs), generator=draws)
    one[:, :inputs], one[:, inputs] = weight, bias
    w = one.repeat(len(decay), decay.shape[1], 1)
    return Layers(w, torch.zeros_like(w), torch.zeros_like(w), decay.repeat_interleave(classes, 1)[..., None])


def _streams(fits: list[Fit], seed: int) -> dict[tuple[int, int], np.random.RandomState]:
    """The generators of random orders, all from the same seed: fits of the same length share one."""
    streams = {(len(f.train), f.drawn): np.random.RandomState(seed) for f in fits}
    for (_, drawn), stream in streams.items():
        if drawn:
            stream.permutation(drawn)
    return streams


def _order(
    fits: list[Fit], streams: dict[tuple[int, int], np.random.RandomState], batch: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The order of a pass: rows (batches, fits x batch); weights of a row before and in the padded last batch."""
    orders = {key: stream.permutation(key[0]) for key, stream in streams.items()}
    batches = math.ceil(len(fits[0].train) / batch)
    rows, weight = np.zeros((len(fits), batches * batch), dtype=np.int64), np.zeros((len(fits), batch), np.float32)
    for i, fit in enumerate(fits):
        n = len(fit.train)
        last = n - (batches - 1) * batch
        rows[i, :n] = fit.train[orders[n, fit.drawn]]
        weight[i, :last] = 1 / last
    by_batch = rows.reshape(len(fits), batches, batch).swapaxes(0, 1).reshape(batches, -1)
    return torch.from_numpy(by_batch), torch.tensor(1 / batch), torch.from_numpy(weight)[:, None, None]


def _pass(rows: Data, layers: Layers, order: tuple[Tensor, Tensor, Tensor], adam: Adam, steps: int) -> int:
    """Take an Adam step on every batch; return the number of steps so far."""
    (batches, inside, last), w, m, v = order, layers.w, layers.m, layers.v
    fits, outputs, width = w.shape
    classes = rows.hot.shape[1]
    x, gradient, scale = w.new_empty(batches.shape[1], width), torch.empty_like(w), torch.empty_like(w)
    for number, batch in enumerate(batches):
        steps += 1
        torch.index_select(rows.x, 0, batch, out=x)
        by_fit = x.view(fits, -1, width)
        hot = rows.hot.index_select(0, batch).view(fits, 1, -1, classes).mT
        p = torch.bmm(w, by_fit.mT).view(fits, outputs // classes, classes, -1).softmax(2)
        p.sub_(hot).mul_(last if number == len(batches) - 1 else inside)
        torch.bmm(p.view(fits, outputs, -1), by_fit, out=gradient).addcmul_(w, layers.decay)
        m.lerp_(gradient, 1 - BETA1)
        v.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        torch.sqrt(v, out=scale).div_(math.sqrt(1 - BETA2**steps)).add_(EPS)
        w.addcdiv_(m, scale, value=-adam.lr / (1 - BETA1**steps))
    return steps


def _accuracy(rows: Data, held: NDArray[np.int64], w: Tensor) -> Tensor:
    """The accuracy of weights (decays, classes, width) on held-out rows."""
    index = torch.from_numpy(held)
    labels = (rows.x.index_select(0, index) @ w.mT).argmax(-1)
    return (labels == rows.y[index]).double().mean(1)
