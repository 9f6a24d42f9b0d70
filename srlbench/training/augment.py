"""Augmentations: what makes the views of a sentence differ, beside the encoder's own dropout.

A recipe chooses one by the field of its name, whose value is the share of the pieces that it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

# Token ids, attention mask, share, the ids of special tokens -> token ids and attention mask.
Augmentation = Callable[[Tensor, Tensor, float, Tensor], tuple[Tensor, Tensor]]


def word_dropout(ids: Tensor, mask: Tensor, share: float, special: Tensor) -> tuple[Tensor, Tensor]:
    """The mask without a random share of the pieces; special tokens stay, and a sentence never loses all its pieces."""
    pieces = mask.bool() & ~torch.isin(ids, special)
    left = pieces & (torch.rand(mask.shape, device=mask.device) >= share)
    return ids, (mask.bool() & (left.where(left.any(1, keepdim=True), pieces) | ~pieces)).to(mask.dtype)


AUGMENTATIONS: Mapping[str, Augmentation] = {
    "word_dropout": word_dropout,
}
