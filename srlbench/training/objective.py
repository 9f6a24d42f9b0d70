"""The training objective: the encoder on all views at once, a head, and a pure loss function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from torch import Tensor, nn

from srlbench.errors import SrlbenchError, UsageError
from srlbench.recipe import LossFunction
from srlbench.training.augment import AUGMENTATIONS, pieces, placed, shortened
from srlbench.training.batches import Block, by_length, special
from srlbench.training.chunks import chunked, cut
from srlbench.training.ranks import ALONE, Ranks
from srlbench.training.rng import common_rng

SAME = 1e-4  # two vectors that differ by less than this share of their largest number are the same but for rounding


class Diverged(SrlbenchError):
    """A training loss that is not a finite number."""


@dataclass(frozen=True)
class Views:
    """How the views of a batch are made: their number, and the augmentations that each one goes through."""

    count: int
    shares: Mapping[str, float] = field(default_factory=dict)  # of each augmentation
    seed: int = 0
    longest: int | None = None  # pieces of a view after the augmentations; None: they add none
    placed: bool = False  # the encoder gets only the pieces that stay, and their positions, as it takes less time


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

    def forward(self, features: list[Block], labels: Tensor) -> Tensor:
        """The loss of a batch. labels: the position in the blocks of each row of each view."""
        value = self._of_batch(features, labels)
        if not torch.isfinite(value):
            raise Diverged(f"the loss became {value.item()} at step {len(self.history) + 1}")
        self.history.append(value.item())
        # The gradient of each rank covers its own rows alone. The ranks take the mean, and this factor makes it a sum.
        return value * self.ranks.size

    def _of_batch(self, features: list[Block], labels: Tensor) -> Tensor:
        if self.micro_batch and torch.is_grad_enabled():
            blocks, rows = self._all_augmented(features, labels)
            return chunked(self, cut(blocks, self.micro_batch), rows)
        views = self.embeddings(features, labels)
        return self.value(*views) if self.ranks.size == 1 else self._whole_batch(views)

    def embeddings(self, features: list[Block], labels: Tensor) -> tuple[Tensor, ...]:
        """The embeddings of each view of the batch, after the head."""
        blocks, rows = self._all_augmented(features, labels)
        vectors = [self.model(block)["sentence_embedding"] for block in blocks]
        return self.head(torch.cat(vectors)[rows]).chunk(self.views.count)  # type: ignore[no-any-return]

    def _all_augmented(self, features: list[Block], labels: Tensor) -> tuple[list[Block], Tensor]:
        """The blocks with all augmentations, and the position in them of each row of each view."""
        if not (self.training and self.views.shares):
            return features, labels
        blocks = [self._augmented(block) for block in features]
        if not self.views.placed:
            return blocks, labels
        blocks, moved = by_length(blocks)
        return blocks, moved[labels]

    def _whole_batch(self, views: tuple[Tensor, ...]) -> Tensor:
        """The loss of the batch of all ranks; a loss that draws random numbers draws the same on every rank."""
        with common_rng(self.views.seed, len(self.history)):
            return self.value(*map(self.ranks.all_gather, views))  # type: ignore[no-any-return]

    def _augmented(self, block: Block, **fixed: Tensor) -> Block:
        ids, mask = block["input_ids"], block["attention_mask"]
        assert self.pieces is not None
        for name, share in self.views.shares.items():
            ids, mask = AUGMENTATIONS[name](ids, mask, share, self.pieces.to(ids.device), **fixed)
        if self.views.longest and ids.shape[1] > self.views.longest:
            ids, mask = shortened(ids, mask, self.views.longest, self.pieces.to(ids.device))
        return {**block, "input_ids": ids, "attention_mask": mask}


@torch.no_grad()
def ensure_positions(model: SentenceTransformer) -> None:
    """Refuse an encoder that gives a text with gaps another vector if it gets only what is read, with its positions.

    It depends on the architecture: positions may begin at another number, or be no input at all.
    """
    if not isinstance(model[0], Transformer):
        raise UsageError("skip_dropped is for transformers; word vectors skip what is left out anyway.")
    modes = [(module, module.training) for module in model.modules()]
    rows = int(model[0].model.get_input_embeddings().weight.shape[0])
    ids = torch.arange(8, device=model.device).remainder(rows).unsqueeze(0)
    ids[0, 0] = getattr(model.tokenizer, "mask_token_id", None) or 0  # which the pooling may read
    mask = torch.tensor([[1, 1, 0, 1, 0, 0, 1, 1]], device=model.device)
    few, read, positions = placed(ids, mask)
    model.eval()
    try:
        whole = model({"input_ids": ids, "attention_mask": mask})["sentence_embedding"]
        part = model({"input_ids": few, "attention_mask": read, "position_ids": positions})["sentence_embedding"]
        same = bool((whole - part).abs().max() <= SAME * whole.abs().max())
    except (TypeError, ValueError, RuntimeError, IndexError):
        same = False
    for module, was_training in modes:
        module.training = was_training
    if not same:
        raise UsageError(
            f"A {model[0].model.config.model_type} cannot be given the positions of the pieces that stay (or computes "
            "in too low a precision to see it); leave skip_dropped out."
        )
