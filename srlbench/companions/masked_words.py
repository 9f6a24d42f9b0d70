"""Masked language modelling beside the loss (SimCSE with MLM, arXiv 2104.08821)."""

from __future__ import annotations

from typing import Any

import torch
from sentence_transformers.base.modules import Transformer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, linear

from srlbench.errors import UsageError
from srlbench.training.step import Start, Step
from srlbench.training.text import masked, states


class MaskedWords(nn.Module):
    """Adds `weight` times the cross-entropy of hidden pieces of the first view: 80% masked, 10% other, 10% as they are.

    Its head is BERT's (dense, GELU, LayerNorm, the embedding table and a bias), made anew.
    """

    def __init__(self, start: Start, *, weight: float = 0.1, share: float = 0.15) -> None:
        super().__init__()
        if start.vocabulary.mask is None or not isinstance(start.model[0], Transformer):
            raise UsageError("Only a transformer whose tokenizer has a mask can guess words; leave masked_words out.")
        width = start.vocabulary.width
        self.dense, self.norm = nn.Linear(width, width), nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(start.vocabulary.size))
        nn.init.normal_(self.dense.weight, std=0.02)
        nn.init.zeros_(self.dense.bias)
        self.weight, self.share = weight, share

    def loss(self, step: Step) -> Tensor:
        text = step.texts[0]
        shown, hidden = masked(text, step.vocabulary, self.share, step.generator(1))
        if not hidden.any():
            return self.bias.sum() * 0
        transformer: Any = step.model[0]
        read = states(transformer, shown)[hidden]
        table = transformer.model.get_input_embeddings().weight
        logits = linear(self.norm(gelu(self.dense(read))), table, self.bias)
        return self.weight * cross_entropy(logits, text.ids[hidden])
