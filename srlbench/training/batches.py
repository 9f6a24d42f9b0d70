"""Training text as token ids: tokenised once, batched in a fixed order, padded to the longest of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

Views = tuple[list[int], ...]


class TokenisedText(Dataset[Views]):
    """Lines of token ids, one tuple of views a line; a twin is the same ids twice."""

    def __init__(
        self, lines: Sequence[tuple[str, ...]], tokenizer: PreTrainedTokenizerBase, max_length: int
    ) -> None:
        columns = [
            tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"]
            for texts in zip(*lines, strict=True)
        ]
        if len(columns) == 1:
            columns *= 2
        self.rows: list[Views] = list(zip(*columns, strict=True))
        self.views = len(columns)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Views:
        return self.rows[index]


def order(rows: int, batch_size: int, steps: int, seed: int) -> list[list[int]]:
    """The row numbers of every batch of the run: whole shuffled passes, short batches dropped."""
    generator = torch.Generator().manual_seed(seed)
    batches: list[list[int]] = []
    size = min(batch_size, rows)
    while len(batches) < steps:
        batches += [chunk.tolist() for chunk in torch.randperm(rows, generator=generator).split(size)][: rows // size]
    return batches[:steps]


class Padding:
    """Collates a batch: all first views, then all second ones, …, as one padded block."""

    valid_label_columns: tuple[str, ...] = ()

    def __init__(self, pad: int) -> None:
        self.pad = pad

    def __call__(self, batch: list[Views]) -> dict[str, Any]:
        ids = [view for views in zip(*batch, strict=True) for view in views]
        longest = max(map(len, ids))
        block = torch.full((len(ids), longest), self.pad)
        mask = torch.zeros((len(ids), longest), dtype=torch.long)
        for row, view in enumerate(ids):
            block[row, : len(view)] = torch.tensor(view)
            mask[row, : len(view)] = 1
        # sentence-transformers finds the columns of a view by this suffix.
        return {"views_input_ids": block, "views_attention_mask": mask}


