"""The information of the words of a corpus, in nats, and its relation to the weights that an encoder gives words."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

Floats = NDArray[np.float64]
# A word: letters and digits, also with apostrophes and hyphens inside; everything else separates words.
WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
BLOCK = 2048  # words whose neighbours are counted at a time


@dataclass(frozen=True)
class Worth:
    """The information of one word; gain and plain are nan for a word that is always alone in its sentence.

    self_information: -log P(w), where P is the unigram distribution of the corpus.
    gain: KL(P_sent(.|w) || P) of arXiv 2310.15921, where P_sent(.|w) is the distribution of the words at the other
        positions of the sentences of w; estimated with the entropy of Chao and Shen, see `worth`.
    plain: the same, estimated with the raw shares, which is too large for rare words.
    """

    count: int  # occurrences
    pairs: int  # words at the other positions of its sentences, counted over all its occurrences
    self_information: float
    gain: float
    plain: float


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return [match.group().lower() for match in WORD.finditer(text)]


def worth(sentences: Iterable[str], *, least: int = 10) -> dict[str, Worth]:
    """The information of every word that occurs at least `least` times in these sentences.

    On bias: KL = -sum p log q - H(p). The first term is linear in the shares p, so raw shares are right on average (q
    is known well, because it is counted over the whole corpus). All of the bias comes from the entropy, which raw
    shares underestimate by about (support - 1) / 2n. This does not depend on whether the words of a sentence depend on
    each other, because only the variance of each single count matters. But a word has far fewer pairs than possible
    neighbours, and there this expansion fails: with the observed support it corrects too little, and a correction by
    shuffling is that of an uninformative word, which is too much for informative words with their fewer neighbours.
    Chao and Shen (2003) instead discount the shares by the unseen mass, estimated from the neighbours seen once, and
    weight each neighbour by its chance to be seen. The bias that remains is positive and falls with more pairs.
    """
    vocabulary, counts = _counted(sentences)
    occurrences = np.asarray(counts.sum(axis=0)).ravel()
    shares = occurrences / occurrences.sum()
    names = list(vocabulary)
    frequent = np.flatnonzero(occurrences >= least)
    worths: dict[str, Worth] = {}
    for start in range(0, len(frequent), BLOCK):
        block = frequent[start : start + BLOCK]
        for word, pairs, gain, plain in zip(block, *_gains(_neighbours(counts, block), shares), strict=True):
            nats = -float(np.log(shares[word]))
            worths[names[word]] = Worth(int(occurrences[word]), int(pairs), nats, float(gain), float(plain))
    return worths


def _counted(sentences: Iterable[str]) -> tuple[dict[str, int], sparse.csc_matrix]:
    """The column of each word, and the counts of words (columns) in sentences (rows)."""
    vocabulary: dict[str, int] = {}
    columns = array("q")
    ends = [0]
    for sentence in sentences:
        columns.extend(vocabulary.setdefault(word, len(vocabulary)) for word in words(sentence))
        ends.append(len(columns))
    if not columns:
        raise ValueError("There is no word in these sentences.")
    shape = (len(ends) - 1, len(vocabulary))
    counts = sparse.csr_matrix((np.ones(len(columns)), np.asarray(columns), ends), shape=shape)
    counts.sum_duplicates()
    return vocabulary, counts.tocsc()


def _neighbours(counts: sparse.csc_matrix, block: NDArray[np.intp]) -> sparse.csr_matrix:
    """The counts of each word (columns) at the other positions of the sentences of each word in the block (rows)."""
    own = counts[:, block]
    joint = (own.T @ counts).tocsr()
    diagonal = (np.arange(len(block)), block)
    joint = joint - sparse.csr_matrix((np.asarray(own.sum(axis=0)).ravel(), diagonal), shape=joint.shape)
    joint.eliminate_zeros()
    return joint


def _gains(neighbours: sparse.csr_matrix, shares: Floats) -> tuple[Floats, Floats, Floats]:
    """The total of each row, and its KL to the shares with the entropy of Chao and Shen and with the plain entropy."""
    size = neighbours.shape[0]
    rows = np.repeat(np.arange(size), np.diff(neighbours.indptr))

    def total(values: Floats) -> Floats:
        return np.bincount(rows, values, size).astype(float)

    n = total(neighbours.data)
    p = neighbours.data / n[rows]
    cross = np.where(n > 0, -total(p * np.log(shares[neighbours.indices])), np.nan)
    once = total((neighbours.data == 1).astype(float))
    # If every neighbour were seen once, the discount would leave nothing: so at most n - 1 count as seen once.
    coverage = 1 - np.minimum(once, np.maximum(n - 1, 0)) / np.maximum(n, 1)
    discounted = coverage[rows] * p
    # A single neighbour keeps its share of one, and log 1 = 0.
    chance = -np.expm1(n[rows] * np.log1p(-np.minimum(discounted, 1 - 1e-15)))
    return n, cross + total(discounted * np.log(discounted) / chance), cross + total(p * np.log(p))


@dataclass(frozen=True)
class Relation:
    """The regression of weight on information over words: weight = intercept + slope information; words count once."""

    words: int
    slope: float
    low: float  # of the slope's 95% interval, by Student's t
    high: float
    intercept: float
    r2: float
    spearman: float


def relate(weights: Mapping[str, float], information: Mapping[str, float]) -> Relation:
    """The least-squares line and the rank correlation over the words with a finite weight and information."""
    pairs = np.array([(information[word], weights[word]) for word in weights.keys() & information.keys()])
    pairs = pairs[np.isfinite(pairs).all(axis=1)] if len(pairs) else pairs
    if len(pairs) < 3:
        raise ValueError(f"A line with an interval needs three words; {len(pairs)} have a weight and an information.")
    x, y = pairs[np.lexsort(pairs.T)].T  # sorted, because a set has no order and the rounding of sums depends on it
    if np.ptp(x) == 0:
        raise ValueError(f"All {len(x)} words have the same information; nothing can be regressed on it.")
    line = stats.linregress(x, y)
    reach = stats.t.ppf(0.975, len(x) - 2) * line.stderr
    rank = stats.spearmanr(x, y).statistic if np.ptp(y) else np.nan
    interval = line.slope - reach, line.slope + reach
    return Relation(len(x), *map(float, (line.slope, *interval, line.intercept, line.rvalue**2, rank)))
