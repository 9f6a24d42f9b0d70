"""SentEval's probe: inner fits choose the weight decay of each outer fold, then the outer folds are fitted again.

https://github.com/princeton-nlp/SimCSE/tree/main/SentEval, senteval/tools/classifier.py and validation.py
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from srlbench.evaluation.probes import Adam
from srlbench.evaluation.probes.adam import Data, Fit, Trained, data, held_out, train
from srlbench.evaluation.probes.folds import Choice, Outer, choose
from srlbench.evaluation.probes.threads import one_thread

GROUP = 12 << 20  # bytes that a step of a group uses: with less, threads mostly wait for the interpreter's lock
THREADS = 4  # more threads would wait for the lock too

Labels = NDArray[np.int64]


def run(
    x: NDArray[np.float32], y: Labels, outers: tuple[Outer, ...], decay: tuple[float, ...], adam: Adam, seed: int
) -> list[tuple[Choice, Labels]]:
    """The chosen decay and the predicted labels of each outer fold."""
    rows = data(x, y, max(int(y.max()) + 1, 2))
    inner = [Fit(f.train, f.held) for outer in outers for f in outer.inner]
    trained = fit(rows, inner, torch.tensor(decay).repeat(len(inner), 1), adam, seed)
    choices, weights, at = [], [], 0
    for outer in outers:
        choices.append(choose(trained.accuracy[at : at + len(outer.inner)].numpy()))
        weights.append(trained.w[at, choices[-1].index])
        at += len(outer.inner)
    # Without refit, the inner fit is the reported one: it has the same rows, the same dev set and the same seed.
    refits = [i for i, outer in enumerate(outers) if outer.refit]
    if refits:
        chosen = torch.tensor([[decay[choices[i].index]] for i in refits])
        best = fit(rows, [held_out(outers[i].fold, seed) for i in refits], chosen, adam, seed)
        for row, i in enumerate(refits):
            weights[i] = best.w[row, 0]
    held = (torch.from_numpy(outer.fold.held) for outer in outers)
    return [(c, (rows.x[h] @ w.T).argmax(1).numpy()) for c, w, h in zip(choices, weights, held)]


def fit(rows: Data, fits: list[Fit], decay: Tensor, adam: Adam, seed: int) -> Trained:
    """Train all fits in groups, each on one thread: as fast as products on all cores, also on a busy machine."""
    with one_thread() as free, ThreadPoolExecutor(min(free, THREADS), "probe", torch.set_num_threads, (1,)) as pool:
        groups = _groups(rows, fits, decay.shape[1], adam.batch, min(free, THREADS))
        parts = list(pool.map(lambda g: train(rows, [fits[i] for i in g], decay[g], adam, seed), groups))
    order = torch.tensor([i for group in groups for i in group]).argsort()
    return Trained(torch.cat([p.accuracy for p in parts])[order], torch.cat([p.w for p in parts])[order])


def _groups(rows: Data, fits: list[Fit], decays: int, batch: int, threads: int) -> list[list[int]]:
    """The groups of fits to train together, as indices: the fits of a group have the same number of batches."""
    need = 4 * rows.x.shape[1] * (batch + 5 * decays * rows.hot.shape[1])
    size = max(1, GROUP // need)
    by_batches: dict[int, list[int]] = {}
    for i, f in enumerate(fits):
        by_batches.setdefault(math.ceil(len(f.train) / batch), []).append(i)
    groups = []
    for same in by_batches.values():
        count = min(threads * math.ceil(len(same) / size / threads), len(same))
        groups += [part.tolist() for part in np.array_split(same, count)]
    return groups
