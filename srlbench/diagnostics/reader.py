"""An encoder as a function of word pieces, or of other input embeddings in their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from torch import Tensor, nn
from torch.nn.functional import normalize

from srlbench.diagnostics.information import WORD
from srlbench.errors import UsageError

TOKENS = {"mask": ("[MASK]", "<mask>"), "pad": ("[PAD]", "<pad>")}  # their names in a tokenizer without roles
PIECES = 8192  # word pieces in one forward pass
UNLIMITED = 10**9  # transformers' longest text of a model that reads texts of any length is longer


@dataclass(frozen=True)
class Sentence:
    """A text in word pieces. `of`: the word index of each piece; len(words): part of no word; -1: a special token."""

    ids: Tensor
    of: Tensor
    words: list[str]

    @property
    def parts(self) -> Tensor:
        """Whether each piece belongs to each word, (words, length); a last row is for pieces of no word, if any."""
        return self.of == torch.arange(int(self.of.amax()) + 1 if len(self.of) else 0, device=self.of.device)[:, None]


class Reader:
    """An encoder as a function of word pieces, whose input embeddings can be replaced."""

    def __init__(self, encoder: SentenceTransformer, *, baseline: str = "mask", unit: bool = False) -> None:
        if encoder.prompts.get(encoder.default_prompt_name or ""):
            raise UsageError("This encoder puts a prompt before its texts; words are weighed of encoders without one.")
        if baseline not in TOKENS:
            raise UsageError(f"Unknown baseline '{baseline}'. Known: {', '.join(TOKENS)}.")
        self.encoder, self.baseline, self.unit = encoder.eval(), baseline, unit
        first: Any = encoder[0]
        self.tokenizer: Any = first.tokenizer
        if isinstance(first, StaticEmbedding):
            table = first.embedding.weight.detach()
            self.layer: nn.Module = nn.Embedding(first.num_embeddings, first.embedding_dim, _weight=table)
        elif isinstance(first, Transformer) and getattr(first.tokenizer, "is_fast", False):
            self.layer = first.model.get_input_embeddings()
        else:
            raise UsageError("Words are weighed of transformers with a fast tokenizer, and of static embeddings.")
        self.static = isinstance(first, StaticEmbedding)

    @cached_property
    def filler(self) -> int:
        """The id of the token that replaces a word."""
        if self.static:
            ids = [self.tokenizer.token_to_id(name) for name in TOKENS[self.baseline]]
        else:
            # A decoder's tokenizer has no [MASK]: there its padding stands for nothing said, or an unknown word does.
            roles = dict.fromkeys((self.baseline, "pad", "unk"))
            ids = [getattr(self.tokenizer, f"{role}_token_id") for role in roles]
        token_id = next((token for token in ids if token is not None), None)
        if token_id is None:
            raise UsageError(f"This encoder's tokenizer has no {self.baseline} token to replace words with.")
        return int(token_id)

    def read(self, texts: Sequence[str]) -> list[Sentence]:
        if not texts:
            return []
        if self.static:
            encodings = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        else:
            limit = self.encoder.max_seq_length
            limit = None if limit is None or limit > UNLIMITED else limit
            encodings = self.tokenizer(list(texts), truncation=limit is not None, max_length=limit).encodings
        return [_sentence(text, pieces, self.encoder.device) for text, pieces in zip(texts, encodings, strict=True)]

    def baseline_pieces(self, sentence: Sentence) -> Tensor:
        """The pieces of the baseline: the filler in place of every piece that is not a special token."""
        return sentence.ids.where(sentence.of < 0, self.filler)

    def __call__(self, ids: Tensor) -> Tensor:
        """The vectors of rows of pieces with the same length. ids: (n, length) -> (n, d)."""
        if self.static:
            embedded = self.layer(ids)
            features = {"sentence_embedding": embedded.sum(1) / max(ids.shape[1], 1)}
            for module in list(self.encoder)[1:]:
                features = module(features)
        else:
            with _exactly(self.encoder[0]):
                features = self.encoder({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
        vectors = features["sentence_embedding"][:, : self.encoder.truncate_dim]
        return normalize(vectors, dim=-1) if self.unit else vectors

    def vectors(self, pieces: Sequence[Tensor]) -> Tensor:
        """The vector of each sequence of pieces, computed in batches of the same length."""
        if not pieces:
            return torch.empty(0, 0)
        with torch.no_grad():
            parts = [(batch, self(torch.stack([pieces[i] for i in batch]))) for batch in batches(pieces, PIECES)]
        return torch.cat([rows for _, rows in parts])[np.argsort([i for batch, _ in parts for i in batch])]

    @torch.no_grad()
    def vectors_of(self, ids: Tensor, pieces: Tensor) -> Tensor:
        """The vector of each row of `ids` with the embeddings of other pieces; the positions are those of `ids`."""
        with self.with_embeddings(self.layer(pieces)):
            return self(ids)

    @contextmanager
    def with_embeddings(self, embedded: Tensor) -> Iterator[None]:
        """Inside of the context, the encoder reads these input embeddings, whatever the pieces are."""
        hook = self.layer.register_forward_hook(lambda *_: embedded)
        try:
            yield
        finally:
            hook.remove()


@contextmanager
def _exactly(module: Any) -> Iterator[None]:
    """Inside, a transformer that computes in bfloat16 computes in float32: small differences are asked of it."""
    before = getattr(module, "exactly", None)
    if before is None:
        yield
        return
    module.exactly = True
    try:
        yield
    finally:
        module.exactly = before


def _sentence(text: str, pieces: Any, device: torch.device) -> Sentence:
    """The sentence of an encoded text; a piece belongs to the last word in it, and truncated words are left out."""
    spans = [match.span() for match in WORD.finditer(text)]
    word_at = np.full(len(text) + 1, -1)
    for word, (start, end) in enumerate(spans):
        word_at[start:end] = word
    owners = [max(word_at[start:end], default=-1) for start, end in pieces.offsets]
    read = sorted({int(word) for word, special in zip(owners, pieces.special_tokens_mask) if word >= 0 and not special})
    ranks = {word: rank for rank, word in enumerate(read)}
    of = [-1 if s else ranks.get(int(w), len(read)) for w, s in zip(owners, pieces.special_tokens_mask)]
    words = [text[slice(*spans[word])].lower() for word in read]
    ids, parts = (torch.tensor(x, dtype=torch.long, device=device) for x in (pieces.ids, of))
    return Sentence(ids, parts, words)


def batches(pieces: Sequence[Tensor], budget: int) -> Iterator[list[int]]:
    """Batches of indices of sequences with the same length, which need no padding; each has up to `budget` pieces."""
    lengths: dict[int, list[int]] = {}
    for index, sequence in enumerate(pieces):
        lengths.setdefault(len(sequence), []).append(index)
    for length, indices in sorted(lengths.items()):
        rows = max(1, budget // max(length, 1))
        yield from (indices[start : start + rows] for start in range(0, len(indices), rows))
