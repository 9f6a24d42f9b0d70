"""A generated English-like language: training text, triplets, fourteen tasks, and what each word tells.

Every sentence is put into words from a meaning frame, so what it means is known exactly. All text follows
from (`VERSION`, seed), byte for byte, and no evaluation sentence is a training sentence: a third of all pairs
of verb and object, and of thing and judgement, occur in evaluation only.
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
    """Training text: the first `n` sentences of the endless text of this seed."""
    return tuple(_text.sentences(n, seed, VERSION))


@cache
def triplets(n: int, seed: int = 0) -> tuple[tuple[str, str, str], ...]:
    """Anchor, entailed, contradicted: the first `n` triplets of the endless list of this seed."""
    return tuple(_text.triplets(n, seed, VERSION))


@cache
def task(name: str) -> Rows:
    """One evaluation set, the same whatever was generated before."""
    return _tasks.task(name, VERSION)


def information() -> dict[str, Information]:
    """Word -> its exact probability in the training text and its information gain about the frame, in bits.

    The gain is KL(P(meaning | word in sentence) || P(meaning)); module `gain` says it precisely.
    """
    return _words.information()
