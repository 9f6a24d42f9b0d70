"""An encoder as a function of word pieces, and of what their input embeddings are swapped for."""

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

TOKENS = {"mask": ("[MASK]", "<mask>"), "pad": ("[PAD]", "<pad>")}  # what a tokenizer without roles calls them
PIECES = 8192  # in one pass


@dataclass(frozen=True)
class Sentence:
    """A text in word pieces. `of` is each piece's word; len(words): of no word; -1: a special token."""

    ids: Tensor
    of: Tensor
    words: list[str]

    @property
    def parts(self) -> Tensor:
        """Whether each piece is of each word, and last of none, if there are such. (words or one more, length)"""
        return self.of == torch.arange(int(self.of.amax()) + 1 if len(self.of) else 0, device=self.of.device)[:, None]


class Reader:
    """An encoder as a function of word pieces, and of their input embeddings where these are swapped."""

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
        """The token that stands where a word was."""
        if self.static:
            ids = [self.tokenizer.token_to_id(name) for name in TOKENS[self.baseline]]
        else:
            ids = [getattr(self.tokenizer, f"{self.baseline}_token_id")]
        found = next((token for token in ids if token is not None), None)
        if found is None:
            raise UsageError(f"This encoder's tokenizer has no {self.baseline} token to replace words with.")
        return int(found)

    def read(self, texts: Sequence[str]) -> list[Sentence]:
        if not texts:
            return []
        if self.static:
            known = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        else:
            limit = self.encoder.max_seq_length
            known = self.tokenizer(list(texts), truncation=limit is not None, max_length=limit).encodings
        return [_sentence(text, pieces, self.encoder.device) for text, pieces in zip(texts, known, strict=True)]

    def emptied(self, sentence: Sentence) -> Tensor:
        """The pieces of the baseline."""
        return sentence.ids.where(sentence.of < 0, self.filler)

    def __call__(self, ids: Tensor) -> Tensor:
        """Rows of equally many pieces -> one vector each. ids: (n, length) -> (n, d)."""
        if self.static:
            embedded = self.layer(ids)
            features = {"sentence_embedding": embedded.sum(1) / max(ids.shape[1], 1)}
            for module in list(self.encoder)[1:]:
                features = module(features)
        else:
            features = self.encoder({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
        vectors = features["sentence_embedding"][:, : self.encoder.truncate_dim]
        return normalize(vectors, dim=-1) if self.unit else vectors

    def vectors(self, pieces: Sequence[Tensor]) -> Tensor:
        """One vector for each sequence of pieces, in batches of one length."""
        if not pieces:
            return torch.empty(0, 0)
        with torch.no_grad():
            parts = [(at, self(torch.stack([pieces[i] for i in at]))) for at in batches(pieces, PIECES)]
        return torch.cat([found for _, found in parts])[np.argsort([i for at, _ in parts for i in at])]

    @torch.no_grad()
    def shown(self, ids: Tensor, instead: Tensor) -> Tensor:
        """One vector a row, shown other pieces; those of `ids` keep the say on positions, which [PAD] can shift."""
        with self.given(self.layer(instead)):
            return self(ids)

    @contextmanager
    def given(self, embedded: Tensor) -> Iterator[None]:
        """These input embeddings, whatever the pieces are."""
        hook = self.layer.register_forward_hook(lambda *_: embedded)
        try:
            yield
        finally:
            hook.remove()


def _sentence(text: str, pieces: Any, device: torch.device) -> Sentence:
    """A piece belongs to the word of its last character that is in one; words cut off by truncation are left out."""
    spans = [found.span() for found in WORD.finditer(text)]
    place = np.full(len(text) + 1, -1)
    for word, (start, end) in enumerate(spans):
        place[start:end] = word
    found = [max(place[start:end], default=-1) for start, end in pieces.offsets]
    kept = sorted({int(word) for word, special in zip(found, pieces.special_tokens_mask) if word >= 0 and not special})
    ranks = {word: rank for rank, word in enumerate(kept)}
    of = [-1 if s else ranks.get(int(w), len(kept)) for w, s in zip(found, pieces.special_tokens_mask)]
    words = [text[slice(*spans[word])].lower() for word in kept]
    ids, parts = (torch.tensor(x, dtype=torch.long, device=device) for x in (pieces.ids, of))
    return Sentence(ids, parts, words)


def batches(pieces: Sequence[Tensor], budget: int) -> Iterator[list[int]]:
    """The places of sequences of one length, so that nothing is padded; up to so many pieces in all."""
    lengths: dict[int, list[int]] = {}
    for place, each in enumerate(pieces):
        lengths.setdefault(len(each), []).append(place)
    for length, at in sorted(lengths.items()):
        rows = max(1, budget // max(length, 1))
        yield from (at[start : start + rows] for start in range(0, len(at), rows))
