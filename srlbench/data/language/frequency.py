"""The exact unigram distribution of the training text, as a sum of expected counts."""

from __future__ import annotations

from functools import cache
from itertools import product

from srlbench.data.language.adding import total

from . import events, opinions
from .events import NEGATED, ONE, TENSES
from .lexicon import Concept, Topic, Verb
from .pool import Pool
from .realise import (
    CONSTRUCTIONS,
    FILLED,
    SHIFTED,
    SHIFTS,
    SHORT_NOT,
    auxiliary,
    fixed_words,
    is_many,
    synonyms,
)
from .surface import Said, an, filler_ways, ways, words
from .text import OPINIONS

Counts = dict[str, float]


def _add(counts: Counts, said: Said, weight: float) -> None:
    """Add the expected counts of the words of a concept."""
    for p, way in said:
        for word, times in way.items():
            counts[word] = counts.get(word, 0.0) + weight * p * times


def _add_words(counts: Counts, text: str, weight: float) -> None:
    for word in words(text):
        counts[word] = counts.get(word, 0.0) + weight


def _article(counts: Counts, head: Concept, weight: float) -> None:
    counts["an"] = counts.get("an", 0.0) + weight * an(head)
    counts["a"] = counts.get("a", 0.0) + weight * (1.0 - an(head))


@cache
def many_share(kind: str) -> float:
    """The probability that a noun of this kind is plural."""
    return total(p for number, p in events.numbers(kind) if is_many(number))


def _noun(counts: Counts, topic: Topic, noun: Concept, weight: float, behind: float = 0.0) -> None:
    """Add a noun phrase; `behind` is the probability that its quality follows in a relative clause."""
    kind = events.number_kind(noun)
    for number, p in events.numbers(kind):
        _add(counts, ways(number), weight * p)
    many = many_share(kind)
    _add(counts, ways(noun), weight * (1 - many))
    _add(counts, ways(noun, "many"), weight * many)
    one = weight * total(p for number, p in events.numbers(kind) if number is ONE)
    for quality, p in events.qualities(topic, noun):
        _add(counts, ways(quality), weight * p)
        if one and quality is not None:
            _article(counts, quality, one * p * (1 - behind))
            _article(counts, noun, one * p * behind)
        elif one:
            _article(counts, noun, one * p)


def _spine(counts: Counts, topic: Topic, verb: Verb, many: float, person: float, weight: float) -> None:
    """Add the auxiliaries, the verb and the fixed words of the construction, for objects of one kind."""
    trait = 1.0 - dict(events.qualities(topic, topic.people[0]))[None]
    many_agents = many_share("people")
    for (tense, tense_p), (negated, negated_p), (construction, p) in product(TENSES, NEGATED, CONSTRUCTIONS):
        here = weight * tense_p * negated_p * p
        passive = construction == "passive"
        subject_many = many if passive else many_agents
        for plural, plural_p in ((True, subject_many), (False, 1 - subject_many)):
            for short, short_p in ((True, SHORT_NOT / 100), (False, 1 - SHORT_NOT / 100)):
                aux, form = auxiliary(tense, passive, negated, plural, short)
                _add_words(counts, aux, here * plural_p * short_p)
            _add(counts, ways(verb, form), here * plural_p)
        for human, plural in product((True, False), repeat=2):
            share = (person if human else 1 - person) * (many if plural else 1 - many)
            shown = trait if construction == "relative" else 1.0
            _add_words(counts, fixed_words(construction, tense, topic.wild, human, plural), here * share * shown)
        if verb.dative:
            shift = total(q for word, q in synonyms(verb) if word in SHIFTS) * SHIFTED / 100
            _add_words(counts, "to", here * (1 - shift if construction in ("active", "relative") else 1.0))


def _pool(counts: Counts, pool: Pool[Concept | None], weight: float) -> None:
    for concept, p in pool:
        _add(counts, ways(concept), weight * p)


def _event(counts: Counts, topic: Topic, weight: float) -> None:
    agents: dict[Concept | None, float] = {}
    for verb, verb_p in events.verbs(topic):
        objects = list(events.objects(topic, verb, False))
        for noun, p in objects:
            _noun(counts, topic, noun, weight * verb_p * p)
            # The fixed words depend on the number and on the kind of the object: each kind of noun has its own spine.
        for kind, human in {(events.number_kind(noun), noun.kind == "people"): None for noun, _ in objects}:
            share = total(p for noun, p in objects if events.number_kind(noun) == kind)
            _spine(counts, topic, verb, many_share(kind), float(human), weight * verb_p * share)
        _pool(counts, events.tools(verb), weight * verb_p)
        recipients = list(events.people(topic, None)) if verb.dative else [(None, 1.0)]
        for (noun, p), (recipient, q) in product(objects, recipients):
            but = events.other(noun, recipient)
            agents[but] = agents.get(but, 0.0) + weight * verb_p * p * q
        if verb.dative:
            for person, q in recipients:
                _add(counts, ways(person), weight * verb_p * q)
            _add_words(counts, "the", weight * verb_p)
    relative = dict(CONSTRUCTIONS)["relative"]
    for but, p in agents.items():
        for agent, q in events.people(topic, but):
            _noun(counts, topic, agent, p * q, behind=relative)
    _pool(counts, events.places(topic), weight)
    _pool(counts, events.manners(), weight)
    _pool(counts, events.stances(), weight)
    for tense, p in TENSES:
        _pool(counts, events.times(tense), weight * p)


def _opinion(counts: Counts, topic: Topic, weight: float) -> None:
    for thing, thing_p in opinions.things(topic):
        for (judgement, _), judgement_p in opinions.judgements(topic, thing, False):
            for past, negated, degree, p in opinions.contexts(judgement):
                for saying, q in opinions.sayings(judgement, past, negated):
                    here = weight * thing_p * judgement_p * p * q
                    _add(counts, ways(thing), here)
                    _add_words(counts, opinions.fixed(saying), here)
                    _add(counts, ways(judgement, opinions.form(saying)), here)
                    _add(counts, ways(degree), here)
                    if "{a}" in saying and not thing.mass:
                        _article(counts, degree or judgement, here)


@cache
def probabilities() -> dict[str, float]:
    """Word -> its probability when one word of the training text is drawn."""
    counts: Counts = {}
    share = dict(OPINIONS)
    for topic, p in events.topics():
        _event(counts, topic, p * share[False])
        _opinion(counts, topic, p * share[True])
    _add(counts, filler_ways(), FILLED / 100)
    whole = total(counts.values())
    return {word: count / whole for word, count in sorted(counts.items()) if count > 0}
