"""Feature cutoff (ConSERT, arXiv 2105.11741): some columns of a text's embeddings are zero."""

import torch

from srlbench.training.text import Text, Vocabulary


def feature_cutoff(text: Text, known: Vocabulary, generator: torch.Generator, *, share: float = 0.2) -> Text:
    """Each text with this share of the embedding layer's columns at zero, drawn for each text; nothing is rescaled."""
    draws = torch.rand(len(text), known.width, generator=generator)
    gone = draws.argsort(1).argsort(1) < int(share * known.width)
    return text.with_(scale=(~gone).float().unsqueeze(1).to(text.ids.device))
