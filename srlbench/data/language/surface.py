"""The probability that a concept puts a word into a sentence, from the probabilities of the generator."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache, lru_cache

from srlbench.data.language.adding import total

from .events import ONE
from .lexicon import Concept
from .morphology import article, plural, verb_forms
from .realise import SHIFTED, SHIFTS, fillers, synonyms

_WORD = re.compile(r"[a-z]+(?:['-][a-z]+)*")
ARTICLES = ("a", "an")


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return _WORD.findall(text.lower())


Said = tuple[tuple[float, Counter[str]], ...]  # the ways to express something: the probability and words of each


@cache
def ways(concept: Concept | None, form: str = "") -> Said:
    """The ways to express a concept, in its base form, in the plural ("many") or in a verb form."""
    if concept is None or concept is ONE:  # the article depends on the next word: see `an`
        return ((1.0, Counter()),)
    if form == "many":
        return tuple((p, Counter(words(plural(word)))) for word, p in synonyms(concept))
    if form:
        return tuple((p, Counter(words(verb_forms(word)[form]))) for word, p in synonyms(concept))
    return tuple((p, Counter(words(word))) for word, p in synonyms(concept))


@cache
def presence(concept: Concept | None, form: str = "") -> dict[str, float]:
    """Word -> the probability that the words for the concept contain it."""
    total: Counter[str] = Counter()
    for p, counts in ways(concept, form):
        for word in counts:
            total[word] += p  # type: ignore[assignment]
    return dict(total)


def miss(word: str, concept: Concept | None, form: str = "") -> float:
    """The probability that the words for the concept do not contain this word."""
    return 1.0 - presence(concept, form).get(word, 0.0)


@cache
def an(head: Concept) -> float:
    """The probability that the article before this concept is "an"."""
    return total(p for word, p in synonyms(head) if article(word) == "an")


def has_article(word: str, head: Concept) -> float:
    """The probability that the indefinite article before this concept is the word."""
    return an(head) if word == "an" else 1.0 - an(head) if word == "a" else 0.0


@lru_cache(2048)
def handing(verb: Concept, form: str, word: str, may_shift: bool) -> float:
    """The miss of a dative verb with its "to", which the dative shift removes."""
    total = 0.0
    for base, p in synonyms(verb):
        if word not in words(verb_forms(base)[form]):
            to = 1.0 - SHIFTED / 100 if may_shift and base in SHIFTS else 1.0
            total += p * (1.0 - to if word == "to" else 1.0)
    return total


@cache
def filler_ways() -> Said:
    return tuple((p, Counter(words(filler))) for filler, p in fillers())
