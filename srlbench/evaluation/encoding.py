"""One vector a sentence, to the bit the same whatever is encoded before it or beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from mteb.models.model_meta import ModelMeta
from mteb.similarity_functions import cos_sim, pairwise_cos_sim
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from transformers import PreTrainedTokenizerBase

from srlbench.errors import SrlbenchError

TOKENS = 2048  # in a batch
LEAST = 8  # sentences in a batch
WORDS_ONLY = 1024  # sentences in a batch of an encoder that never pads

Report = Callable[[str, int, int], None]


class Encoder:
    """An encoder in mteb's protocol that encodes each distinct sentence once, for all the tasks it is given to."""

    def __init__(self, model: SentenceTransformer, model_meta: ModelMeta) -> None:
        self.model, self.mteb_model_meta = model, model_meta
        self._known: dict[str, NDArray[np.float32]] = {}

    def learn(self, texts: Iterable[str], report: Report = lambda *news: None) -> None:
        """Encode what is not known yet, all of it in one go: that is where batches are fullest."""
        new = sorted(set(texts) - self._known.keys())
        self._known.update(zip(new, embed(self.model, new, report)))

    def encode(self, inputs: Any, **kwargs: Any) -> NDArray[np.float32]:
        texts = [text for batch in inputs for text in batch["text"]]
        self.learn(texts)
        return np.stack([self._known[text] for text in texts])

    def similarity(self, a: Any, b: Any) -> Any:
        return cos_sim(a, b)

    def similarity_pairwise(self, a: Any, b: Any) -> Any:
        return pairwise_cos_sim(a, b)


def embed(model: SentenceTransformer, texts: list[str], report: Report = lambda *news: None) -> NDArray[np.float32]:
    """One float32 row a text.

    A batch holds sentences of one length, so nothing is padded, and for its length always the same number of rows
    (the last is filled up by repetition): matrix products of one shape round one way.
    """
    out: NDArray[np.float32] | None = None
    done = 0
    for places, rows in _batches(model, texts):
        batch = [texts[place] for place in places]
        batch += batch[-1:] * (rows - len(batch))
        vectors = model.encode(batch, batch_size=rows, show_progress_bar=False, convert_to_numpy=True)
        if out is None:
            out = np.empty((len(texts), vectors.shape[1]), dtype=np.float32)
        out[places] = vectors[: len(places)]
        done += len(places)
        report("encode", done, len(texts))
    if out is None:
        return np.empty((0, 0), dtype=np.float32)
    if not np.isfinite(out).all():
        raise SrlbenchError("The encoder gives vectors that are not finite; its scores would mean nothing.")
    return out


def _batches(model: SentenceTransformer, texts: list[str]) -> Iterator[tuple[list[int], int]]:
    """Places of the texts of each batch, longest first, and the rows the batch must have."""
    lengths = _lengths(model, texts)
    by_length: dict[int, list[int]] = {}
    for place, length in enumerate(lengths):
        by_length.setdefault(length, []).append(place)
    for length, places in sorted(by_length.items(), reverse=True):
        rows = max(LEAST, TOKENS // length) if length else WORDS_ONLY
        for start in range(0, len(places), rows):
            yield places[start : start + rows], rows


def _lengths(model: SentenceTransformer, texts: list[str]) -> list[int]:
    """Word pieces of each text as the encoder sees it; 0 of all for an encoder that does not pad."""
    if not texts or not isinstance(model.tokenizer, PreTrainedTokenizerBase):
        return [0] * len(texts)
    limit = {"truncation": True, "max_length": model.max_seq_length} if model.max_seq_length else {}
    return [len(ids) for ids in model.tokenizer(texts, **limit)["input_ids"]]
