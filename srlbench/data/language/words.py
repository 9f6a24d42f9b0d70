"""What each word of the training text tells, read from `words.tsv`, which `gain` computes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import log2


@dataclass(frozen=True)
class Information:
    """What one word tells, in bits.

    probability: of drawing this word when drawing a word of the training text.
    self_information: -log2 of it.
    gain: KL(P(M | the word occurs in the sentence) || P(M)), M being the sentence's whole meaning frame.
    """

    probability: float
    self_information: float
    gain: float


@cache
def information() -> dict[str, Information]:
    """Every word of the training text with what it tells."""
    found: dict[str, Information] = {}
    for line in (files(__package__) / "words.tsv").read_text("utf-8").splitlines():
        word, probability, gain = line.split("\t")
        p = float(probability)
        found[word] = Information(p, -log2(p), float(gain))
    return found
