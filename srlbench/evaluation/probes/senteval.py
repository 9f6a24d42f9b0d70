"""The probe as SentEval trains it: inner fits choose each outer fold's weight decay, then the outer folds are refitted.

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

GROUP = 12 << 20  # bytes a group's step touches: smaller ones spend their time waiting for the interpreter's lock
THREADS = 4  # more would wait for it too

Labels = NDArray[np.int64]


def run(
    x: NDArray[np.float32], y: Labels, outers: tuple[Outer, ...], decay: tuple[float, ...], adam: Adam, seed: int
) -> list[tuple[Choice, Labels]]:
    """The decay chosen and the labels predicted in each outer fold."""
    rows = data(x, y, max(int(y.max()) + 1, 2))
    inner = [Fit(f.train, f.held) for outer in outers for f in outer.inner]
    tried = fit(rows, inner, torch.tensor(decay).repeat(len(inner), 1), adam, seed)
    choices, kept, at = [], [], 0
    for outer in outers:
        choices.append(choose(tried.accuracy[at : at + len(outer.inner)].numpy()))
        kept.append(tried.w[at, choices[-1].place])
        at += len(outer.inner)
    # Without refit the reported fit would be an inner one over again: same rows, same dev set, same seed.
    again = [i for i, outer in enumerate(outers) if outer.refit]
    if again:
        chosen = torch.tensor([[decay[choices[i].place]] for i in again])
        best = fit(rows, [held_out(outers[i].fold, seed) for i in again], chosen, adam, seed)
        for place, i in enumerate(again):
            kept[i] = best.w[place, 0]
    held = (torch.from_numpy(outer.fold.held) for outer in outers)
    return [(c, (rows.x[h] @ w.T).argmax(1).numpy()) for c, w, h in zip(choices, kept, held)]


def fit(rows: Data, fits: list[Fit], decay: Tensor, adam: Adam, seed: int) -> Trained:
    """All fits, in groups, a group to a thread: no slower than products on all cores, and steady on a busy machine."""
    with one_thread() as free, ThreadPoolExecutor(min(free, THREADS), "probe", torch.set_num_threads, (1,)) as pool:
        groups = _groups(rows, fits, decay.shape[1], adam.batch, min(free, THREADS))
        done = list(pool.map(lambda g: train(rows, [fits[i] for i in g], decay[g], adam, seed), groups))
    back = torch.tensor([i for group in groups for i in group]).argsort()
    return Trained(torch.cat([d.accuracy for d in done])[back], torch.cat([d.w for d in done])[back])


def _groups(rows: Data, fits: list[Fit], decays: int, batch: int, threads: int) -> list[list[int]]:
    """Places of fits that are trained in step: they have equally many batches, so that all step together."""
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
