"""Which token vectors the measures of isotropy look at: the contexts of frequent tokens, and a drawn baseline."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

CONTEXTS = 5  # a token is analysed that has so many
SAMPLE = 1000  # sentences whose tokens make the baseline


@dataclass(frozen=True)
class Layout:
    """Token vectors of some texts, one under the other: what row is what, and which rows a measure looks at."""

    sentence: Tensor  # (t,)
    attended: Tensor  # (t,) bool: not padding
    tokens: tuple[int, ...]  # the ids analysed, ascending
    contexts: tuple[int, ...]  # of each: the sentences it is in
    token: Tensor  # (t,): place among `tokens` at its first occurrence in a sentence, -1 elsewhere
    drawn: tuple[int, ...]  # the sentences of the baseline
    seed: int
    as_published: bool

    def baseline(self, layer: int) -> Tensor:
        """(t,) bool: one row of each drawn sentence."""
        rows = torch.nonzero(self.attended).flatten().numpy()
        rows = rows[np.argsort(self.sentence.numpy()[rows], kind="stable")]
        present, start, size = np.unique(self.sentence.numpy()[rows], return_index=True, return_counts=True)
        at = np.searchsorted(present, self.drawn)
        shares = np.random.default_rng([self.seed, layer if self.as_published else 0]).random(len(at))
        chosen = torch.zeros(len(self.attended), dtype=torch.bool)
        chosen[rows[start[at] + (shares * size[at]).astype(np.intp)]] = True
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
    """Of rows with a sentence and a token id each, a sentence's in the order of its text; `isotropy` says the rules."""
    sentence, ids = np.asarray(sentence, dtype=np.int64), np.asarray(ids, dtype=np.int64)
    live = np.ones(len(ids), dtype=bool) if attended is None else np.asarray(attended, dtype=bool)
    kept = np.flatnonzero(live | as_published)
    size = ids.max(initial=0) + 1
    pairs, first = np.unique(sentence[kept] * size + ids[kept], return_index=True)
    contexts, total = (np.bincount(x, minlength=size) for x in (pairs % size, ids[kept]))
    wanted = (total >= CONTEXTS) & (contexts > 1) if as_published else contexts >= CONTEXTS
    if not as_published:
        wanted[[i for i in specials if i < size]] = False
    tokens = np.flatnonzero(wanted)
    place = np.full(size, -1)
    place[tokens] = np.arange(len(tokens))
    token = np.full(len(ids), -1)
    token[kept[first]] = place[pairs % size]
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
