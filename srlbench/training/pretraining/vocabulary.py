"""A lower-casing WordPiece vocabulary learnt from text, and word vectors for it from co-occurrences.

Both depend on the text alone. The WordPiece trainer of `tokenizers` does not: it numbers the inner
characters in the order of a randomised hash map and breaks ties by these numbers. Its BPE trainer sorts
its alphabet; it is used here, with other code points for the inner characters, which are translated back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import svds
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from srlbench.errors import UsageError

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNK, CLS, SEP, MASK = range(len(SPECIAL))
INNER = 0xF0000  # a private plane of Unicode, for the characters inside a word while merges are learnt

Ints = npt.NDArray[np.integer]


def count(lines: Iterable[str]) -> Counter[str]:
    """The count of each word, in the tokenizer's sense of a word, before it is split into pieces."""
    normalise = normalizers.BertNormalizer(lowercase=True).normalize_str
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    return Counter(word for line in lines for word, _ in split(normalise(line)))


def _merged(counts: Counter[str], size: int, alphabet: set[str]) -> list[str]:
    """Up to `size` pieces, the most useful first: the characters, then the byte-pair merges."""

    def shifted() -> Iterator[str]:
        for word, count in counts.items():
            if count > 1 and alphabet >= set(word):
                inner = word[0] + "".join(chr(ord(c) + INNER) for c in word[1:])
                yield " ".join([inner] * count)

    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, min_frequency=2)
    learner.train_from_iterator(shifted(), trainer)
    pieces = sorted(learner.get_vocab().items(), key=lambda item: item[1])
    return ["##" * (ord(p[0]) >= INNER) + "".join(chr(ord(c) % INNER) for c in p) for p, _ in pieces]


def learn(counts: Counter[str], size: int, whole: Iterable[str] = (), characters: int = 128) -> Tokenizer:
    """A WordPiece tokenizer of `size` pieces; each word of `whole` is one token."""
    letters: Counter[str] = Counter()
    for word, count in counts.items():
        for letter in word:
            letters[letter] += count
    alphabet = set(sorted(letters, key=lambda c: (-letters[c], c))[:characters])
    pieces = _merged(counts, size - len(SPECIAL), alphabet)
    missing = sorted(set(whole) - set(pieces), key=lambda word: (-counts[word], word))
    # The last merges are the rarest pieces. The words of `whole` stay, because WordPiece never splits a listed word.
    spare = [p for p in reversed(pieces) if len(p.removeprefix("##")) > 1 and p not in set(whole)]
    dropped = set(spare[: max(0, len(pieces) + len(missing) + len(SPECIAL) - size)])
    if len(pieces) + len(missing) + len(SPECIAL) - len(dropped) > size:
        raise UsageError(f"A vocabulary of {size} is too small: {len(set(whole))} words must stay whole.")
    vocabulary = [*SPECIAL, *(p for p in pieces if p not in dropped), *missing]
    return wordpiece({piece: number for number, piece in enumerate(vocabulary)})


def wordpiece(vocabulary: dict[str, int]) -> Tokenizer:
    """BERT's uncased tokenizer with this vocabulary."""
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", SEP), ("[CLS]", CLS))
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    return tokenizer


def vectors(
    tokens: Ints, lines: Ints, size: int, width: int, power: float = 0.5, window: int = 5
) -> npt.NDArray[np.float32]:
    """Word vectors: factors of the positive pointwise mutual information of tokens at most `window` apart in a line.

    `lines` is the line number of each token. A neighbour at distance d counts 1/d. Each factor is multiplied by its
    singular value to the `power`; with power 0 all directions have the same weight.
    """
    inside = tokens >= len(SPECIAL)
    tokens, lines = tokens[inside].astype(np.int32), lines[inside]
    pairs = sparse.csr_matrix((size, size), dtype=np.float64)
    for step in range(1, window + 1):
        near = lines[step:] == lines[:-step]
        left, right = tokens[:-step][near], tokens[step:][near]
        pairs += sparse.coo_matrix((np.full(len(left), 1 / step), (left, right)), (size, size)).tocsr()
    pairs = (pairs + pairs.T).tocoo()
    counts = np.asarray(pairs.sum(axis=1)).ravel()
    context = counts**0.75  # smoothed, or rare neighbours would dominate
    expected = counts[pairs.row] * context[pairs.col] / context.sum()
    pmi = np.maximum(np.log(pairs.data / expected), 0)
    matrix = sparse.csr_matrix((pmi, (pairs.row, pairs.col)), (size, size))
    factors, strength, _ = svds(matrix, k=width, v0=np.ones(size) / np.sqrt(size))
    order = np.argsort(-strength)
    return np.asarray(factors[:, order] * strength[order] ** power, dtype=np.float32)
