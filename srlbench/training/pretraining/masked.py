"""Masked language modelling: a small BERT, the corruption of its input, and the held-out loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, linear
from transformers import BertConfig, BertModel

from srlbench.training.pretraining.corpus import Corpus
from srlbench.training.pretraining.vocabulary import MASK, PAD, SPECIAL

HELDOUT_LINES = 1024  # of each kind of text; enough for two digits of the loss

# Corrupted token ids (rows, columns), the chosen positions in the flattened rows, and the original ids there.
Masked = tuple[Tensor, Tensor, Tensor]


class MaskedModel(nn.Module):
    """A BERT without a pooler, and a head that predicts its masked tokens by the input embeddings."""

    def __init__(self, shape: BertConfig) -> None:
        super().__init__()
        self.encoder = BertModel(shape, add_pooling_layer=False)
        self.transform = nn.Linear(shape.hidden_size, shape.hidden_size)
        self.norm = nn.LayerNorm(shape.hidden_size)
        self.bias = nn.Parameter(torch.zeros(shape.vocab_size))

    @property
    def table(self) -> Tensor:
        """The word embeddings, which are also the output layer."""
        return self.encoder.embeddings.word_embeddings.weight

    def forward(self, ids: Tensor, chosen: Tensor, wanted: Tensor) -> Tensor:
        """The summed cross-entropy at the chosen positions; the output layer is computed for them alone."""
        real = ids != PAD
        hidden = self.encoder(ids, attention_mask=None if bool(real.all()) else real).last_hidden_state
        hidden = self.norm(gelu(self.transform(hidden.flatten(0, 1)[chosen])))
        return cross_entropy(linear(hidden, self.table, self.bias), wanted, reduction="sum")


@dataclass(frozen=True)
class Masking:
    """BERT's corruption: of the chosen positions 80% become [MASK], 10% another token, and 10% stay."""

    rate: float
    vocabulary: int
    device: str = "cpu"

    def __call__(self, ids: npt.NDArray[np.int64], rng: np.random.Generator) -> Masked:
        flat = ids.ravel().copy()
        chosen = np.flatnonzero((rng.random(flat.size) < self.rate) & (flat >= len(SPECIAL)))
        wanted = flat[chosen]
        kind = rng.random(len(chosen))
        flat[chosen[kind < 0.8]] = MASK
        other = chosen[kind >= 0.9]
        flat[other] = rng.integers(len(SPECIAL), self.vocabulary, len(other))
        corrupted, positions, targets = map(torch.from_numpy, (flat.reshape(ids.shape), chosen, wanted))
        return corrupted.to(self.device), positions.to(self.device), targets.to(self.device)


def heldout(corpus: Corpus, masking: Masking) -> dict[str, list[Masked]]:
    """Masked batches of the first held-out lines of each kind of text; every measurement uses the same ones."""
    batches_of = {}
    for name, kind in (("text", False), ("generated", True)):
        lines = np.flatnonzero(corpus.heldout & (corpus.generated == kind))[:HELDOUT_LINES]
        lines = lines[np.argsort(corpus.lengths[lines], kind="stable")]
        rng = np.random.default_rng(0)
        groups = [lines[first : first + 64] for first in range(0, len(lines), 64)]
        batches_of[name] = [masking(corpus.rows(group), rng) for group in groups]
    return {name: batches for name, batches in batches_of.items() if batches}


@torch.no_grad()
def losses(model: MaskedModel, held: Mapping[str, Sequence[Masked]]) -> dict[str, float]:
    """The mean cross-entropy of the masked tokens of each kind of text."""
    model.eval()
    return {
        name: sum(float(model(*b)) for b in batches) / max(1, sum(len(b[2]) for b in batches))
        for name, batches in held.items()
    }
