"""Training text as token ids: tokenised once, put into batches in a fixed order, and padded in each batch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from sentence_transformers.sentence_transformer.data_collator import SentenceTransformerDataCollator
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import pad as pad_to
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from srlbench.errors import UsageError
from srlbench.recipe import View
from srlbench.shared import once
from srlbench.training.augment import placed

Views = tuple[list[int], ...]
Block = dict[str, Tensor]  # rows of token ids and their attention mask


class TokenisedText(Dataset[Views]):
    """The lines of a training text as token ids: one tuple of views per line; two dropout views have the same ids.

    ahead: how many times as long a text may be here as in the encoder; whoever asks for more cuts it later.
    views: how each view is made of the columns; (): a view is a column, or the one column twice.
    """

    def __init__(
        self,
        lines: Sequence[tuple[str, ...]],
        tokenizer: PreTrainedTokenizerBase | Tokenizer,
        max_length: int,
        ahead: int = 1,
        views: Sequence[View] = (),
    ) -> None:
        self.lines = lines
        self.longest = positions(tokenizer, max_length)
        cut = ahead * self.longest
        texts = list(zip(*lines, strict=True))
        columns = []
        for text, template in [(rewritten(texts, v), v.prompt) for v in views] or [(text, None) for text in texts]:
            made = partial(ids, tokenizer, text, cut, template)
            columns.append(once("text", made, text, tokenizer, cut, *([template] if template else [])))
        self.pad = pad(tokenizer)
        if len(columns) == 1 and not views:
            columns *= 2
        self.rows: list[Views] = list(zip(*columns, strict=True))
        self.views = len(columns)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Views:
        return self.rows[index]


def rewritten(texts: Sequence[tuple[str, ...]], view: View) -> tuple[str, ...]:
    """The column of a view, each text rewritten as the view says."""
    if view.column >= len(texts):
        raise UsageError(f"A view is made of column {view.column}, and the training text has {len(texts)}.")
    if view.rewrite is None:
        return texts[view.column]
    change = partial(view.rewrite.load(), **view.rewrite.arguments)
    return tuple(change(text) for text in texts[view.column])


def ids(tokenizer: Any, texts: Sequence[str], max_length: int, template: str | None = None) -> list[list[int]]:
    """The token ids of each text; static embeddings have a bare tokenizer, which adds no special tokens.

    template: what is around each text, which is cut at `max_length` pieces without it.
    """
    if template is not None:
        return prompted(tokenizer, texts, max_length, template)
    if isinstance(tokenizer, Tokenizer):
        return [encoding.ids[:max_length] for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
    return list(tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"])


def prompted(tokenizer: Any, texts: Sequence[str], max_length: int, template: str) -> list[list[int]]:
    """The token ids of each text inside a template with {text}, cut so that both have positions in the backbone."""
    before, after = frame(tokenizer, template)
    room = min(max_length, int(tokenizer.model_max_length) - len(before) - len(after))
    inner = tokenizer(list(texts), truncation=True, max_length=max(room, 0), add_special_tokens=False)["input_ids"]
    return [[*before, *text, *after] for text in inner]


def frame(tokenizer: Any, template: str) -> tuple[list[int], list[int]]:
    """The token ids before and after a text in a template with {text}, special tokens included."""
    if isinstance(tokenizer, Tokenizer):
        raise UsageError("Word vectors read no prompt: every word of it would be the same in each vector.")
    mask = tokenizer.mask_token or ""
    before, after = template.replace("[MASK]", mask).split("{text}")
    start, end = (tokenizer(part, add_special_tokens=False)["input_ids"] for part in (before, after))
    first, last = around(tokenizer)
    return [*first, *start], [*end, *last]


def around(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The special tokens before and after a text."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    place = next(i for i in range(len(whole)) if whole[i : i + len(bare)] == bare)
    return whole[:place], whole[place + len(bare) :]


def positions(tokenizer: Any, length: int) -> int:
    """The number of pieces that a text is cut at: as asked, or what the backbone has positions for."""
    return length if isinstance(tokenizer, Tokenizer) else min(length, int(tokenizer.model_max_length))


def pad(tokenizer: Any) -> int:
    if isinstance(tokenizer, Tokenizer):
        return tokenizer.token_to_id("[PAD]") or 0
    return int(tokenizer.pad_token_id)


def special(tokenizer: Any) -> list[int]:
    """The ids of special tokens, which stand for no word; the texts of static embeddings have none."""
    return [] if isinstance(tokenizer, Tokenizer) else list(tokenizer.all_special_ids)


def order(rows: int, batch_size: int, steps: int, seed: int) -> list[list[int]]:
    """The row numbers of every batch of a training: whole shuffled epochs without their last, shorter batches."""
    generator = torch.Generator().manual_seed(seed)
    batches: list[list[int]] = []
    size = min(batch_size, rows)
    while len(batches) < steps:
        batches += [chunk.tolist() for chunk in torch.split(torch.randperm(rows, generator=generator), size)][
            : rows // size
        ]
    return batches[:steps]


class Padding(SentenceTransformerDataCollator):
    """A collator that splits a batch into `groups` blocks of similar length, each padded to its longest text.

    The blocks hold all views of all rows. To pad the whole batch to its longest sentence would double the work.
    """

    def __init__(self, pad: int, groups: int) -> None:
        super().__init__(preprocess_fn=lambda texts: {})
        self.pad, self.groups = pad, groups

    def __call__(self, features: list[Any]) -> dict[str, Any]:
        ids = [view for views in zip(*features, strict=True) for view in views]
        by_length = sorted(range(len(ids)), key=lambda row: len(ids[row]))
        size = -(-len(ids) // self.groups)
        out: dict[str, Any] = {}
        for start in range(0, len(ids), size):
            block, mask = self._block([ids[row] for row in by_length[start : start + size]])
            # sentence-transformers recognises the inputs of a forward pass by these suffixes.
            out |= {f"{start}_input_ids": block, f"{start}_attention_mask": mask}
        return {**out, "label": torch.tensor(by_length).argsort()}  # the positions that restore the order of the batch

    def _block(self, ids: list[list[int]]) -> tuple[Tensor, Tensor]:
        longest = max(map(len, ids))
        block = torch.tensor([view + [self.pad] * (longest - len(view)) for view in ids])
        mask = torch.tensor([[1] * len(view) + [0] * (longest - len(view)) for view in ids])
        return block, mask


def stack(blocks: list[Block]) -> tuple[Tensor, Tensor]:
    """The token ids and masks of all rows, padded to the widest."""
    widest = max(block["input_ids"].shape[1] for block in blocks)
    ids, mask = (
        torch.cat([pad_to(block[key], (0, widest - block[key].shape[1])) for block in blocks])
        for key in ("input_ids", "attention_mask")
    )
    return ids, mask


def by_length(blocks: list[Block]) -> tuple[list[Block], Tensor]:
    """As many blocks of the same rows without the masked pieces, by length, and where each row went.

    Each piece has the position that it had; see `objective.ensure_positions`.
    """
    ids, mask = stack(blocks)
    order = mask.sum(1).argsort(stable=True)
    parts = order.tensor_split(len(blocks))
    out = [dict(zip(("input_ids", "attention_mask", "position_ids"), placed(ids[p], mask[p]))) for p in parts]
    return out, order.argsort()
