"""Augmentations: what makes the views of a sentence differ, beside the encoder's own dropout.

A recipe chooses one by the field of its name, whose value is the share of the pieces that it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

CONTINUED = "##"  # in front of a piece that goes on with a word, where that is marked
BEGINS = ("▁", "Ġ")  # in front of a piece that begins a word, where that is marked


@dataclass(frozen=True)
class Pieces:
    """The vocabulary, as an augmentation knows it: the ids of special tokens, and whether each id begins a word."""

    special: Tensor
    begins: Tensor

    def to(self, device: torch.device) -> Pieces:
        return Pieces(self.special.to(device), self.begins.to(device))


# Token ids, attention mask, share, the vocabulary -> token ids and attention mask.
Augmentation = Callable[..., tuple[Tensor, Tensor]]


def pieces(tokenizer: Any, special: list[int]) -> Pieces:
    """The vocabulary of a tokenizer; where its pieces have no marks, each begins a word."""
    names = {place: name for name, place in tokenizer.get_vocab().items()}
    marked = _mark(list(names.values()))
    begins = torch.ones(max(names, default=-1) + 1, dtype=torch.bool)
    for place, name in names.items():
        begins[place] = name.startswith(marked) if marked else not name.startswith(CONTINUED)
    return Pieces(torch.tensor(special, dtype=torch.long), begins)


def _mark(names: list[str]) -> str:
    """The mark at the beginning of words that a tenth of the pieces has at least; empty if there is none."""
    return next((mark for mark in BEGINS if sum(name.startswith(mark) for name in names) > len(names) / 10), "")


def word_dropout(
    ids: Tensor, mask: Tensor, share: float, known: Pieces, fixed: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The mask without a random share of the pieces; special tokens stay, and a sentence never loses all its pieces.

    fixed: further pieces that stay, those of a prompt.
    """
    read = mask.bool() & ~torch.isin(ids, known.special)
    read = read if fixed is None else read & ~fixed
    return ids, _kept(mask, read, torch.rand(mask.shape, device=mask.device) >= share)


def word_deletion(ids: Tensor, mask: Tensor, share: float, known: Pieces) -> tuple[Tensor, Tensor]:
    """The text without a random share of its words: what stays moves up, so that no gap says where one was.

    Under `word_dropout` the pieces that stay keep their positions in the whole sentence.
    """
    read = mask.bool() & ~torch.isin(ids, known.special)
    word = known.begins[ids].long().cumsum(1)  # all pieces of a word have its number
    stays = torch.rand((len(ids), ids.shape[1] + 1), device=mask.device).gather(1, word) >= share
    return _closed(ids, _kept(mask, read, stays))


def shortened(ids: Tensor, mask: Tensor, longest: int, known: Pieces) -> tuple[Tensor, Tensor]:
    """The texts without the pieces at their end that are too many; special tokens stay."""
    read = mask.bool() & ~torch.isin(ids, known.special)
    room = longest - (mask.bool() & ~read).sum(1, keepdim=True)
    return _closed(ids, mask * ~(read & (read.cumsum(1) > room)))


def _closed(ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The pieces that are not masked, without gaps between them."""
    ids, mask, _ = placed(ids, mask)
    return ids, mask


def placed(ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The pieces that are not masked, without gaps between them, and the position of each in the text as it was."""
    order = mask.argsort(dim=1, descending=True, stable=True)[:, : int(mask.sum(1).amax())]
    return ids.gather(1, order), mask.gather(1, order), order


def _kept(mask: Tensor, read: Tensor, stays: Tensor) -> Tensor:
    """The mask of special tokens and of the pieces that stay, or of all pieces where none would."""
    left = read & stays
    return (mask.bool() & (left.where(left.any(1, keepdim=True), read) | ~read)).to(mask.dtype)


SHORTENS = ("word_deletion",)  # those that make a text shorter: it is cut after them, so that it is as long as others

AUGMENTATIONS: Mapping[str, Augmentation] = {
    "word_dropout": word_dropout,
    "word_deletion": word_deletion,
}
