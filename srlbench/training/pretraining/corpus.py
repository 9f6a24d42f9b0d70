"""Text as token numbers on disk, and the order in which masked-language-model training reads it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from srlbench.errors import UsageError
from srlbench.training.pretraining.vocabulary import CLS, PAD, SEP, count, learn

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Corpus:
    """Numbered lines: all tokens in one array, where each line starts, and which lines are what."""

    tokenizer: Tokenizer
    tokens: npt.NDArray[np.uint16]
    starts: Ints  # one more than there are lines
    generated: Flags
    heldout: Flags
    facts: dict[str, Any]

    @property
    def lengths(self) -> Ints:
        return np.diff(self.starts)

    def rows(self, lines: Ints) -> Ints:
        """The token numbers of these lines, one a row, padded at the end."""
        lengths = self.lengths[lines]
        columns = np.arange(lengths.max())
        inside = columns < lengths[:, None]
        where = np.where(inside, self.starts[lines][:, None] + columns, 0)
        return np.where(inside, self.tokens[where], PAD).astype(np.int64)

    def epoch(self, share: float, batch: int, rng: np.random.Generator) -> list[Ints]:
        """Each training line of the files once, in batches of at most `batch` tokens of nearly one length.

        `share` of the tokens are generated: their lines are read as often as that takes.
        """
        kinds = [np.flatnonzero(~self.heldout & (self.generated == kind)) for kind in (False, True)]
        real, generated = kinds
        if len(real) and len(generated):
            wanted = share / (1 - share) * self.lengths[real].sum() / self.lengths[generated].mean()
            rounds = [rng.permutation(generated) for _ in range(int(wanted) // len(generated) + 1)]
            kinds[1] = np.concatenate(rounds)[: int(wanted)]
        lines = rng.permutation(np.concatenate(kinds))
        lines = lines[np.argsort(-self.lengths[lines], kind="stable")]
        batches, first = [], 0
        while first < len(lines):
            last = first + max(1, batch // int(self.lengths[lines[first]]))
            batches.append(lines[first:last])
            first = last
        return [batches[i] for i in rng.permutation(len(batches))]


def read(path: Path) -> list[str]:
    """The lines of a text file that are not blank; the file may be gzipped."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise UsageError(f"Cannot read the corpus file '{path}': {error}.") from error
    # Not splitlines(): Wikipedia has U+2028 inside sentences.
    return [line for line in map(str.strip, text.split("\n")) if line]


@dataclass(frozen=True)
class Text:
    """What a corpus is made of: files, generated lines, and the letters of sentences that are left out."""

    files: tuple[Path, ...]
    generated: Callable[[], list[str]]
    apart: frozenset[str] = frozenset()


def prepare(text: Text, size: int, longest: int, folder: Path, report: Callable[[str], None]) -> Corpus:
    """The corpus of a text, in `size` word pieces; kept in `folder`, from where it is read again."""
    if not (folder / "facts.json").exists():
        lines, facts = _gather(text.files, text.generated(), text.apart, report)
        report(f"learning {size} word pieces from {len(lines):,} lines")
        spoken = facts["generated"]["lines"]
        # A word of the language that is split would be no word to the analyses that know its true weight.
        tokenizer = learn(count(lines), size, count(lines[len(lines) - spoken :]))
        report("tokenising")
        tokens, starts = _encode(tokenizer, lines, longest)
        held = np.fromiter((zlib.crc32(line.encode()) % 100 == 0 for line in lines), dtype=np.bool_)
        tokenizer.save(str(folder / "tokenizer.json"))
        np.save(folder / "tokens.npy", tokens)
        np.savez(
            folder / "lines.npz",
            starts=starts,
            generated=np.arange(len(lines)) >= len(lines) - spoken,
            heldout=held,
        )
        facts |= {"tokens": len(tokens), "heldout_lines": int(held.sum())}
        (folder / "facts.tmp").write_text(json.dumps(facts))
        os.replace(folder / "facts.tmp", folder / "facts.json")
    kept = np.load(folder / "lines.npz")
    return Corpus(
        Tokenizer.from_file(str(folder / "tokenizer.json")),
        np.load(folder / "tokens.npy", mmap_mode="r"),
        kept["starts"],
        kept["generated"],
        kept["heldout"],
        json.loads((folder / "facts.json").read_text()),
    )


def _gather(
    files: tuple[Path, ...], generated: list[str], apart: frozenset[str], report: Callable[[str], None]
) -> tuple[list[str], dict[str, Any]]:
    """All lines, the generated ones last, and what they are."""
    lines: list[str] = []
    entries = []
    for path in files:
        report(f"reading {path.name}")
        found = read(path)
        kept = [line for line in found if letters(line) not in apart] if apart else found
        entry = {"name": path.name, "sha256": file_hash(path), "lines": len(found)}
        entries.append({**entry, "left_out": len(found) - len(kept)} if apart else entry)
        lines += kept
    digest = hashlib.sha256("\n".join(generated).encode()).hexdigest()
    facts: dict[str, Any] = {"files": entries, "generated": {"lines": len(generated), "sha256": digest}}
    if apart:
        facts["apart"] = {"sentences": len(apart)}
    return lines + generated, facts


def _encode(tokenizer: Tokenizer, lines: list[str], longest: int) -> tuple[npt.NDArray[np.uint16], Ints]:
    def rows(size: int = 10_000) -> Iterator[list[int]]:
        for first in range(0, len(lines), size):
            for found in tokenizer.encode_batch_fast(lines[first : first + size], add_special_tokens=False):
                yield [CLS, *found.ids[: longest - 2], SEP]

    numbered = [np.array(row, dtype=np.uint16) for row in rows()]
    starts = np.cumsum([0, *map(len, numbered)], dtype=np.int64)
    return np.concatenate(numbered), starts


def letters(line: str) -> str:
    """What is left of a sentence in any casing and tokenisation."""
    return "".join(filter(str.isalnum, line.casefold()))


def file_hash(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"Cannot read '{path}': {error.strerror}.") from error
