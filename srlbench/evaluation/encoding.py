"""One vector a sentence, to the bit the same whatever is encoded before it or beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from mteb.models.model_meta import ModelMeta
from mteb.similarity_functions import cos_sim, pairwise_cos_sim
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from transformers import PreTrainedTokenizerBase

from srlbench.errors import SrlbenchError

TOKENS = 2048  # in a batch
LEAST = 8  # sentences in a batch
CHUNK = 1024  # sentences in a batch of an encoder that never pads, and those tokenised at once

Vectors = tuple[NDArray[np.intp], NDArray[np.float32]]  # places in the list of texts, and one row for each
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
    """One float32 row a text."""
    out, done = np.empty((0, 0), dtype=np.float32), 0
    if not texts:
        return out
    pads = isinstance(model.tokenizer, PreTrainedTokenizerBase)
    for places, vectors in (_by_length if pads else _as_they_come)(model, texts):
        if not done:
            out = np.empty((len(texts), vectors.shape[1]), dtype=np.float32)
        out[places] = vectors
        done += len(places)
        report("encode", done, len(texts))
    if not np.isfinite(out).all():
        raise SrlbenchError("The encoder gives vectors that are not finite; its scores would mean nothing.")
    return out


def _as_they_come(model: SentenceTransformer, texts: list[str]) -> Iterator[Vectors]:
    """Of an encoder that has no padding, and so no need of batches of one shape."""
    for start in range(0, len(texts), CHUNK):
        batch = texts[start : start + CHUNK]
        places = np.arange(start, start + len(batch))
        yield places, model.encode(batch, batch_size=CHUNK, show_progress_bar=False, convert_to_numpy=True)


@torch.inference_mode()
def _by_length(model: SentenceTransformer, texts: list[str]) -> Iterator[Vectors]:
    """Longest first, in batches of one length, so that nothing is padded.

    A length has always the same number of rows a batch (the last is filled up by repetition): matrix products of one
    shape round one way.
    """
    for length, (places, features) in sorted(_tokenised(model, texts).items(), reverse=True):
        rows = max(LEAST, TOKENS // max(length, 1))
        for start in range(0, len(places), rows):
            at = places[start : start + rows]
            filled = np.minimum(np.arange(start, start + rows), len(places) - 1)
            batch = {k: v[filled].to(model.device) if torch.is_tensor(v) else v for k, v in features.items()}
            vectors = model(batch)["sentence_embedding"][: len(at), : model.truncate_dim]
            yield at, vectors.float().cpu().numpy()


def _tokenised(model: SentenceTransformer, texts: list[str]) -> dict[int, tuple[NDArray[np.intp], dict[str, Any]]]:
    """By the number of word pieces: the places of the texts that have so many, and their features without padding."""
    parts: dict[int, list[tuple[NDArray[np.intp], dict[str, Any]]]] = {}
    order = np.argsort([len(text) for text in texts], kind="stable")
    prompt = model.prompts.get(model.default_prompt_name or "")
    left = model.tokenizer.padding_side == "left"
    for chunk in np.split(order, range(CHUNK, len(order), CHUNK)):
        features = model.preprocess([texts[place] for place in chunk], prompt=prompt or None)
        lengths = features["attention_mask"].sum(1)
        for length in lengths.unique().tolist():
            at = lengths == length
            cut = slice(-length, None) if left else slice(length)
            own = {k: v[at][:, cut] if torch.is_tensor(v) else v for k, v in features.items()}
            parts.setdefault(length, []).append((chunk[at.numpy()], own))
    return {length: (np.concatenate([places for places, _ in own]), _joined(own)) for length, own in parts.items()}


def _joined(parts: list[tuple[NDArray[np.intp], dict[str, Any]]]) -> dict[str, Any]:
    first = parts[0][1]
    return {k: torch.cat([own[k] for _, own in parts]) if torch.is_tensor(v) else v for k, v in first.items()}
