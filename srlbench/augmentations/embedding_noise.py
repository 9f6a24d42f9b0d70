"""Gaussian noise on the embeddings of a text."""

import torch

from srlbench.training.text import Text, Vocabulary


def embedding_noise(text: Text, known: Vocabulary, generator: torch.Generator, *, sigma: float = 0.05) -> Text:
    """Each text with noise of this standard deviation on what the embedding layer gives."""
    noise = sigma * torch.randn(*text.ids.shape, known.width, generator=generator)
    return text.with_(shift=noise.to(text.ids.device))
