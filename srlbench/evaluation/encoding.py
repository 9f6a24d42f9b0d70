"""The encoding of sentences; a vector is the same to the bit, whatever else is encoded before or in the same batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from mteb.models.model_meta import ModelMeta
from mteb.similarity_functions import cos_sim, pairwise_cos_sim
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from transformers import PreTrainedTokenizerBase

from srlbench.errors import SrlbenchError
from srlbench.shared import once

TOKENS, NARROW = 2048, 384  # in a batch of an encoder of this width or less; a wider one fills it with a quarter
LEAST = 8  # sentences in a batch, at least
CHUNK = 1024  # sentences to tokenise at once; also the batch size of an encoder without padding

Vectors = tuple[NDArray[np.intp], NDArray[np.float32]]  # indices in the list of texts, and a row for each of them
Report = Callable[[str, int, int], None]


class Encoder:
    """An encoder for mteb that encodes each distinct sentence once for all tasks."""

    def __init__(self, model: SentenceTransformer, model_meta: ModelMeta) -> None:
        self.model, self.mteb_model_meta = model, model_meta
        self._known: dict[str, NDArray[np.float32]] = {}

    def learn(self, texts: Iterable[str], report: Report = lambda *news: None) -> None:
        """Encode and cache all new texts at once, which fills the batches best."""
        new = sorted(set(texts) - self._known.keys())
        self._known.update(zip(new, embed(self.model, new, report)))

    def encode(self, inputs: Any, **kwargs: Any) -> NDArray[np.float32]:
        return self.vectors([text for batch in inputs for text in batch["text"]])

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A row for each text."""
        self.learn(texts)
        return np.stack([self._known[text] for text in texts])

    def similarity(self, a: Any, b: Any) -> Any:
        return cos_sim(a, b)

    def similarity_pairwise(self, a: Any, b: Any) -> Any:
        return pairwise_cos_sim(a, b)


def embed(model: SentenceTransformer, texts: list[str], report: Report = lambda *news: None) -> NDArray[np.float32]:
    """The vectors of the texts: a float32 row for each."""
    out, done = np.empty((0, 0), dtype=np.float32), 0
    if not texts:
        return out
    pads = isinstance(model.tokenizer, PreTrainedTokenizerBase)
    for indices, vectors in (_by_length if pads else _in_order)(model, texts):
        if not done:
            out = np.empty((len(texts), vectors.shape[1]), dtype=np.float32)
        out[indices] = vectors
        done += len(indices)
        report("encode", done, len(texts))
    if not np.isfinite(out).all():
        raise SrlbenchError("The encoder gives vectors that are not finite; its scores would mean nothing.")
    return out


def _in_order(model: SentenceTransformer, texts: list[str]) -> Iterator[Vectors]:
    """The vectors in the order of the texts, from an encoder without padding, which needs no batches of one shape."""
    for start in range(0, len(texts), CHUNK):
        batch = texts[start : start + CHUNK]
        indices = np.arange(start, start + len(batch))
        yield indices, model.encode(batch, batch_size=CHUNK, show_progress_bar=False, convert_to_numpy=True)


@torch.inference_mode()
def _by_length(model: SentenceTransformer, texts: list[str]) -> Iterator[Vectors]:
    """The vectors from batches of texts with the same length, which need no padding; the longest texts come first.

    All batches of a length have the same number of rows (the last one repeats a row), because the rounding of a matrix
    product depends on its shape.
    """
    tokens = TOKENS if (model.get_embedding_dimension() or 0) <= NARROW else TOKENS // 4
    first: Any = model[0]
    settings = (model.tokenizer.padding_side, _prompt(model), model.max_seq_length, first.get_config_dict())
    tokenised = once("tokens", lambda: _tokenised(model, texts), texts, model.tokenizer, *settings)
    for length, (indices, features) in sorted(tokenised.items(), reverse=True):
        size = max(LEAST, tokens // max(length, 1))
        for start in range(0, len(indices), size):
            part = indices[start : start + size]
            rows = np.minimum(np.arange(start, start + size), len(indices) - 1)
            batch = {
                name: torch.from_numpy(value[rows]).to(model.device) if isinstance(value, np.ndarray) else value
                for name, value in features.items()
            }
            vectors = model(batch)["sentence_embedding"][: len(part), : model.truncate_dim]
            yield part, vectors.float().cpu().numpy()


def _tokenised(model: SentenceTransformer, texts: list[str]) -> dict[int, tuple[NDArray[np.intp], dict[str, Any]]]:
    """For each length in word pieces, the indices of its texts and their features without padding."""
    parts: dict[int, list[tuple[NDArray[np.intp], dict[str, Any]]]] = {}
    order = np.argsort([len(text) for text in texts], kind="stable")
    left = model.tokenizer.padding_side == "left"
    for chunk in np.split(order, range(CHUNK, len(order), CHUNK)):
        features = model.preprocess([texts[index] for index in chunk], prompt=_prompt(model))
        lengths = features["attention_mask"].sum(1)
        for length in lengths.unique().tolist():
            rows = lengths == length
            cut = slice(-length, None) if left else slice(length)
            part = {k: v[rows][:, cut].numpy() if torch.is_tensor(v) else v for k, v in features.items()}
            parts.setdefault(length, []).append((chunk[rows.numpy()], part))
    return {length: (np.concatenate([i for i, _ in group]), _concatenated(group)) for length, group in parts.items()}


def _concatenated(parts: list[tuple[NDArray[np.intp], dict[str, Any]]]) -> dict[str, Any]:
    first = parts[0][1]
    return {k: np.concatenate([p[k] for _, p in parts]) if isinstance(v, np.ndarray) else v for k, v in first.items()}


def _prompt(model: SentenceTransformer) -> str | None:
    """What the model puts in front of every text."""
    return model.prompts.get(model.default_prompt_name or "") or None
