"""The training objective: all views through the encoder once, a head, a pure loss function."""

from __future__ import annotations

from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from srlbench.errors import SrlbenchError
from srlbench.recipe import LossFunction


class Diverged(SrlbenchError):
    """Training produced a loss that is not a finite number."""


class Objective(nn.Module):
    """A loss in sentence-transformers' form: blocks of token ids in, a scalar out."""

    def __init__(
        self,
        model: SentenceTransformer,
        head: nn.Module,
        loss: LossFunction,
        arguments: dict[str, Any],
        views: int,
    ) -> None:
        super().__init__()
        self.model, self.head = model, head
        self.loss, self.arguments, self.views = loss, arguments, views
        self.history: list[float] = []
        self.observed: list[dict[str, Any]] = []
        self.kept: dict[str, Tensor] = {}  # masks of a sparse encoder: parameter -> what stays

    def forward(self, features: list[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """labels: where in the blocks the embedding of each row of each view is."""
        value = self.value(*self.embeddings(features, labels))
        if not torch.isfinite(value):
            raise Diverged(f"the loss became {value.item()} at step {len(self.history) + 1}")
        self.history.append(value.item())
        return value

    def embeddings(self, features: list[dict[str, Tensor]], labels: Tensor) -> tuple[Tensor, ...]:
        """The views of the batch, behind the head."""
        blocks = [self.model(block)["sentence_embedding"] for block in features]
        return self.head(torch.cat(blocks)[labels]).chunk(self.views)  # type: ignore[no-any-return]

    def value(self, *views: Tensor) -> Tensor:
        """The loss with its arguments."""
        return self.loss(*views, **self.arguments)  # type: ignore[no-any-return]
