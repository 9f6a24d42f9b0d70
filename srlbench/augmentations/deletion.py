"""Deletion of random pieces (TSDAE, arXiv 2104.06979): what stays moves up."""

import torch

from srlbench.training.text import Text, Vocabulary


def deletion(text: Text, known: Vocabulary, generator: torch.Generator, *, share: float = 0.6) -> Text:
    """Each text without this share of its words, drawn word by word; special tokens stay, and one word at least."""
    words = known.words(text)
    number = (known.pieces.begins.to(words.device)[text.ids] & words).long().cumsum(1)  # all pieces of a word have one
    draws = torch.rand(len(text), text.ids.shape[1] + 1, generator=generator).to(words.device).gather(1, number)
    stays = (draws >= share) | (draws == draws.masked_fill(~words, -1.0).amax(1, keepdim=True))
    return text.with_(mask=text.mask * (~words | stays)).closed()
