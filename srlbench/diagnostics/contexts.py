"""The token vectors that the isotropy measures use: the contexts of frequent tokens, and a random baseline."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

CONTEXTS = 5  # a token with at least so many is analysed
SAMPLE = 1000  # sentences in the baseline


@dataclass(frozen=True)
class Layout:
    """The rows of a matrix of token vectors: the sentence and token of each row, and the rows that the measures use."""

    sentence: Tensor  # (t,): the sentence of each row
    attended: Tensor  # (t,) bool: False for padding
    tokens: tuple[int, ...]  # the ids of the analysed tokens, ascending
    contexts: tuple[int, ...]  # for each of them, the number of its sentences
    token: Tensor  # (t,): index in `tokens` at a token's first occurrence in a sentence, -1 elsewhere
    drawn: tuple[int, ...]  # the sentences of the baseline
    seed: int
    as_published: bool

    def baseline(self, layer: int) -> Tensor:
        """The rows of the baseline, (t,) bool: one random row of each drawn sentence."""
        rows = torch.nonzero(self.attended).flatten().numpy()
        rows = rows[np.argsort(self.sentence.numpy()[rows], kind="stable")]
        present, start, size = np.unique(self.sentence.numpy()[rows], return_index=True, return_counts=True)
        index = np.searchsorted(present, self.drawn)
        shares = np.random.default_rng([self.seed, layer if self.as_published else 0]).random(len(index))
        chosen = torch.zeros(len(self.attended), dtype=torch.bool)
        chosen[rows[start[index] + (shares * size[index]).astype(np.intp)]] = True
        return chosen


def layout(
    sentence: ArrayLike,
    ids: ArrayLike,
    attended: ArrayLike | None = None,
    *,
    specials: Collection[int] = (),
    seed: int = 0,
    as_published: bool = False,
) -> Layout:
    """The layout of rows with a sentence and a token id each, in the order of the text; `isotropy` states the rules."""
    sentence, ids = np.asarray(sentence, dtype=np.int64), np.asarray(ids, dtype=np.int64)
    live = np.ones(len(ids), dtype=bool) if attended is None else np.asarray(attended, dtype=bool)
    rows = np.flatnonzero(live | as_published)
    size = ids.max(initial=0) + 1
    pairs, first = np.unique(sentence[rows] * size + ids[rows], return_index=True)
    contexts, total = (np.bincount(x, minlength=size) for x in (pairs % size, ids[rows]))
    analysed = (total >= CONTEXTS) & (contexts > 1) if as_published else contexts >= CONTEXTS
    if not as_published:
        analysed[[i for i in specials if i < size]] = False
    tokens = np.flatnonzero(analysed)
    index = np.full(size, -1)
    index[tokens] = np.arange(len(tokens))
    token = np.full(len(ids), -1)
    token[rows[first]] = index[pairs % size]
    present = np.unique(sentence[live])
    drawn = np.random.default_rng(seed).choice(present, min(SAMPLE, len(present)), replace=False)
    return Layout(
        sentence=torch.from_numpy(sentence),
        attended=torch.from_numpy(live),
        tokens=tuple(tokens.tolist()),
        contexts=tuple(contexts[tokens].tolist()),
        token=torch.from_numpy(token),
        drawn=tuple(drawn.tolist()),
        seed=seed,
        as_published=as_published,
    )
