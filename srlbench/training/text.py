"""Texts as token ids, row by row, and what an augmentation knows of the vocabulary."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from torch import Tensor, nn
from torch.nn.functional import pad

from srlbench.errors import UsageError
from srlbench.training.augment import Pieces
from srlbench.training.augment import placed as closed
from srlbench.training.batches import Block, stack


@dataclass(frozen=True)
class Text:
    """Sentences as token ids, a row each.

    scale and shift: what the vectors of the embedding layer are multiplied with, and what is added to them. fixed: the
    pieces of a prompt, which no augmentation changes.
    """

    ids: Tensor  # (n, w)
    mask: Tensor  # (n, w): 1 where a piece is read
    positions: Tensor | None = None  # (n, w); None: 0, 1, 2, ...
    scale: Tensor | None = None  # (n, w or 1, d or 1)
    shift: Tensor | None = None  # (n, w, d)
    fixed: Tensor | None = None  # (n, w), boolean

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> Tensor:
        return self.mask.sum(1)

    def with_(self, **changes: Tensor) -> Text:
        return replace(self, **changes)

    def rows(self, rows: Tensor, width: int | None = None) -> Text:
        """Some of the rows, cut at a width."""
        taken = {f.name: value[rows] for f in fields(self) if (value := getattr(self, f.name)) is not None}
        return Text(**{key: value[:, :width] if value.shape[1] > 1 else value for key, value in taken.items()})

    def placed(self) -> Tensor:
        """The position of each piece."""
        whole = torch.arange(self.ids.shape[1], device=self.ids.device).expand_as(self.ids)
        return whole if self.positions is None else self.positions

    def closed(self, *, placed: bool = False) -> Text:
        """The same without the pieces that are not read: what follows moves up. placed: each keeps its position."""
        ids, mask, order = closed(self.ids, self.mask)
        taken: dict[str, Any] = {"ids": ids, "mask": mask}
        if self.fixed is not None:
            taken["fixed"] = self.fixed.gather(1, order)
        if placed:
            taken["positions"] = self.placed().gather(1, order)
        for name in ("scale", "shift"):
            value = getattr(self, name)
            if value is not None and value.shape[1] > 1:
                value = value.gather(1, order.unsqueeze(-1).expand(-1, -1, value.shape[2]))
            taken[name] = value
        return Text(**taken)

    def inside(self, before: int, after: int) -> Text:
        """The same, with so many pieces at the beginning and at the end fixed: those of a prompt."""
        place = torch.arange(self.ids.shape[1], device=self.ids.device)
        end = self.lengths.unsqueeze(1) - after
        return self.with_(fixed=((place < before) | (place >= end)) & self.mask.bool())


@dataclass(frozen=True)
class Vocabulary:
    """What an augmentation knows: special tokens, the beginnings of words, the mask, the width of the embeddings."""

    pieces: Pieces
    mask: int | None  # the id of the token that stands for a hidden word
    size: int
    width: int

    def words(self, text: Text) -> Tensor:
        """Where a piece of a word is read, and no special token: (n, w), boolean."""
        words = text.mask.bool() & ~torch.isin(text.ids, self.pieces.special.to(text.ids.device))
        return words if text.fixed is None else words & ~text.fixed


def vocabulary(model: SentenceTransformer, pieces: Pieces) -> Vocabulary:
    tokenizer: Any = model.tokenizer
    if isinstance(model[0], Transformer):
        table: Any = model[0].model.get_input_embeddings().weight
        return Vocabulary(pieces, tokenizer.mask_token_id, *table.shape)
    words: Any = model[0]
    return Vocabulary(pieces, tokenizer.token_to_id("[MASK]"), words.num_embeddings, words.embedding_dim)


def stacked(blocks: list[Block], labels: Tensor) -> Text:
    """The rows of the blocks in the order of the labels."""
    ids, mask = stack(blocks)
    return Text(ids[labels], mask[labels])


def blocks(text: Text, count: int) -> tuple[list[Block], Tensor]:
    """The text in blocks of rows of like length, and the position in them of each row."""
    order = text.lengths.argsort(stable=True)
    out = []
    for rows in order.tensor_split(min(count, len(text))):
        part = text.rows(rows, max(1, int(text.lengths[rows].amax())) if _left(text) else None)
        out.append({name: value for f, name in NAMES.items() if (value := getattr(part, f)) is not None})
    return out, order.argsort()


# What an encoder is given of a text, and under which name.
NAMES = {"ids": "input_ids", "mask": "attention_mask", "positions": "position_ids", "scale": "scale", "shift": "shift"}


def _left(text: Text) -> bool:
    """Whether all pieces that are read stand before those that are not."""
    return bool((text.mask[:, 1:] <= text.mask[:, :-1]).all())


def joined(texts: list[Text]) -> Text:
    """Texts one below the other; what one of them lacks is filled in."""
    widest = max(text.ids.shape[1] for text in texts)
    out: dict[str, Tensor] = {}
    for name in ("ids", "mask"):
        out[name] = torch.cat([pad(getattr(t, name), (0, widest - t.ids.shape[1])) for t in texts])
    if any(text.positions is not None for text in texts):
        out["positions"] = torch.cat([pad(t.placed(), (0, widest - t.ids.shape[1])) for t in texts])
    for name, empty in (("scale", 1.0), ("shift", 0.0)):
        given = [value for text in texts if (value := getattr(text, name)) is not None]
        if given:
            width = max(value.shape[2] for value in given)
            parts = []
            for text in texts:
                value = getattr(text, name)
                value = torch.full((len(text), 1, 1), empty) if value is None else value
                value = value.expand(-1, text.ids.shape[1], width)
                parts.append(pad(value, (0, 0, 0, widest - text.ids.shape[1]), value=empty))
            out[name] = torch.cat(parts)
    return Text(**out)


def masked(text: Text, known: Vocabulary, share: float, generator: torch.Generator) -> tuple[Text, Tensor]:
    """The text with a share of its words hidden as BERT hides them, and which: 80% masked, 10% others, 10% as is."""
    draws, kind = (torch.rand(text.ids.shape, generator=generator).to(text.ids.device) for _ in range(2))
    other = torch.randint(known.size, text.ids.shape, generator=generator).to(text.ids.device)
    hidden = known.words(text) & (draws < share)
    mask = torch.full_like(text.ids, known.mask or 0)
    return text.with_(ids=text.ids.where(~hidden | (kind >= 0.9), mask.where(kind < 0.8, other))), hidden


def states(transformer: Transformer, text: Text) -> Tensor:
    """The last hidden states of all pieces, (n, w, d)."""
    names = {NAMES[key]: value for key in ("ids", "mask", "positions") if (value := getattr(text, key)) is not None}
    with _changed(transformer, text.scale, text.shift):
        out: Tensor = transformer(names)["token_embeddings"]
    return out


def read(model: SentenceTransformer, block: Block) -> dict[str, Any]:
    """The output of an encoder for a block, whose embeddings are scaled and shifted if it says so."""
    block = dict(block)
    scale, shift = block.pop("scale", None), block.pop("shift", None)
    if not isinstance(model[0], Transformer):
        if scale is not None or shift is not None or "position_ids" in block:
            raise UsageError("Word vectors have no positions and no embedding layer that an augmentation could change.")
        return dict(model(block))
    with _changed(model[0], scale, shift):
        return dict(model(block))


@contextmanager
def _changed(transformer: Transformer, scale: Tensor | None, shift: Tensor | None) -> Iterator[None]:
    """Inside, the output of the embedding layer is scaled and shifted."""
    if scale is None and shift is None:
        yield
        return
    layer = getattr(transformer.model, "embeddings", None)
    layer = layer if isinstance(layer, nn.Module) else transformer.model.get_input_embeddings()

    def change(module: nn.Module, given: Any, out: Tensor) -> Tensor:
        out = out if scale is None else out * scale
        return out if shift is None else out + shift

    hook = layer.register_forward_hook(change)
    try:
        yield
    finally:
        hook.remove()
