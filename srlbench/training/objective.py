"""The training objective: all views through the encoder once, a head, a pure loss function."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Views:
    """How the views of a batch are made: how many, and the share of its words that each leaves out."""

    count: int
    word_dropout: float = 0.0
    seed: int = 0


class Objective(nn.Module):
    """A loss in sentence-transformers' form: blocks of token ids in, a scalar out."""

    def __init__(
        self,
        model: SentenceTransformer,
        head: nn.Module,
        value: LossFunction,
        views: Views,
        ranks: Ranks = ALONE,
    ) -> None:
        super().__init__()
        self.model, self.head, self.value = model, head, value
        self.views, self.ranks, self.special = views, ranks, torch.tensor(special(model.tokenizer))
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
        if self.training and self.views.word_dropout:
            features = [self._thinned(block) for block in features]
        blocks = [self.model(block)["sentence_embedding"] for block in features]
        return self.head(torch.cat(blocks)[labels]).chunk(self.views.count)  # type: ignore[no-any-return]

    def _of_all(self, views: tuple[Tensor, ...]) -> Tensor:
        """The loss of the whole batch; one that draws numbers draws the same on every rank."""
        with common_rng(self.views.seed, len(self.history)):
            return self.value(*map(self.ranks.all_gather, views))  # type: ignore[no-any-return]

    def _thinned(self, block: dict[str, Tensor]) -> dict[str, Tensor]:
        ids, mask = block["input_ids"], block["attention_mask"]
        return {**block, "attention_mask": thinned(ids, mask, self.views.word_dropout, self.special.to(ids.device))}
