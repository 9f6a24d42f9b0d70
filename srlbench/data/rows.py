"""The rows of one evaluation set, and the hash that pins them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["sts", "classification", "pair-classification"]
Columns = Mapping[str, Sequence[Any]]

COLUMNS: dict[str, tuple[str, ...]] = {
    "sts": ("sentence1", "sentence2", "score", "subset"),
    "classification": ("text", "label"),
    "pair-classification": ("sentence1", "sentence2", "label"),
}


@dataclass(frozen=True)
class Rows:
    """One evaluation set: its kind and, for each split, its columns, which all have the same length."""

    name: str
    kind: Kind
    splits: Mapping[str, Columns]

    def counts(self) -> dict[str, int]:
        return {split: len(next(iter(columns.values()))) for split, columns in self.splits.items()}

    def sha256(self) -> str:
        """The hash of all rows of all splits, in order; the kind determines the columns."""
        digest = hashlib.sha256(f"{self.name}\n{self.kind}\n".encode())
        for split in sorted(self.splits):
            columns = self.splits[split]
            for row in zip(*(columns[key] for key in COLUMNS[self.kind]), strict=True):
                line = json.dumps([split, *row], ensure_ascii=False, separators=(",", ":"))
                digest.update(line.encode() + b"\n")
        return digest.hexdigest()
