"""Events: meaning frames of who did what to whom, and the probabilities they are drawn with.

Given the topic, a frame's variables are independent but for what grammar needs: the object depends on the
verb, quantities and qualities on the noun they stand by, the time on the tense, and nobody acts on himself.
A third of each verb's objects is held out: training text never has such a pair of verb and object, and
evaluation sets have no other, so no sentence can be in both.
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
    """What one sentence about an event means."""

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

# A tense draws its time from the list of this name in the lexicon.
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
    """Whether training text never says this of this noun; the same in every topic that has both."""
    return (crc32(line.encode()) + lexicon().colour[noun.words[0]]) % 3 == 0


def _takes(topic: Topic, verb: Verb) -> list[Concept]:
    """All objects of a verb, its classes taking turns so that none is rare throughout."""
    lists = [topic.people if kind == PEOPLE else topic.things[kind] for kind in verb.classes]
    return [found[rank] for rank in range(max(map(len, lists))) for found in lists if rank < len(found)]


@cache
def objects(topic: Topic, verb: Verb, held_out: bool) -> Pool[Concept]:
    taken = zipf(_takes(topic, verb))
    kept = [rank for rank, noun in enumerate(taken.items) if is_held_out(verb.line, noun) == held_out]
    return Pool([taken.items[rank] for rank in kept], [taken.weights[rank] for rank in kept])


@cache
def people(topic: Topic, but: Concept | None) -> Pool[Concept]:
    everyone = zipf(topic.people, 3)
    if but is None:
        return everyone
    return Pool([p for p in topic.people if p is not but],
                [w for p, w in zip(topic.people, everyone.weights, strict=True) if p is not but])  # fmt: skip


@cache
def numbers(kind: str) -> Pool[Concept]:
    """How many: of a mass, of things, or of people."""
    if kind == "mass":
        return Pool([THE, SOME, MUCH], [60, 25, 15])
    few = lexicon().lists["numbers"]
    fixed = [40, 20, 12] if kind == "things" else [90, 24, 12]
    return Pool([THE, ONE, THE_MANY, *few], [20 * w for w in fixed] + [400 // (3 + rank) for rank in range(len(few))])


def number_kind(noun: Concept) -> str:
    return "mass" if noun.mass else "people" if noun.kind == PEOPLE else "things"


@cache
def qualities(topic: Topic, noun: Concept) -> Pool[Concept | None]:
    found = topic.traits if noun.kind == PEOPLE else topic.qualities.get(noun.kind, ())
    return optional(found, Fraction(13, 20))


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
    """Draw an event: one for training text, or a held-out one."""
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
    """The person an event is done to, who therefore is not its agent."""
    return thing if thing.kind == PEOPLE else recipient
