"""Token shuffling (ConSERT, arXiv 2105.11741): the pieces of a text at each other's positions."""

import torch

from srlbench.training.text import Text, Vocabulary


def shuffled_positions(text: Text, known: Vocabulary, generator: torch.Generator) -> Text:
    """Each text with the positions of all its pieces permuted, those of special tokens too, as ConSERT has it."""
    draws = torch.rand(text.ids.shape, generator=generator).to(text.ids.device).masked_fill(~text.mask.bool(), 2.0)
    return text.with_(positions=text.placed().gather(1, draws.argsort(1).argsort(1)))
