"""Isotropy and contextuality of an encoder's token vectors in each layer: the measures of arXiv 2212.09170."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from torch import Tensor
from torch.nn.functional import normalize

from srlbench.diagnostics.clouds import Cloud, Moments, cloud, mean_cosine
from srlbench.diagnostics.contexts import Layout, layout
from srlbench.diagnostics.hidden import hidden_states, names, special_ids, tokenised
from srlbench.errors import SrlbenchError, UsageError

DIGITS = 3  # decimals to which the official code rounds
TOP = 3  # rogue dimensions to report


@dataclass(frozen=True)
class Layer:
    """The measures of one layer, not adjusted for the baseline unless the name says so; nan where undefined."""

    self_similarities: Tensor  # (v,): for each analysed token, the mean cosine of two of its contexts
    intra_similarity: float  # mean cosine of a token and the mean of its sentence, over tokens, then sentences
    baseline: float  # anisotropy: mean cosine of random tokens, one from each drawn sentence
    norm: float  # mean length of a token's vector
    shares: Tensor  # (d,): share of each dimension in the sum of a token's cosines with all its contexts; token mean
    isoscore: float  # of all tokens
    effective_rank: float  # of all tokens

    @property
    def self_similarity(self) -> float:
        return self.self_similarities.nanmean().item()

    @property
    def adjusted(self) -> Tensor:
        """The self-similarity of each token minus the baseline, (v,)."""
        return self.self_similarities - self.baseline

    def as_dict(self) -> dict[str, Any]:
        finite = self.shares[self.shares.isfinite()]  # all or none
        share, dimension = finite.topk(min(TOP, len(finite)))
        return {
            "self_similarity": known(self.self_similarity),
            "adjusted_self_similarity": known(self.self_similarity - self.baseline),
            "intra_similarity": known(self.intra_similarity),
            "adjusted_intra_similarity": known(self.intra_similarity - self.baseline),
            "baseline": known(self.baseline),
            "norm": known(self.norm),
            "isoscore": known(self.isoscore),
            "effective_rank": known(self.effective_rank),
            "rogue": [{"dimension": d, "share": s} for d, s in zip(dimension.tolist(), share.tolist())],
            "rogue_share": share.sum().item() if len(finite) else None,
        }


@dataclass(frozen=True)
class Isotropy:
    """The measures of an encoder on some texts: of its layers (layer 0: the embeddings) and of its sentence vectors."""

    layers: tuple[Layer, ...]
    layout: Layout
    tokens: tuple[str, ...]  # the names of the analysed tokens
    specials: frozenset[int]
    sentences: Cloud  # of distinct texts

    def as_dict(self) -> dict[str, Any]:
        """The measures in JSON types; None where undefined."""
        similarities = torch.stack([layer.self_similarities for layer in self.layers]).T.tolist()
        columns = zip(self.layout.tokens, self.tokens, self.layout.contexts, similarities, strict=True)
        return {
            "as_published": self.layout.as_published,
            "seed": self.layout.seed,
            "sentences": len(torch.unique(self.layout.sentence)),
            "drawn": len(self.layout.drawn),
            "layers": [{"layer": index, **layer.as_dict()} for index, layer in enumerate(self.layers)],
            "tokens": [
                {"id": i, "token": name, "contexts": n, "self_similarity": [known(x) for x in values]}
                for i, name, n, values in columns
            ],
            "sentence_vectors": self.sentences.as_dict(),
        }


class Sums:
    """The running sums for one layer's measures, in double precision; sentences can be added in any order."""

    def __init__(self, layout: Layout, layer: int, width: int) -> None:
        self.layout, self.chosen = layout, layout.baseline(layer)
        self.units = torch.zeros(len(layout.tokens), width, dtype=torch.double)  # the sum of each token's unit vectors
        self.diagonal = torch.zeros(len(layout.tokens), dtype=torch.double)  # of their squared lengths, each 1 or 0
        self.moments = Moments.of(torch.zeros(0, width))
        self.baseline = torch.zeros(width, dtype=torch.double)
        self.drawn_units = self.norm = self.intra = torch.zeros((), dtype=torch.double)
        self.sentences = 0

    def add(self, vectors: Tensor, rows: Tensor) -> None:
        """Add all tokens of some sentences. vectors: (m, d), for these rows of the layout."""
        x = vectors.detach().cpu().double()
        length = x.norm(dim=-1)
        unit = x / length.where(length > 0, 1).unsqueeze(-1)
        square = (length > 0).double()
        token = self.layout.token[rows]
        self.units.index_add_(0, token[token >= 0], unit[token >= 0])
        self.diagonal.index_add_(0, token[token >= 0], square[token >= 0])
        chosen = self.chosen[rows]
        self.baseline = self.baseline + unit[chosen].sum(0)
        self.drawn_units = self.drawn_units + square[chosen].sum()
        live = self.layout.attended[rows]
        x, unit = x[live], unit[live]
        self.moments += Moments.of(x)
        self.norm = self.norm + length[live].sum()
        _, index, size = torch.unique(self.layout.sentence[rows][live], return_inverse=True, return_counts=True)
        means = torch.zeros(len(size), x.shape[1], dtype=torch.double).index_add_(0, index, x)
        cosines = (unit * normalize(means, dim=-1)[index]).sum(-1)
        self.intra = self.intra + (cosines / size[index]).sum()
        self.sentences += len(size)

    def measures(self) -> Layer:
        if not self.moments.square.isfinite().all():
            raise SrlbenchError("The encoder gives token vectors that are not finite; they have no geometry.")
        total = self.units.square().sum(-1)
        contexts = torch.tensor(self.layout.contexts, dtype=torch.double)
        similarities = (total - self.diagonal) / (contexts * (contexts - 1))
        baseline = mean_cosine(self.baseline, self.drawn_units, len(self.layout.drawn))
        if self.layout.as_published:
            similarities, baseline = similarities.round(decimals=DIGITS), round(baseline, DIGITS)
        return Layer(
            self_similarities=similarities.where(self.diagonal > 0, torch.nan),
            intra_similarity=(self.intra / self.sentences).item(),
            baseline=baseline,
            norm=(self.norm / self.moments.count).item(),
            shares=contributions(self.units).nanmean(0),
            isoscore=self.moments.isoscore,
            effective_rank=self.moments.effective_rank,
        )


