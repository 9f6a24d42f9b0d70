"""The training objective: all views through the encoder once, a head, a pure loss function."""

from __future__ import annotations

from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from srlbench.errors import SrlbenchError
from srlbench.recipe import LossFunction
from srlbench.training.batches import special
from srlbench.training.layers import thinned
from srlbench.training.ranks import ALONE, Ranks
from srlbench.training.rng import common_rng


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
        word_dropout: float = 0.0,
        seed: int = 0,
        ranks: Ranks = ALONE,
    ) -> None:
        super().__init__()
        self.seed, self.ranks = seed, ranks
        self.word_dropout, self.special = word_dropout, torch.tensor(special(model.tokenizer))
        self.model, self.head = model, head
        self.loss, self.arguments, self.views = loss, arguments, views
        self.history: list[float] = []
        self.observed: list[dict[str, Any]] = []
        self.kept: dict[str, Tensor] = {}  # masks of a sparse encoder: parameter -> what stays

    def forward(self, features: list[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """labels: where in the blocks the embedding of each row of each view is."""
        views = self.embeddings(features, labels)
        value = self.value(*views) if self.ranks.size == 1 else self._of_all(views)
        if not torch.isfinite(value):
            raise Diverged(f"the loss became {value.item()} at step {len(self.history) + 1}")
        self.history.append(value.item())
        return value * self.ranks.size  # ranks take the mean of their gradients, each of which is of its rows alone

    def embeddings(self, features: list[dict[str, Tensor]], labels: Tensor) -> tuple[Tensor, ...]:
        """The views of the batch, behind the head."""
        if self.training and self.word_dropout:
            features = [self._thinned(block) for block in features]
        blocks = [self.model(block)["sentence_embedding"] for block in features]
        return self.head(torch.cat(blocks)[labels]).chunk(self.views)  # type: ignore[no-any-return]

    def _of_all(self, views: tuple[Tensor, ...]) -> Tensor:
        """The loss of the whole batch; one that draws numbers draws the same on every rank."""
        with common_rng(self.seed, len(self.history)):
            return self.value(*map(self.ranks.gathered, views))

    def _thinned(self, block: dict[str, Tensor]) -> dict[str, Tensor]:
        ids, mask = block["input_ids"], block["attention_mask"]
        return {**block, "attention_mask": thinned(ids, mask, self.word_dropout, self.special.to(ids.device))}

    def value(self, *views: Tensor) -> Tensor:
        """The loss with its arguments."""
        return self.loss(*views, **self.arguments)  # type: ignore[no-any-return]
