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


def word_deletion(ids: Tensor, mask: Tensor, share: float, special: Tensor) -> tuple[Tensor, Tensor]:
    """The text without a random share of its pieces: what stays moves up, so that no gap says where one was.

    Under `word_dropout` both views keep the positions of the whole sentence, by which a transformer can tell them.
    """
    ids, mask = word_dropout(ids, mask, share, special)
    order = mask.argsort(dim=1, descending=True, stable=True)
    longest = int(mask.sum(1).amax())
    return ids.gather(1, order)[:, :longest], mask.gather(1, order)[:, :longest]


AUGMENTATIONS: Mapping[str, Augmentation] = {
    "word_dropout": word_dropout,
    "word_deletion": word_deletion,
}