def contributions(units: Tensor) -> Tensor:
    """The CC_d of each token: the share of dimension d in the sum of cosines of all pairs of its contexts.

    sum_{a,b} u_ad u_bd / sum_{a,b} u_a u_b, including a = b, is S_d^2 / |S|^2. units: (v, d), sums S of unit vectors.
    """
    return units.square() / units.square().sum(-1, keepdim=True)


def _rows(
    lengths: Mapping[int, Any], texts: int, specials: frozenset[int], pad: int | None, seed: int, as_published: bool
) -> tuple[Layout, NDArray[np.int64]]:
    """The layout of all texts, and the start row of each text; with `pad`, the padding tokens have rows too."""
    size = np.empty(texts, dtype=np.int64)
    for length, (indices, _) in lengths.items():
        size[indices] = length if pad is None else max(lengths)
    start = np.cumsum(size) - size
    ids = np.full(size.sum(), -1 if pad is None else pad)
    attended = np.zeros(len(ids), dtype=bool)
    for length, (indices, features) in lengths.items():
        rows = start[indices, None] + np.arange(length)
        ids[rows], attended[rows] = features["input_ids"].numpy(), True
    sentences = np.repeat(np.arange(texts), size)
    return layout(sentences, ids, attended, specials=specials, seed=seed, as_published=as_published), start


def isotropy(
    encoder: SentenceTransformer, texts: Sequence[str], *, seed: int = 0, as_published: bool = False
) -> Isotropy:
    """The measures of an encoder on texts, in one pass over them.

    The formulas are those of the paper. Its official code makes a few other choices, which `as_published` selects:

    - Analysed tokens. Here: tokens in 5 sentences or more, without padding and special tokens (also the unknown word).
      As published: tokens that occur 5 times or more, in two sentences or more, in the texts padded to the longest.
      Padding and special tokens are included; the first padded position of a text is a context of the padding token.
    - Baseline. Here: one token of each drawn sentence, the same at every layer. As published: drawn anew at each layer.
    - Rounding. Here: none. As published: each token's self-similarity and the baseline to three decimals.

    In both, a context of a token is its first occurrence in a sentence; with the others, similarity within a sentence
    would have an influence. Special tokens count in intra-sentence similarity, norm and baseline. Unlike in the
    official code, the baseline is seeded, and uses all sentences if there are fewer than 1000. With `as_published`,
    this gives the code's own output for all-MiniLM-L6-v2 (its file `analysis_output`) to the fifth decimal, except for
    the baseline.

    IsoScore and effective rank are of all tokens of all texts. Memory: layers x (analysed tokens + width) x width.
    """
    if not texts:
        raise UsageError("There is no text whose tokens could be looked at.")
    lengths = tokenised(encoder, texts)
    specials = special_ids(encoder)
    pad = getattr(encoder.tokenizer, "pad_token_id", None) if as_published else None
    rows, start = _rows(lengths, len(texts), specials, pad, seed, as_published)
    sums: list[Sums] = []
    vectors = torch.empty(0)
    for batch in hidden_states(encoder, lengths, pad=pad):
        if not sums:
            sums = [Sums(rows, layer, x.shape[-1]) for layer, x in enumerate(batch.states)]
            vectors = torch.empty(len(texts), batch.vectors.shape[1])
        positions = torch.from_numpy(start[batch.indices, None] + np.arange(batch.states[0].shape[1])).flatten()
        for layer_sums, x in zip(sums, batch.states, strict=True):
            layer_sums.add(x.flatten(0, 1), positions)
        vectors[batch.indices] = batch.vectors
    if not vectors.isfinite().all():
        raise SrlbenchError("The encoder gives vectors that are not finite; they have no geometry.")
    distinct: dict[str, int] = {}
    for index, text in enumerate(texts):
        distinct.setdefault(text, index)
    return Isotropy(
        layers=tuple(layer_sums.measures() for layer_sums in sums),
        layout=rows,
        tokens=names(encoder, rows.tokens),
        specials=specials,
        sentences=cloud(vectors[list(distinct.values())]),
    )


def known(value: float) -> float | None:
    return value if isfinite(value) else None
