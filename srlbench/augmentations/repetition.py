"""Repetition of some word pieces (ESimCSE, arXiv 2109.04380): the length of a text says nothing about its meaning."""

import torch

from srlbench.training.text import Text, Vocabulary


def repetition(
    text: Text, known: Vocabulary, generator: torch.Generator, *, rate: float = 0.32, most: int = 10
) -> Text:
    """Each text with some pieces doubled in place. Of L pieces, n are drawn without replacement.

    n is uniform in 0 ... min(most, int(rate L)) - 1, as in the official code; the paper's formula allows one more.
    """
    words = known.words(text)
    draws = torch.rand(words.shape, generator=generator).to(words.device).masked_fill(~words, 2.0)
    limit = (rate * text.lengths).long().clamp(max=most).clamp(min=1)
    number = (torch.rand(len(text), generator=generator).to(words.device) * limit).long()
    chosen = words & (draws.argsort(1).argsort(1) < number.unsqueeze(1))
    ids, mask = text.ids.repeat_interleave(2, dim=1), text.mask.repeat_interleave(2, dim=1)
    fixed = None if text.fixed is None else text.fixed.repeat_interleave(2, dim=1)
    second = torch.arange(ids.shape[1], device=ids.device) % 2 == 1
    return Text(ids, mask * (~second | chosen.repeat_interleave(2, dim=1)), fixed=fixed).closed()
