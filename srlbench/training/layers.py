"""Encoder modules that sentence-transformers does not have."""

from __future__ import annotations

from typing import Any

import torch
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding
from tokenizers import Tokenizer
from torch import Tensor


class FirstLast(Pooling):
    """The average of the first and the last layer, as a mean over words.

    The first layer is the output of the first transformer layer, which is what SimCSE's code computes. The numbers in
    SimCSE's paper are for the static embedding instead (issue 285 there).
    """

    def forward(self, features: dict[str, Tensor | Any], **kwargs: Any) -> dict[str, Tensor | Any]:
        layers = features["all_layer_embeddings"]
        features["token_embeddings"] = (layers[1] + layers[-1]) / 2
        return super().forward(features, **kwargs)


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


def thinned(ids: Tensor, mask: Tensor, share: float, kept: Tensor) -> Tensor:
    """The mask without a random share of the pieces, except those in `kept`; a sentence never loses all its pieces."""
    pieces = mask.bool() & ~torch.isin(ids, kept)
    left = pieces & (torch.rand(mask.shape, device=mask.device) >= share)
    return (mask.bool() & (left.where(left.any(1, keepdim=True), pieces) | ~pieces)).to(mask.dtype)
