"""One step of a training whose recipe says more than a loss: the texts of its views, and their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from srlbench.training.ranks import Ranks
from srlbench.training.rng import stream
from srlbench.training.text import Text, Vocabulary, blocks, read

if TYPE_CHECKING:
    from srlbench.training.value import Training

BLOCKS = 4  # of rows of like length, as in a batch of a recipe that is a loss alone


@dataclass(frozen=True)
class Start:
    """What a companion is made of, before the first step. Its random numbers are those of the seed, as the head's are.

    lines: the training text, as many columns as the data has. batches: the lines of each step that this process reads.
    """

    model: SentenceTransformer
    head: nn.Module
    training: Training
    vocabulary: Vocabulary
    lines: Sequence[tuple[str, ...]]
    batches: Sequence[Sequence[int]]
    ranks: Ranks

    @property
    def width(self) -> int:
        """The width of the vectors that the loss compares."""
        return int(self.model.get_embedding_dimension() or 0)


@dataclass
class Step:
    """A batch: the text of each view as it was (`whole`) and as it is read, its vectors before and after the head."""

    number: int  # the first is 0
    seed: int
    model: SentenceTransformer
    head: nn.Module
    vocabulary: Vocabulary
    ranks: Ranks
    lines: Sequence[tuple[str, ...]]  # the rows of this process, as text
    whole: list[Text] = field(default_factory=list)  # before the augmentations
    texts: list[Text] = field(default_factory=list)
    pooled: list[Tensor] = field(default_factory=list)  # before the head
    vectors: list[Tensor] = field(default_factory=list)  # after it

    def generator(self, *numbers: int, common: bool = False) -> torch.Generator:
        """Random numbers for this step: the same whenever it is made; others on each rank, unless they are `common`."""
        generator = torch.Generator()
        generator.manual_seed(stream(self.seed, self.number, 0 if common else 1 + self.ranks.rank, *numbers))
        return generator

    def encode(self, text: Text, model: SentenceTransformer | None = None) -> Tensor:
        """The vectors of a text before the head, by the encoder that is trained or by another."""
        parts, rows = blocks(text, BLOCKS)
        return torch.cat([read(model or self.model, block)["sentence_embedding"] for block in parts])[rows]
