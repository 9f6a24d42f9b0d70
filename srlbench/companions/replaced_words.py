"""Replaced-token detection, conditioned on the sentence vector (DiffCSE, arXiv 2204.10298)."""

from __future__ import annotations

import copy
from typing import Any

import torch
from sentence_transformers.base.modules import Transformer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import AutoModelForMaskedLM

from srlbench import backbones
from srlbench.errors import UsageError
from srlbench.training.step import Start, Step
from srlbench.training.text import Text, masked, states
from srlbench.training.transformer import ensure_weights


class ReplacedWords(nn.Module):
    """Adds `weight` times the cross-entropy of the question which pieces of an edited text were replaced.

    A second encoder, which begins as the first, reads the edited text with the sentence vector in place of its first
    embedding: the gradient reaches the first encoder through that vector alone. Pieces that are not read do not count.

    generator: a masked language model with the same vocabulary, by folder or org/name@revision, which fills in what is
        masked and never gets a gradient. None: pieces of other texts of the batch are put in, which is an easier
        question; the shipped backbones have no head that guesses words.
    """

    def __init__(
        self, start: Start, *, weight: float = 0.005, share: float = 0.3, generator: str | None = None
    ) -> None:
        super().__init__()
        first = start.model[0]
        if not isinstance(first, Transformer):
            raise UsageError("Only a transformer can tell which words were replaced; leave replaced_words out.")
        if start.width != start.vocabulary.width:
            raise UsageError("replaced_words puts the sentence vector among word embeddings; the widths must be equal.")
        self.weight, self.share = weight, share
        self.second = copy.deepcopy(first)
        self.told = nn.Linear(start.vocabulary.width, 2)
        self.generator = None if generator is None else _generator(generator, start)

    def loss(self, step: Step) -> Tensor:
        text, vector = step.whole[0], step.vectors[0]
        with torch.no_grad():
            ids = self._edited(step, text)
        scale = torch.ones(*ids.shape, 1, device=ids.device)
        scale[:, 0] = 0
        shift = torch.cat((vector.unsqueeze(1), vector.new_zeros(len(ids), ids.shape[1] - 1, vector.shape[1])), dim=1)
        read = states(self.second, Text(ids, text.mask, scale=scale, shift=shift))
        there = text.mask.bool()
        return self.weight * cross_entropy(self.told(read[there]), (ids != text.ids)[there].long())

    def _edited(self, step: Step, text: Text) -> Tensor:
        """The text with some of its pieces replaced."""
        words = step.vocabulary.words(text)
        if self.generator is not None:
            shown, _ = masked(text, step.vocabulary, self.share, step.generator(2))
            guessed: Tensor = self.generator.eval()(input_ids=shown.ids, attention_mask=text.mask).logits.argmax(-1)
            return guessed.where(words, text.ids)
        generator, pieces = step.generator(2), text.ids[words]
        chosen = words & (torch.rand(text.ids.shape, generator=generator).to(text.ids.device) < self.share)
        others = torch.randint(len(pieces), text.ids.shape, generator=generator).to(text.ids.device)
        return text.ids.where(~chosen, pieces[others])


def _generator(name: str, start: Start) -> nn.Module:
    model: Any
    folder = str(backbones.fetch(backbones.resolve(name)))
    model, report = AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True)
    ensure_weights(model, report, name)
    if model.config.vocab_size != start.vocabulary.size or start.vocabulary.mask is None:
        raise UsageError(f"The generator {name} has another vocabulary than the backbone.")
    return model.requires_grad_(False)  # type: ignore[no-any-return]
