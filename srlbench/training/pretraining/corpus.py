"""A corpus on disk as token ids, and the order in which masked-language-model training reads it."""

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
    """Tokenised lines: all token ids in one array, the start of each line, and which are generated or held out."""

    tokenizer: Tokenizer
    tokens: npt.NDArray[np.uint16]
    starts: Ints  # of each line, and the end of the last one
    generated: Flags
    heldout: Flags
    facts: dict[str, Any]

    @property
    def lengths(self) -> Ints:
        return np.diff(self.starts)

    def rows(self, lines: Ints) -> Ints:
        """The token ids of these lines, one line in each row, padded at the end."""
        lengths = self.lengths[lines]
        columns = np.arange(lengths.max())
        inside = columns < lengths[:, None]
        positions = np.where(inside, self.starts[lines][:, None] + columns, 0)
        return np.where(inside, self.tokens[positions], PAD).astype(np.int64)

    def epoch(self, share: float, batch: int, rng: np.random.Generator) -> list[Ints]:
        """One epoch: every training line of the files once, in batches of at most `batch` tokens and similar lengths.

        `share` of the tokens are generated; the generated lines are repeated as often as this needs.
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
    """The non-blank lines of a text file, which may be gzipped."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise UsageError(f"Cannot read the corpus file '{path}': {error}.") from error
    # splitlines() would also split at U+2028, which Wikipedia has inside sentences.
    return [line for line in map(str.strip, text.split("\n")) if line]


@dataclass(frozen=True)
class Text:
    """The text of a corpus: files, generated lines, and the `letters` of the sentences to leave out."""

    files: tuple[Path, ...]
    generated: Callable[[], list[str]]
    apart: frozenset[str] = frozenset()


def prepare(text: Text, size: int, longest: int, folder: Path, report: Callable[[str], None]) -> Corpus:
    """The corpus of a text in `size` word pieces; it is saved in `folder` and read from there the next time."""
    if not (folder / "facts.json").exists():
        lines, facts = _gather(text.files, text.generated(), text.apart, report)
        report(f"learning {size} word pieces from {len(lines):,} lines")
        first = len(lines) - facts["generated"]["lines"]
        # The analyses know the true weight of whole words of the language, so the tokenizer must not split them.
        tokenizer = learn(count(lines), size, count(lines[first:]))
        report("tokenising")
        tokens, starts = _encode(tokenizer, lines, longest)
        heldout = np.fromiter((zlib.crc32(line.encode()) % 100 == 0 for line in lines), dtype=np.bool_)
        tokenizer.save(str(folder / "tokenizer.json"))
        np.save(folder / "tokens.npy", tokens)
        np.savez(
            folder / "lines.npz",
            starts=starts,
            generated=np.arange(len(lines)) >= first,
            heldout=heldout,
        )
        facts |= {"tokens": len(tokens), "heldout_lines": int(heldout.sum())}
        (folder / "facts.tmp").write_text(json.dumps(facts))
        os.replace(folder / "facts.tmp", folder / "facts.json")
    saved = np.load(folder / "lines.npz")
    return Corpus(
        Tokenizer.from_file(str(folder / "tokenizer.json")),
        np.load(folder / "tokens.npy", mmap_mode="r"),
        saved["starts"],
        saved["generated"],
        saved["heldout"],
        json.loads((folder / "facts.json").read_text()),
    )


def _gather(
    files: tuple[Path, ...], generated: list[str], apart: frozenset[str], report: Callable[[str], None]
) -> tuple[list[str], dict[str, Any]]:
    """All lines, the generated ones last, and the facts about them for the card."""
    lines: list[str] = []
    entries = []
    for path in files:
        report(f"reading {path.name}")
        whole = read(path)
        rest = [line for line in whole if letters(line) not in apart] if apart else whole
        entry = {"name": path.name, "sha256": file_hash(path), "lines": len(whole)}
        entries.append({**entry, "left_out": len(whole) - len(rest)} if apart else entry)
        lines += rest
    digest = hashlib.sha256("\n".join(generated).encode()).hexdigest()
    facts: dict[str, Any] = {"files": entries, "generated": {"lines": len(generated), "sha256": digest}}
    if apart:
        facts["apart"] = {"sentences": len(apart)}
    return lines + generated, facts


def _encode(tokenizer: Tokenizer, lines: list[str], longest: int) -> tuple[npt.NDArray[np.uint16], Ints]:
    def rows(size: int = 10_000) -> Iterator[list[int]]:
        for first in range(0, len(lines), size):
            for encoding in tokenizer.encode_batch_fast(lines[first : first + size], add_special_tokens=False):
                yield [CLS, *encoding.ids[: longest - 2], SEP]

    encoded = [np.array(row, dtype=np.uint16) for row in rows()]
    starts = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return np.concatenate(encoded), starts


def letters(line: str) -> str:
    """The letters and digits of a sentence, which are the same in any casing and tokenisation."""
    return "".join(filter(str.isalnum, line.casefold()))


def file_hash(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"Cannot read '{path}': {error.strerror}.") from error
