"""The misses of one word over the events of a topic, with equal frames in one class.

A miss is the probability, given a frame, that its sentence does not contain the word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import product

from . import events
from .events import NEGATED, ONE, TENSES
from .lexicon import PEOPLE, Concept, Topic, Verb
from .pool import Pool
from .realise import CONSTRUCTIONS, SHORT_NOT, auxiliary, fixed_words, is_many
from .surface import ARTICLES, handing, has_article, miss, presence, words

Key = tuple[bool, bool, float, float]  # plural, with a quality, miss, miss with the quality in a relative clause
Classes = dict[float, float]  # miss -> probability


def merge(pairs: Iterable[tuple[float, float]]) -> Classes:
    merged: Classes = {}
    for value, p in pairs:
        merged[value] = merged.get(value, 0.0) + p
    return merged


def _times(one: Classes, other: Classes) -> Classes:
    return merge((a * b, p * q) for (a, p), (b, q) in product(one.items(), other.items()))


@lru_cache(2048)
def _pool(pool: Pool[Concept | None], word: str) -> tuple[tuple[float, float], ...]:
    return tuple(merge((miss(word, concept), p) for concept, p in pool).items())


def _nouns(topic: Topic, pool: Iterable[tuple[Concept, float]], word: str) -> dict[Key, float]:
    """The classes of noun phrases with a noun from the pool."""
    classes: dict[Key, float] = {}
    for noun, p in pool:
        for many, has, direct, behind, q in _phrase(
            topic, events.number_kind(noun), noun.kind, word, _sign(noun, word)
        ):
            key = (many, has, direct, behind)
            classes[key] = classes.get(key, 0.0) + p * q
    return classes


def _sign(noun: Concept, word: str) -> tuple[float, float, float]:
    """The properties of a noun that matter: its miss in singular and plural, and whether the word is its article."""
    return miss(word, noun), 1.0 if noun.mass else miss(word, noun, "many"), has_article(word, noun)


@lru_cache(2048)
def _phrase(
    topic: Topic, kind: str, noun_kind: str, word: str, sign: tuple[float, float, float]
) -> tuple[tuple[bool, bool, float, float, float], ...]:
    """The classes of noun phrases with a noun of this sign, and their probabilities."""
    one, more, own_article = sign
    model = Concept(("",), noun_kind, mass=kind == "mass")
    merged: dict[Key, float] = {}
    for (number, p), (quality, q) in product(events.numbers(kind), events.qualities(topic, model)):
        many = is_many(number)
        value = (more if many else one) * miss(word, number) * miss(word, quality)
        direct = behind = value
        if number is ONE and word in ARTICLES:
            behind = value * (1 - own_article)
            direct = value * (1 - has_article(word, quality)) if quality else behind
        key = (many, quality is not None, direct, behind)
        merged[key] = merged.get(key, 0.0) + p * q
    return tuple((*key, p) for key, p in merged.items())


@cache
def _grammar() -> frozenset[str]:
    """All auxiliaries and all fixed words of the constructions."""
    three, four = (list(product((True, False), repeat=n)) for n in (3, 4))
    fixed = {
        w for c, _ in CONSTRUCTIONS for t, _ in TENSES for flags in three for w in words(fixed_words(c, t, *flags))
    }
    return frozenset(fixed | {w for t, _ in TENSES for flags in four for w in words(auxiliary(t, *flags)[0])})


def _verb_sign(verb: Verb, word: str) -> tuple[float, ...]:
    """The miss of each form of the verb, without and with a possible dative shift."""
    forms = ("base", "s", "past", "done", "ing")
    if verb.dative and word == "to":
        return tuple(handing(verb, form, word, shift) for form in forms for shift in (False, True))
    return tuple(miss(word, verb, form) for form in forms for _ in range(2))


FORMS = {form: 2 * rank for rank, form in enumerate(("base", "s", "past", "done", "ing"))}
Context = tuple[
    str, bool, bool, bool, bool, bool, bool
]  # tense, negated, agent many, has trait, object many, person, wild


@lru_cache(2048)
def _spine(word: str, sign: tuple[float, ...], context: Context) -> tuple[float, float]:
    """The miss of the verb and the construction, as two parts: of all constructions but the relative, and of that."""
    tense, negated, agents, trait, many, person, wild = context
    parts = [0.0, 0.0]
    for construction, p in CONSTRUCTIONS:
        relative, passive = construction == "relative", construction == "passive"
        fixed = fixed_words(construction, tense, wild, person, many) if trait or not relative else ""
        if word in words(fixed):
            continue
        plural = many if passive else agents
        form = auxiliary(tense, passive, negated, plural, False)[1]
        missed = sum(
            q
            for short, q in ((True, SHORT_NOT / 100), (False, 1 - SHORT_NOT / 100))
            if word not in words(auxiliary(tense, passive, negated, plural, short)[0])
        )
        parts[relative and trait] += p * missed * sign[FORMS[form] + (construction in ("active", "relative"))]
    return parts[0], parts[1]


Core = dict[tuple[tuple[float, ...], bool, bool, Concept | None], Classes]


def _cores(topic: Topic, word: str) -> Core:
    """Verb sign, plural object, personal object, impossible agent -> the classes of everything except the agent."""
    cores: Core = {}
    # The person who cannot be the agent matters only to a word that names some of the agents.
    agents_matter = len({_sign(person, word) for person in topic.people}) > 1
    short_cut = not agents_matter and word not in _grammar()
    for verb, verb_p in events.verbs(topic):
        if short_cut and word not in _verb_words(topic, verb):
            classes = cores.setdefault(((1.0,) * 10, False, False, None), {})
            classes[1.0] = classes.get(1.0, 0.0) + verb_p
            continue
        sign = _verb_sign(verb, word)
        tool = dict(_pool(events.tools(verb), word))
        recipients: list[tuple[Concept | None, float]] = (
            list(events.people(topic, None)) if verb.dative else [(None, 1.0)]
        )
        the = 0.0 if verb.dative and word == "the" else 1.0
        groups: dict[Concept | None, list[tuple[Concept, float]]] = {}
        for noun, p in events.objects(topic, verb, False):
            groups.setdefault(noun if noun.kind == PEOPLE else None, []).append((noun, p))
        for person, group in groups.items():
            phrases = _nouns(topic, group, word)
            for recipient, q in recipients:
                but = (person or recipient) if agents_matter else None
                for (many, _, direct, _), p in phrases.items():
                    classes = cores.setdefault((sign, many, person is not None, but), {})
                    for value, r in tool.items():
                        value *= direct * miss(word, recipient) * the
                        classes[value] = classes.get(value, 0.0) + verb_p * p * q * r
    return cores


def _noun_words(topic: Topic, nouns: Iterable[Concept]) -> set[str]:
    """The words of noun phrases with these nouns."""
    concepts: dict[Concept | None, None] = dict.fromkeys(nouns)
    for noun in [*concepts]:
        assert noun is not None
        concepts.update((concept, None) for concept, _ in events.qualities(topic, noun))
        concepts.update((concept, None) for concept, _ in events.numbers(events.number_kind(noun)))
    return {w for concept in concepts for form in ("", "many") for w in presence(concept, form)} | {*ARTICLES}


@cache
def _agent_words(topic: Topic) -> frozenset[str]:
    return frozenset(_noun_words(topic, topic.people))


@cache
def _verb_words(topic: Topic, verb: Verb) -> frozenset[str]:
    """The words of a verb with its objects, tools and recipients."""
    used = {w for form in FORMS for w in presence(verb, form)}
    used |= _noun_words(topic, (noun for noun, _ in events.objects(topic, verb, False)))
    used |= {w for tool in verb.tools for w in presence(tool)}
    return frozenset(used | (_agent_words(topic) | {"to", "the"} if verb.dative else set()))


def _contexts(word: str, of_verbs: bool) -> Iterator[tuple[str, bool, float, Classes]]:
    """Tense, negation, their probability and the classes of times; one context for a word outside all verb groups."""
    by_tense = {tense: dict(_pool(events.times(tense), word)) for tense, _ in TENSES}
    if of_verbs:
        for (tense, p), (negated, q) in product(TENSES, NEGATED):
            yield tense, negated, p * q, by_tense[tense]
    else:
        yield "past", False, 1.0, merge((m, p * q) for tense, p in TENSES for m, q in by_tense[tense].items())


def event_misses(topic: Topic, word: str) -> Iterator[tuple[float, float]]:
    """The miss and the probability of each class of the topic's events."""
    around = _times(
        _times(dict(_pool(events.places(topic), word)), dict(_pool(events.manners(), word))),
        dict(_pool(events.stances(), word)),
    )
    if (
        not any(word in _verb_words(topic, verb) for verb in topic.verbs)
        and word not in _agent_words(topic)
        and word not in _grammar()
    ):
        for tense, p in TENSES:
            yield from ((m, p * q) for m, q in _times(around, dict(_pool(events.times(tense), word))).items())
        return
    cores = _cores(topic, word)
    agents = {but: _nouns(topic, events.people(topic, but), word) for but in {key[3]: None for key in cores}}
    for tense, negated, context_p, times in _contexts(
        word, word in _grammar() or any(min(key[0]) < 1 for key in cores)
    ):
        rest = _times(around, times)
        for (sign, many, person, but), core in cores.items():
            merged: Classes = {}
            for (plural, trait, direct, behind), p in agents[but].items():
                parts = _spine(word, sign, (tense, negated, plural, trait, many, person, topic.wild))
                value = parts[0] * direct + parts[1] * behind
                merged[value] = merged.get(value, 0.0) + p
            for (a, p), (b, q), (c, r) in product(merged.items(), core.items(), rest.items()):
                yield a * b * c, p * q * r * context_p
