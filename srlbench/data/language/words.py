"""The information of each word of the training text, from the file `words.tsv`, which `gain` computes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import log2


@dataclass(frozen=True)
class Information:
    """The information of one word, in bits.

    probability: of this word when one word of the training text is drawn.
    self_information: -log2 of the probability.
    gain: KL(P(M | the word occurs in the sentence) || P(M)), where M is the whole meaning frame of the sentence.
    """

    probability: float
    self_information: float
    gain: float


@cache
def information() -> dict[str, Information]:
    """Word of the training text -> its information."""
    table: dict[str, Information] = {}
    for line in (files(__package__) / "words.tsv").read_text("utf-8").splitlines():
        word, probability, gain = line.split("\t")
        p = float(probability)
        table[word] = Information(p, -log2(p), float(gain))
    return table
