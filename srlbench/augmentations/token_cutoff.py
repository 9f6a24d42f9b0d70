"""Token cutoff (ConSERT, arXiv 2105.11741): the embeddings of some pieces of a text are zero."""

import torch

from srlbench.training.text import Text, Vocabulary


def token_cutoff(text: Text, known: Vocabulary, generator: torch.Generator, *, share: float = 0.15) -> Text:
    """Each text with the embeddings of this share of its pieces at zero; the pieces are attended to all the same."""
    words = known.words(text)
    draws = torch.rand(words.shape, generator=generator).to(words.device).masked_fill(~words, 2.0)
    gone = words & (draws.argsort(1).argsort(1) < (share * words.sum(1)).long().unsqueeze(1))
    return text.with_(scale=(~gone).float().unsqueeze(-1))
