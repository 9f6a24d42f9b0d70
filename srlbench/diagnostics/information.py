"""What the words of a corpus are worth, in nats, and how the weights of an encoder go with it."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

Floats = NDArray[np.float64]
# Letters and digits, held together by apostrophes and hyphens; everything else parts words and is none.
WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
BLOCK = 2048  # words whose neighbours are counted at a time


@dataclass(frozen=True)
class Worth:
    """What one word is worth; gain and plain are nan for a word that never has company.

    self_information: -log P(w), P being the corpus's unigram distribution.
    gain: KL(P_sent(.|w) || P) of arXiv 2310.15921, P_sent(.|w) being the distribution of the words at the other
        positions of the sentences of w, estimated with the entropy of Chao and Shen; see `worth`.
    plain: the same of the raw shares, which is too large for rare words.
    """

    count: int  # occurrences
    pairs: int  # words at the other positions of its sentences, over all its occurrences
    self_information: float
    gain: float
    plain: float


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return [found.group().lower() for found in WORD.finditer(text)]


def worth(sentences: Iterable[str], *, least: int = 10) -> dict[str, Worth]:
    """Every word that occurs `least` times or more, with what it is worth in these sentences.

    On bias: KL = -sum p log q - H(p). The first term is linear in the shares p, so raw shares get it right on average
    (q is known well: it is counted over the whole corpus); all of the bias is that of the entropy, which raw shares
    underestimate by about (support - 1) / 2n, whether a sentence's words depend on each other or not, for only the
    variance of each single count comes in. A word has far fewer pairs than it has possible neighbours, where that
    expansion fails: with the support that was seen it takes off too little, and what uninformative words would show by
    chance (shuffling) is too much for informative ones, whose neighbours are fewer. Chao and Shen (2003) instead
    discount the shares by the unseen mass, told by the neighbours met once, and weigh each by its chance to be met.
    What is left is positive, and smaller the more pairs there are.
    """
    vocabulary, counts = _counted(sentences)
    occurrences = np.asarray(counts.sum(axis=0)).ravel()
    shares = occurrences / occurrences.sum()
    names = list(vocabulary)
    kept = np.flatnonzero(occurrences >= least)
    found: dict[str, Worth] = {}
    for start in range(0, len(kept), BLOCK):
        block = kept[start : start + BLOCK]
        pairs, gain, plain = _gains(_company(counts, block), shares)
        for row, word in enumerate(block):
            found[names[word]] = Worth(
                int(occurrences[word]),
                int(pairs[row]),
                -float(np.log(shares[word])),
                float(gain[row]),
                float(plain[row]),
            )
    return found


def _counted(sentences: Iterable[str]) -> tuple[dict[str, int], sparse.csc_matrix]:
    """Columns by word, and how often each sentence (a row) has each word."""
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


def _company(counts: sparse.csc_matrix, block: NDArray[np.intp]) -> sparse.csr_matrix:
    """How often each word (a column) stands at another position of a sentence of each of the block's words."""
    own = counts[:, block]
    joint = (own.T @ counts).tocsr()
    places = (np.arange(len(block)), block)
    joint = joint - sparse.csr_matrix((np.asarray(own.sum(axis=0)).ravel(), places), shape=joint.shape)
    joint.eliminate_zeros()
    return joint


def _gains(company: sparse.csr_matrix, shares: Floats) -> tuple[Floats, Floats, Floats]:
    """Of each row: its total, its KL to the shares with the entropy of Chao and Shen, and with the plain one."""
    size = company.shape[0]
    rows = np.repeat(np.arange(size), np.diff(company.indptr))

    def total(values: Floats) -> Floats:
        return np.bincount(rows, values, size).astype(float)

    n = total(company.data)
    p = company.data / n[rows]
    cross = np.where(n > 0, -total(p * np.log(shares[company.indices])), np.nan)
    once = total((company.data == 1).astype(float))
    # Were every neighbour met once, nothing would be left to discount: one of them is taken for two.
    seen = 1 - np.minimum(once, np.maximum(n - 1, 0)) / np.maximum(n, 1)
    discounted = seen[rows] * p
    # Alone, a neighbour keeps its share of one, and log 1 = 0.
    met = -np.expm1(n[rows] * np.log1p(-np.minimum(discounted, 1 - 1e-15)))
    return n, cross + total(discounted * np.log(discounted) / met), cross + total(p * np.log(p))


@dataclass(frozen=True)
class Relation:
    """Weight regressed on information over words, each counting once: weight = intercept + slope information."""

    words: int
    slope: float
    low: float  # of the slope's 95% interval, by Student's t
    high: float
    intercept: float
    r2: float
    spearman: float


def relate(weights: Mapping[str, float], information: Mapping[str, float]) -> Relation:
    """The least-squares line and the rank correlation over the words that have both, as finite numbers."""
    pairs = np.array([(information[word], weights[word]) for word in weights.keys() & information.keys()])
    pairs = pairs[np.isfinite(pairs).all(axis=1)] if len(pairs) else pairs
    if len(pairs) < 3:
        raise ValueError(f"A line with an interval needs three words; {len(pairs)} have a weight and an information.")
    x, y = pairs[np.lexsort(pairs.T)].T  # sets have no order, and sums round by theirs
    if np.ptp(x) == 0:
        raise ValueError(f"All {len(x)} words have the same information; nothing can be regressed on it.")
    line = stats.linregress(x, y)
    reach = stats.t.ppf(0.975, len(x) - 2) * line.stderr
    rank = stats.spearmanr(x, y).statistic if np.ptp(y) else np.nan
    return Relation(
        len(x),
        float(line.slope),
        float(line.slope - reach),
        float(line.slope + reach),
        float(line.intercept),
        float(line.rvalue**2),
        float(rank),
    )
