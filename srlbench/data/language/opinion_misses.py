"""The misses of one word over the opinions of a topic, with equal frames in one class; see `event_misses`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache

from . import opinions
from .event_misses import FORMS, merge
from .lexicon import Concept, Topic
from .surface import has_article, miss, presence, words


@cache
def _opinion_pairs(topic: Topic) -> tuple[tuple[Concept, Concept, float], ...]:
    return tuple((thing, judgement, p * q) for thing, p in opinions.things(topic)
                 for (judgement, _), q in opinions.judgements(topic, thing, False))  # fmt: skip


@lru_cache(2048)
def _judged(judgement: Concept, mass: bool, word: str) -> tuple[tuple[float, float], ...]:
    """The miss (without the thing's name) and the probability of each context of a judgement."""
    misses = []
    for past, negated, degree, p in opinions.contexts(judgement):
        missed = 0.0
        for saying, q in opinions.sayings(judgement, past, negated):
            if word in words(opinions.fixed(saying)):
                continue
            article = has_article(word, degree or judgement) if "{a}" in saying and not mass else 0.0
            missed += q * (1 - article) * miss(word, degree) * miss(word, judgement, opinions.form(saying))
        misses.append((missed, p))
    return tuple(merge(misses).items())


def opinion_misses(topic: Topic, word: str) -> Iterator[tuple[float, float]]:
    """The miss and the probability of each class of the topic's opinions."""
    thing_miss = {thing: miss(word, thing) for thing, _ in opinions.things(topic)}
    classes: dict[tuple[float, tuple[tuple[float, float], ...]], float] = {}
    for thing, judgement, p in _opinion_pairs(topic):
        key = (thing_miss[thing], _judged(judgement, thing.mass, word))
        classes[key] = classes.get(key, 0.0) + p
    for (value, contexts), p in classes.items():
        yield from ((value * m, p * q) for m, q in contexts)


@cache
def topic_words(topic: Topic) -> frozenset[str]:
    """The words that an opinion of the topic can use."""
    concepts = [thing for thing, _ in opinions.things(topic)] + [j for _, j, _ in _opinion_pairs(topic)]
    used = {w for c in dict.fromkeys(concepts) for w in presence(c)}
    verdicts = [c for c in dict.fromkeys(concepts) if opinions.is_verdict(c)]
    return frozenset(used | {w for c in verdicts for form in FORMS for w in presence(c, form)} | opinions.fixed_words())
