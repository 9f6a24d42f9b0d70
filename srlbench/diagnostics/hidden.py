"""The hidden states of an encoder at all layers, in batches of texts with the same length, without padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from srlbench.errors import UsageError
from srlbench.training.transformer import of_encoder

TOKENS = 2048  # in a batch
CHUNK = 1024  # sentences tokenised at once

Features = dict[str, Any]
Lengths = dict[int, tuple[NDArray[np.intp], Features]]  # length -> the indices of its texts, and their features


@dataclass(frozen=True)
class Batch:
    """Some texts of the same length: their indices in the list, and the encoder's output for them."""

    indices: NDArray[np.intp]  # (b,): indices in the list of texts
    states: tuple[Tensor, ...]  # (b, t, d) each: the output of the embeddings, then of every layer
    vectors: Tensor  # (b, e): of the sentences


def tokenised(encoder: SentenceTransformer, texts: Sequence[str]) -> Lengths:
    """The texts tokenised and truncated by the encoder, grouped by length in tokens, the longest first."""
    parts: dict[int, list[tuple[NDArray[np.intp], Features]]] = {}
    for start in range(0, len(texts), CHUNK):
        features = _features(encoder, list(texts[start : start + CHUNK]))
        lengths = features["attention_mask"].sum(1)
        left = getattr(encoder.tokenizer, "padding_side", "right") == "left"
        for length in lengths.unique().tolist():
            rows = lengths == length
            cut = slice(features["attention_mask"].shape[1] - length, None) if left else slice(length)
            part = {k: v[rows][:, cut] if torch.is_tensor(v) else v for k, v in features.items()}
            parts.setdefault(length, []).append((start + np.flatnonzero(rows.numpy()), part))
    return {length: _concatenated(parts[length]) for length in sorted(parts, reverse=True)}


def hidden_states(encoder: SentenceTransformer, lengths: Lengths, *, pad: int | None = None) -> Iterator[Batch]:
    """Run the encoder once on tokenised texts, without dropout, in batches of about TOKENS tokens.

    pad: the id of a masked token that is added to every text except the longest. Its state is the same as that of the
    first padded position in one batch of all texts, because the other padding there is masked too.
    """
    longest = max(lengths, default=0)
    with _all_layers(encoder):
        for length, (indices, features) in lengths.items():
            rows = max(1, TOKENS // max(length, 1))
            for start in range(0, len(indices), rows):
                part = slice(start, start + rows)
                batch = {k: v[part] if torch.is_tensor(v) else v for k, v in features.items()}
                if pad is not None and length < longest:
                    batch = _padded(batch, pad)
                with torch.no_grad():
                    states, vectors = _run(encoder, batch)
                yield Batch(indices[part], states, vectors.float().cpu())


def names(encoder: SentenceTransformer, ids: Sequence[int]) -> tuple[str, ...]:
    """The tokens with these ids, in the tokenizer's spelling."""
    own: Any = encoder.tokenizer
    if isinstance(own, PreTrainedTokenizerBase):
        return tuple(own.convert_ids_to_tokens(list(ids)))
    return tuple(own.id_to_token(i) for i in ids)


def special_ids(encoder: SentenceTransformer) -> frozenset[int]:
    """The ids of tokens that stand for no word: start and end of a sentence, padding, unknown word, mask."""
    own: Any = encoder.tokenizer
    if isinstance(own, PreTrainedTokenizerBase):
        return frozenset(own.all_special_ids)
    return frozenset(i for i, token in own.get_added_tokens_decoder().items() if token.special)


def _features(encoder: SentenceTransformer, texts: list[str]) -> Features:
    if not isinstance(encoder[0], Transformer | StaticEmbedding):
        raise UsageError(f"An encoder that starts with a {type(encoder[0]).__name__} shows no token vectors.")
    prompt = encoder.prompts.get(encoder.default_prompt_name or "") or None
    features = dict(encoder.preprocess(texts, prompt=prompt))
    if not isinstance(encoder[0], StaticEmbedding):
        return features
    # Static embeddings read one long row of tokens and the start of each text in it.
    parts = list(features["input_ids"].tensor_split(features["offsets"][1:]))
    padded = nn.utils.rnn.pad_sequence(parts, batch_first=True)
    sizes = torch.tensor([len(part) for part in parts])
    return {"input_ids": padded, "attention_mask": (torch.arange(padded.shape[1]) < sizes.unsqueeze(1)).long()}


def _run(encoder: SentenceTransformer, batch: Features) -> tuple[tuple[Tensor, ...], Tensor]:
    """The states of all layers, and the sentence vectors."""
    batch = {k: v.to(encoder.device) if torch.is_tensor(v) else v for k, v in batch.items()}
    first, ids = encoder[0], batch["input_ids"]
    if isinstance(first, StaticEmbedding):
        states = (first.embedding.weight[ids],)
        batch = {"input_ids": ids.flatten(), "offsets": torch.arange(len(ids), device=ids.device) * ids.shape[1]}
        return states, encoder(batch)["sentence_embedding"][:, : encoder.truncate_dim]
    features = encoder(batch)
    return features["all_layer_embeddings"], features["sentence_embedding"][:, : encoder.truncate_dim]


@contextmanager
def _all_layers(encoder: SentenceTransformer) -> Iterator[None]:
    """Turn dropout off and the output of all layers on, and restore both afterwards."""
    whole = [encoder[0].model.config] if isinstance(encoder[0], Transformer) else []
    configs = [*whole, *map(of_encoder, whole)]
    training = [module for module in encoder.modules() if module.training]
    before = [config.output_hidden_states for config in configs]
    encoder.eval()
    for config in configs:
        config.output_hidden_states = True
    try:
        yield
    finally:
        for config, value in zip(configs, before):
            config.output_hidden_states = value
        for module in training:
            module.training = True


def _padded(batch: Features, pad: int) -> Features:
    """The batch with one masked token added to the end of each text."""
    return {
        key: torch.nn.functional.pad(value, (0, 1), value=pad if key == "input_ids" else 0)
        if torch.is_tensor(value)
        else value
        for key, value in batch.items()
    }


def _concatenated(parts: list[tuple[NDArray[np.intp], Features]]) -> tuple[NDArray[np.intp], Features]:
    indices = np.concatenate([part for part, _ in parts])
    first = parts[0][1]
    return indices, {k: torch.cat([f[k] for _, f in parts]) if torch.is_tensor(v) else v for k, v in first.items()}
