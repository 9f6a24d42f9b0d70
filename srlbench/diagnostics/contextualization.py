"""Spurious contextualization: tokens whose vectors vary from context to context more, or less, than they did before.

arXiv 2212.09170 looks at how a token's self-similarity changes in training; how it condenses that into numbers is not
published, so the groups of tokens and the rank correlation here are our operationalisation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import Any

import torch
from scipy.stats import spearmanr

from srlbench.diagnostics.isotropy import Isotropy, known
from srlbench.errors import UsageError

# Written for this module from the closed classes of English grammar, a line each; no published list of stop words.
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
KINDS = ("function", "content", "mark", "special")
LEAST = 3  # tokens a correlation is of


@dataclass(frozen=True)
class Change:
    """How much a token's adjusted self-similarity rose: its vectors gathered where it is positive."""

    layer: int
    tokens: tuple[str, ...]  # as the tokenizer spells them
    values: tuple[float, ...]
    kinds: tuple[str, ...]  # one of KINDS
    informed: int  # tokens whose information is known
    information: float  # Spearman's correlation of the values with it; nan where undefined

    def mean(self, kind: str) -> float:
        own = [value for value, other in zip(self.values, self.kinds) if other == kind]
        return sum(own) / len(own) if own else nan

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON: None where undefined."""
        return {
            "layer": self.layer,
            **{kind: {"count": self.kinds.count(kind), "mean": known(self.mean(kind))} for kind in KINDS},
            "information": {"count": self.informed, "spearman": known(self.information)},
            "tokens": dict(zip(self.tokens, self.values)),
        }


def change(
    after: Isotropy, before: Isotropy, *, layer: int = -1, information: Mapping[str, float] | None = None
) -> Change:
    """From an encoder's backbone to the encoder, at one layer (the last), on the same texts with the same tokenizer.

    information: of words in lower case, or of tokens as the tokenizer spells them, such as their IDF or -log p.
    Tokens whose vectors are all zero, before or after, are left out.
    """
    if (after.tokens, after.layout.tokens, after.layout.contexts) != (
        before.tokens,
        before.layout.tokens,
        before.layout.contexts,
    ):
        raise UsageError("Not the same tokens: compare an encoder with its own backbone, on the same texts.")
    if len(after.layers) != len(before.layers):
        raise UsageError(f"{len(after.layers)} layers and {len(before.layers)}: no encoder and its own backbone.")
    if not -len(after.layers) <= layer < len(after.layers):
        raise UsageError(f"There is no layer {layer}: there are {len(after.layers)}, counted from 0.")
    rise = after.layers[layer].adjusted - before.layers[layer].adjusted
    kept = torch.nonzero(rise.isfinite()).flatten().tolist()
    names = tuple(after.tokens[i] for i in kept)
    ids = (after.layout.tokens[i] for i in kept)
    values = tuple(rise[kept].tolist())
    content = [_look_up(information or {}, name) for name in names]
    pairs = [(value, bits) for value, bits in zip(values, content) if bits is not None]
    return Change(
        layer=layer % len(after.layers),
        tokens=names,
        values=values,
        kinds=tuple("special" if i in after.specials else kind(name) for i, name in zip(ids, names)),
        informed=len(pairs),
        information=_spearman(pairs),
    )


def kind(token: str) -> str:
    """Of a token that is not special: a function word, a mark (no letter or digit), or anything else.

    The inner pieces of a word are content. Where the tokenizer marks the first piece of a word and not the inner ones
    (byte-level BPE, SentencePiece), an inner piece spelt as a function word is taken for one. Marks outside ASCII,
    which byte-level BPE spells in letters, are content.
    """
    if not any(letter.isalnum() for letter in word(token)):
        return "mark"
    return "function" if word(token) in FUNCTION_WORDS else "content"


def word(token: str) -> str:
    """The token without the sign that a word starts here, in lower case."""
    return token.lstrip("Ġ▁").lower()


def _look_up(information: Mapping[str, float], token: str) -> float | None:
    return information.get(token, information.get(word(token)))


def _spearman(pairs: list[tuple[float, float]]) -> float:
    if len(pairs) < LEAST or any(len(set(column)) < 2 for column in zip(*pairs)):
        return nan
    return float(spearmanr(*zip(*pairs)).statistic)
