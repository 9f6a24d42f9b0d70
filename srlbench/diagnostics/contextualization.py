"""Spurious contextualization: how training changes the variation of token vectors between contexts.

arXiv 2212.09170 studies how the self-similarity of a token changes in training. It does not publish how it turns that
into numbers, so the groups of tokens and the rank correlation here are our operationalisation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan

import torch
from scipy.stats import spearmanr

from srlbench.diagnostics.isotropy import Isotropy
from srlbench.errors import UsageError

# The closed classes of English grammar, one in each line, written for this module: not a published stop word list.
_CLOSED_CLASSES = """
a an the this that these those some any each every either neither both all no such
i you he she it we they me him her us them my your his its our their myself himself itself themselves
who whom whose which what where when why how there
of in on at by for with from to into onto over under between among through during before after about against
without within upon out off up down near across along
and or but nor so yet if because although though while than as unless until since whether
am is are was were be been being have has had having do does did will would shall should can could may might must
not
"""
FUNCTION_WORDS = frozenset(_CLOSED_CLASSES.split())
LEAST = 3  # tokens for a correlation


@dataclass(frozen=True)
class Change:
    """The change of each token's adjusted self-similarity; a positive one means its vectors moved together."""

    tokens: tuple[str, ...]  # in the tokenizer's spelling
    values: tuple[float, ...]
    kinds: tuple[str, ...]  # see `kind`, or "special"
    informed: int  # the number of tokens with known information
    information: float  # Spearman's correlation of the values with the information; nan where undefined

    def mean(self, kind: str) -> float:
        values = [value for value, other in zip(self.values, self.kinds) if other == kind]
        return sum(values) / len(values) if values else nan


def change(after: Isotropy, before: Isotropy, information: Mapping[str, float]) -> Change:
    """The change from a backbone (`before`) to its trained encoder (`after`) in the last layer.

    Both must be measured on the same texts with the same tokenizer. Tokens with only zero vectors are left out.
    information: a number, such as the IDF or -log p, of lower-case words or of tokens in the tokenizer's spelling.
    """
    ours, theirs = ((each.tokens, each.layout.tokens, each.layout.contexts) for each in (after, before))
    if ours != theirs:
        raise UsageError("Not the same tokens: compare an encoder with its own backbone, on the same texts.")
    if len(after.layers) != len(before.layers):
        raise UsageError(f"{len(after.layers)} layers and {len(before.layers)}: no encoder and its own backbone.")
    difference = after.layers[-1].adjusted - before.layers[-1].adjusted
    finite = torch.nonzero(difference.isfinite()).flatten().tolist()
    names = tuple(after.tokens[i] for i in finite)
    ids = (after.layout.tokens[i] for i in finite)
    values = tuple(difference[finite].tolist())
    content = [information.get(name, information.get(word(name))) for name in names]
    pairs = [(value, bits) for value, bits in zip(values, content) if bits is not None]
    return Change(
        tokens=names,
        values=values,
        kinds=tuple("special" if i in after.specials else kind(name) for i, name in zip(ids, names)),
        informed=len(pairs),
        information=_spearman(pairs),
    )


def kind(token: str) -> str:
    """The kind of a token that is not special: "function", "mark" (no letter or digit), or "content" for the rest.

    The inner pieces of a word are content. Some tokenizers mark the first piece of a word and not the inner ones
    (byte-level BPE, SentencePiece): there an inner piece that looks like a function word counts as one. Byte-level BPE
    spells marks outside ASCII with letters, so they are content.
    """
    if not any(letter.isalnum() for letter in word(token)):
        return "mark"
    return "function" if word(token) in FUNCTION_WORDS else "content"


def word(token: str) -> str:
    """The token in lower case, without the tokenizer's sign for the start of a word."""
    return token.lstrip("Ġ▁").lower()


def _spearman(pairs: list[tuple[float, float]]) -> float:
    if len(pairs) < LEAST or any(len(set(column)) < 2 for column in zip(*pairs)):
        return nan
    return float(spearmanr(*zip(*pairs)).statistic)
