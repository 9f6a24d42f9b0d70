"""The rows of one evaluation set, and the hash by which text is pinned."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
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

    @classmethod
    def of(cls, name: str, kind: Kind, splits: Mapping[str, Sequence[Sequence[Any]]]) -> Rows:
        """The set with these rows in its splits; each row has its values in the order of COLUMNS."""
        columns = {
            split: {key: [row[index] for row in rows] for index, key in enumerate(COLUMNS[kind])}
            for split, rows in splits.items()
        }
        return cls(name, kind, columns)

    def counts(self) -> dict[str, int]:
        return {split: len(next(iter(columns.values()))) for split, columns in self.splits.items()}

    def sha256(self) -> str:
        """The hash of all rows of all splits, in order; the kind determines the columns."""
        lines = (
            [split, *row]
            for split, columns in sorted(self.splits.items())
            for row in zip(*(columns[key] for key in COLUMNS[self.kind]), strict=True)
        )
        return digest(lines, f"{self.name}\n{self.kind}\n")


def digest(lines: Iterable[Sequence[Any]], head: str = "") -> str:
    """The SHA-256 of lines, each as a JSON array, after a head."""
    found = hashlib.sha256(head.encode())
    for line in lines:
        found.update(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return found.hexdigest()
