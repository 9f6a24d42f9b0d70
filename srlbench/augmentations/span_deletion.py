"""Deletion of one span of a text (ArcCSE, ACL 2022; the cut of CLEAR, arXiv 2012.15466)."""

import torch

from srlbench.training.text import Text, Vocabulary


def span_deletion(text: Text, known: Vocabulary, generator: torch.Generator, *, share: float = 0.2) -> Text:
    """Each text without one span of this share of its pieces; special tokens stay, and the gap is closed."""
    words = known.words(text)
    count = words.sum(1)
    length = (share * count).round().long()
    start = (torch.rand(len(text), generator=generator).to(words.device) * (count - length + 1)).long()
    number = words.cumsum(1) - 1  # of each piece among those that stand for words
    gone = words & (number >= start.unsqueeze(1)) & (number < (start + length).unsqueeze(1))
    return text.with_(mask=text.mask * ~gone).closed()
