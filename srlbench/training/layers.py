"""Encoder modules that sentence-transformers does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding
from tokenizers import Tokenizer
from torch import Tensor

from srlbench.errors import UsageError


class FirstLast(Pooling):
    """The average of the first and the last layer, as a mean over words.

    The first layer is the output of the first transformer layer, which is what SimCSE's code computes. The numbers in
    SimCSE's paper are for the static embedding instead (issue 285 there).
    """

    def forward(self, features: dict[str, Tensor | Any], **kwargs: Any) -> dict[str, Tensor | Any]:
        layers = features["all_layer_embeddings"]
        features["token_embeddings"] = (layers[1] + layers[-1]) / 2
        return super().forward(features, **kwargs)


class LastTwo(Pooling):
    """The average of the last two layers, as a mean over words (ConSERT, BERT-flow)."""

    def forward(self, features: dict[str, Tensor | Any], **kwargs: Any) -> dict[str, Tensor | Any]:
        layers = features["all_layer_embeddings"]
        features["token_embeddings"] = (layers[-2] + layers[-1]) / 2
        return super().forward(features, **kwargs)


class AtMask(Pooling):
    """The vector of the first mask token, which a prompt puts into each text (PromptBERT, arXiv 2201.04337)."""

    config_keys = ["embedding_dimension", "token"]  # noqa: RUF012

    def __init__(self, embedding_dimension: int, token: int | None = None) -> None:
        super().__init__(embedding_dimension, pooling_mode="cls")
        self.token = token

    def find(self, tokenizer: Any) -> None:
        """Take the mask token of a tokenizer."""
        self.token = tokenizer.mask_token_id
        if self.token is None:
            raise UsageError("The tokenizer of this backbone has no mask token; take another pooling than mask.")

    def forward(self, features: dict[str, Tensor | Any], **kwargs: Any) -> dict[str, Tensor | Any]:
        there = torch.eq(features["input_ids"], self.token or 0)
        if not there.any(1).all():
            raise UsageError(
                "The pooling mask reads the mask token, and a text has none: give the recipe a prompt with it."
            )
        states = features["token_embeddings"]
        features["sentence_embedding"] = states[torch.arange(len(states)), there.long().argmax(1)]
        return features


class Autocast(Transformer):
    """A transformer that computes in bfloat16 from weights in float32; the vectors of its tokens are float32 again."""

    exactly = False  # compute in float32 after all, as some diagnostics need it

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        with torch.autocast(self.model.device.type, torch.bfloat16, enabled=not self.exactly):
            out = super().forward(features, **kwargs)
        out["token_embeddings"] = out["token_embeddings"].float()
        if "all_layer_embeddings" in out:
            out["all_layer_embeddings"] = tuple(layer.float() for layer in out["all_layer_embeddings"])
        return out


class Words(StaticEmbedding):
    """Static embeddings in training: they also read rows of padded word pieces."""

    def __init__(self, tokenizer: Tokenizer, weights: Tensor) -> None:
        super().__init__(tokenizer, embedding_weights=weights)

    def forward(self, features: dict[str, Tensor], **kwargs: Any) -> dict[str, Tensor]:
        if "offsets" in features:
            return super().forward(features, **kwargs)
        mask = features["attention_mask"].bool()
        ends = mask.sum(1).cumsum(0)
        starts = torch.cat([ends.new_zeros(1), ends[:-1]])
        return super().forward({"input_ids": features["input_ids"][mask], "offsets": starts})

    def plain(self) -> StaticEmbedding:
        """The same embeddings as a module of sentence-transformers."""
        return StaticEmbedding(self.tokenizer, embedding_weights=self.embedding.weight.detach())


POOLINGS: Mapping[str, Callable[[int], Pooling]] = {
    **{name: partial(Pooling, pooling_mode=name) for name in ("cls", "mean", "max")},
    "first-last": partial(FirstLast, pooling_mode="mean"),
    "last-two": partial(LastTwo, pooling_mode="mean"),
    "last": partial(Pooling, pooling_mode="lasttoken"),
    "weighted-mean": partial(Pooling, pooling_mode="weightedmean"),
    "mask": AtMask,
}
ALL_LAYERS = ("first-last", "last-two")  # the poolings that read every layer, not the last alone
