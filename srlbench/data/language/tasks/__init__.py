"""The fourteen generated evaluation sets, named after the real sets that they imitate."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ...rows import Rows
from . import genres, questions, reviews, similarity

_MAKERS: dict[str, Callable[[str, Random], Rows]] = {
    **dict.fromkeys(genres.SETS, similarity.make),
    "GenMR": reviews.movie_reviews,
    "GenCR": reviews.customer_reviews,
    "GenSUBJ": reviews.subjectivity,
    "GenMPQA": reviews.phrases,
    "GenSST2": reviews.sentiment,
    "GenTREC": questions.questions,
    "GenMRPC": similarity.paraphrases,
}
TASKS = tuple(_MAKERS)


def task(name: str, version: int) -> Rows:
    if name not in _MAKERS:
        raise KeyError(f"Unknown generated task {name!r}. Known: {', '.join(TASKS)}")
    return _MAKERS[name](name, Random(f"srlbench language {version} task {name}"))
