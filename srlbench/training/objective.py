"""The training objective: the encoder on all views at once, a head, and a pure loss function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from srlbench.errors import SrlbenchError
from srlbench.recipe import LossFunction
from srlbench.training.augment import AUGMENTATIONS, pieces, shortened
from srlbench.training.batches import special
from srlbench.training.chunks import chunked, cut
from srlbench.training.ranks import ALONE, Ranks
from srlbench.training.rng import common_rng


class Diverged(SrlbenchError):
    """A training loss that is not a finite number."""


@dataclass(frozen=True)
class Views:
    """How the views of a batch are made: their number, and the augmentations that each one goes through."""

    count: int
    shares: Mapping[str, float] = field(default_factory=dict)  # of each augmentation
    seed: int = 0
    longest: int | None = None  # pieces of a view after the augmentations; None: they add none


class Objective(nn.Module):
    """A loss as a sentence-transformers module: blocks of token ids in, a scalar out."""

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
        self.views, self.ranks = views, ranks
        self.pieces = pieces(model.tokenizer, special(model.tokenizer)) if views.shares else None
        self.history: list[float] = []
        self.observed: list[dict[str, Any]] = []
        self.micro_batch: int | None = None  # sentences that are encoded at once; None: the whole batch
        self.masks: dict[str, Tensor] = {}  # of a sparse encoder: parameter -> which entries stay

    def forward(self, features: list[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """The loss of a batch. labels: the position in the blocks of each row of each view."""
        if self.micro_batch and torch.is_grad_enabled():
            value = chunked(self, cut(self._all_augmented(features), self.micro_batch), labels)
        else:
            views = self.embeddings(features, labels)
            value = self.value(*views) if self.ranks.size == 1 else self._whole_batch(views)
        if not torch.isfinite(value):
            raise Diverged(f"the loss became {value.item()} at step {len(self.history) + 1}")
        self.history.append(value.item())
        # The gradient of each rank covers its own rows alone. The ranks take the mean, and this factor makes it a sum.
        return value * self.ranks.size

    def embeddings(self, features: list[dict[str, Tensor]], labels: Tensor) -> tuple[Tensor, ...]:
        """The embeddings of each view of the batch, after the head."""
        blocks = [self.model(block)["sentence_embedding"] for block in self._all_augmented(features)]
        return self.head(torch.cat(blocks)[labels]).chunk(self.views.count)  # type: ignore[no-any-return]

    def _all_augmented(self, features: list[dict[str, Tensor]]) -> list[dict[str, Tensor]]:
        if self.training and self.views.shares:
            return [self._augmented(block) for block in features]
        return features

    def _whole_batch(self, views: tuple[Tensor, ...]) -> Tensor:
        """The loss of the batch of all ranks; a loss that draws random numbers draws the same on every rank."""
        with common_rng(self.views.seed, len(self.history)):
            return self.value(*map(self.ranks.all_gather, views))  # type: ignore[no-any-return]

    def _augmented(self, block: dict[str, Tensor]) -> dict[str, Tensor]:
        ids, mask = block["input_ids"], block["attention_mask"]
        assert self.pieces is not None
        for name, share in self.views.shares.items():
            ids, mask = AUGMENTATIONS[name](ids, mask, share, self.pieces.to(ids.device))
        if self.views.longest and ids.shape[1] > self.views.longest:
            ids, mask = shortened(ids, mask, self.views.longest, self.pieces.to(ids.device))
        return {**block, "input_ids": ids, "attention_mask": mask}
