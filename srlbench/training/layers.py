"""Pooling that sentence-transformers does not have."""

from __future__ import annotations

from typing import Any

from sentence_transformers.sentence_transformer.modules import Pooling
from torch import Tensor


class FirstLast(Pooling):
    """The mean over words of the average of the first and the last layer.

    First is the output of the first transformer layer, not the static embedding: SimCSE's paper printed numbers of
    the latter (issue 285 there) and its code computes the former.
    """

    def forward(self, features: dict[str, Tensor | Any], **kwargs: Any) -> dict[str, Tensor | Any]:
        layers = features["all_layer_embeddings"]
        features["token_embeddings"] = (layers[1] + layers[-1]) / 2
        return super().forward(features, **kwargs)
