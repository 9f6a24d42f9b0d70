"""Events: meaning frames of who did what to whom, and the probabilities of drawing them.

Given the topic, the variables of a frame are independent except where grammar needs more: the object depends on
the verb, quantities and qualities on their noun, the time on the tense, and nobody acts on himself. A third of
each verb's objects is held out: the training text has none of these pairs of verb and object, and the evaluation
sets have no others, so no sentence can be in both.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from random import Random
from typing import NamedTuple
from zlib import crc32

from .lexicon import PEOPLE, Concept, Topic, Verb, lexicon
from .pool import Pool, optional, zipf


class Event(NamedTuple):
    """The meaning of one sentence about an event."""

    topic: Topic
    verb: Verb
    object: Concept
    object_number: Concept
    object_quality: Concept | None
    recipient: Concept | None
    agent: Concept
    agent_number: Concept
    agent_trait: Concept | None
    tool: Concept | None
    place: Concept | None
    tense: str
    time: Concept | None
    manner: Concept | None
    stance: Concept | None
    negated: bool


THE = Concept(("the",), "one")
ONE = Concept(("a",), "one")
THE_MANY = Concept(("the",), "many")
SOME = Concept(("some",), "mass")
MUCH = Concept(("a lot of", "plenty of", "lots of"), "mass")

# Tense -> the list in the lexicon from which its time is drawn.
TIMES = {"past": "past", "was doing": "past", "has done": "perfect", "is doing": "now", "does": "usually",
         "will do": "future"}  # fmt: skip
TENSES = Pool(tuple(TIMES), [50, 10, 10, 10, 10, 10])
NEGATED = Pool([False, True], [88, 12])


@cache
def topics() -> Pool[Topic]:
    return zipf(lexicon().topics, 8)


@cache
def verbs(topic: Topic) -> Pool[Verb]:
    return zipf(topic.verbs, 6)


def is_held_out(line: str, noun: Concept) -> bool:
    """Whether the training text never has this verb line with this noun; the same in every topic with both."""
    return (crc32(line.encode()) + lexicon().colour[noun.words[0]]) % 3 == 0


def _all_objects(topic: Topic, verb: Verb) -> list[Concept]:
    """All objects of a verb; its classes alternate in the list, so that no class is rare."""
    lists = [topic.people if kind == PEOPLE else topic.things[kind] for kind in verb.classes]
    return [nouns[rank] for rank in range(max(map(len, lists))) for nouns in lists if rank < len(nouns)]


@cache
def objects(topic: Topic, verb: Verb, held_out: bool) -> Pool[Concept]:
    nouns = zipf(_all_objects(topic, verb))
    ranks = [rank for rank, noun in enumerate(nouns.items) if is_held_out(verb.line, noun) == held_out]
    return Pool([nouns.items[rank] for rank in ranks], [nouns.weights[rank] for rank in ranks])


@cache
def people(topic: Topic, but: Concept | None) -> Pool[Concept]:
    everyone = zipf(topic.people, 3)
    if but is None:
        return everyone
    return Pool([p for p in topic.people if p is not but],
                [w for p, w in zip(topic.people, everyone.weights, strict=True) if p is not but])  # fmt: skip


@cache
def numbers(kind: str) -> Pool[Concept]:
    """The quantities of a mass noun, of things, or of people."""
    if kind == "mass":
        return Pool([THE, SOME, MUCH], [60, 25, 15])
    few = lexicon().lists["numbers"]
    fixed = [40, 20, 12] if kind == "things" else [90, 24, 12]
    return Pool([THE, ONE, THE_MANY, *few], [20 * w for w in fixed] + [400 // (3 + rank) for rank in range(len(few))])


def number_kind(noun: Concept) -> str:
    return "mass" if noun.mass else "people" if noun.kind == PEOPLE else "things"


@cache
def qualities(topic: Topic, noun: Concept) -> Pool[Concept | None]:
    concepts = topic.traits if noun.kind == PEOPLE else topic.qualities.get(noun.kind, ())
    return optional(concepts, Fraction(13, 20))


@cache
def tools(verb: Verb) -> Pool[Concept | None]:
    return optional(verb.tools, Fraction(3, 5))


@cache
def places(topic: Topic) -> Pool[Concept | None]:
    return optional(topic.places, Fraction(7, 20))


@cache
def times(tense: str) -> Pool[Concept | None]:
    return optional(lexicon().lists[TIMES[tense]], Fraction(2, 5))


@cache
def manners() -> Pool[Concept | None]:
    return optional(lexicon().lists["manners"], Fraction(3, 4))


@cache
def stances() -> Pool[Concept | None]:
    kinds = ("glad", "sorry", "odd", "sure", "unsure", "heard")
    return optional([concept for kind in kinds for concept in lexicon().lists[kind]], Fraction(4, 5))


def event(rng: Random, held_out: bool, topic: Topic | None = None) -> Event:
    """Draw an event for the training text, or a held-out one."""
    topic = topic or topics().draw(rng)
    verb = verbs(topic).draw(rng)
    thing = objects(topic, verb, held_out).draw(rng)
    recipient = people(topic, None).draw(rng) if verb.dative else None
    agent = people(topic, other(thing, recipient)).draw(rng)
    tense = TENSES.draw(rng)
    return Event(
        topic, verb,
        thing, numbers(number_kind(thing)).draw(rng), qualities(topic, thing).draw(rng),
        recipient,
        agent, numbers("people").draw(rng), qualities(topic, agent).draw(rng),
        tools(verb).draw(rng) if verb.tools else None,
        places(topic).draw(rng), tense, times(tense).draw(rng),
        manners().draw(rng), stances().draw(rng), NEGATED.draw(rng),
    )  # fmt: skip


def other(thing: Concept, recipient: Concept | None) -> Concept | None:
    """The person who is the object or recipient, and therefore cannot be the agent."""
    return thing if thing.kind == PEOPLE else recipient
