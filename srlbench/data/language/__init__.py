"""A generated English-like language: training text, triplets, fourteen tasks, and the information of each word.

Every sentence is generated from a meaning frame, so its meaning is known exactly. (`VERSION`, seed) determine
all text, byte for byte. No evaluation sentence is a training sentence: a third of all pairs of verb and object,
and of thing and judgement, occur in evaluation only.
"""

from __future__ import annotations

from functools import cache

from ..rows import Rows
from . import tasks as _tasks
from . import text as _text
from . import words as _words

__all__ = ("TASKS", "VERSION", "Information", "information", "sentences", "task", "triplets")

Information = _words.Information
VERSION: int = 1
TASKS: tuple[str, ...] = _tasks.TASKS


@cache
def sentences(n: int, seed: int = 0) -> tuple[str, ...]:
    """Training text: the first `n` sentences of the infinite text of this seed."""
    return tuple(_text.sentences(n, seed, VERSION))


@cache
def triplets(n: int, seed: int = 0) -> tuple[tuple[str, str, str], ...]:
    """The first `n` triplets (anchor, entailed, contradicting) of the infinite list of this seed."""
    return tuple(_text.triplets(n, seed, VERSION))


@cache
def task(name: str) -> Rows:
    """One evaluation set, which does not depend on what was generated before."""
    return _tasks.task(name, VERSION)


def information() -> dict[str, Information]:
    """The exact information of each word of the training text, in bits.

    The gain is KL(P(meaning | word in sentence) || P(meaning)); module `gain` defines it precisely.
    """
    return _words.information()
