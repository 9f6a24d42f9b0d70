"""Changes of meaning: from one frame to a vaguer, a contradicting or a similar one.

A change never moves a frame between the training text and the held-out part.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from .events import (
    THE,
    Event,
    is_held_out,
    number_kind,
    numbers,
    objects,
    other,
    people,
    places,
    qualities,
    times,
    verbs,
)
from .lexicon import PEOPLE, Concept, lexicon
from .opinions import Opinion
from .pool import Pool

Change = Callable[[Event, Random], Event | None]
DETAILS = ("object_quality", "agent_trait", "tool", "place", "time", "manner", "stance")


def _another(pool: Pool[Concept] | Pool[Concept | None], old: Concept | None, rng: Random) -> Concept | None:
    """Another concept from the pool; None if a few draws give nothing new."""
    return next((new for _ in range(8) if (new := pool.draw(rng)) is not old and new is not None), None)


def negate(e: Event, rng: Random) -> Event | None:
    return e._replace(negated=not e.negated)


def oppose(e: Event, rng: Random) -> Event | None:
    """The event with the opposite verb: win, lose."""
    verb = lexicon().opposite.get(e.verb)
    return e._replace(verb=verb, tool=None) if verb else None  # type: ignore[arg-type]


def swap(e: Event, rng: Random) -> Event | None:
    """The event with agent and object exchanged, if both are possible in the other role."""
    held_out = is_held_out(e.verb.line, e.object)
    if e.object.kind != PEOPLE or is_held_out(e.verb.line, e.agent) != held_out:
        return None
    return e._replace(
        agent=e.object,
        object=e.agent,
        agent_number=e.object_number,
        object_number=e.agent_number,
        agent_trait=e.object_quality,
        object_quality=e.agent_trait,
    )


def _noun_changed(new: Concept, number: Concept) -> Concept:
    """The quantity, or "the" if the new noun cannot have it."""
    return THE if (number.kind == "mass") != new.mass else number


def change_object(e: Event, rng: Random) -> Event | None:
    pool = objects(e.topic, e.verb, is_held_out(e.verb.line, e.object))
    new = _another(pool, e.object, rng)
    if new is None or new is e.agent:
        return None
    quality = e.object_quality if new.kind == e.object.kind else None
    return e._replace(object=new, object_number=_noun_changed(new, e.object_number), object_quality=quality)


def change_verb(e: Event, rng: Random) -> Event | None:
    held_out = is_held_out(e.verb.line, e.object)
    for _ in range(12):
        new = verbs(e.topic).draw(rng)
        fits = new is not e.verb and e.object.kind in new.classes and new.dative == e.verb.dative
        if fits and is_held_out(new.line, e.object) == held_out:
            return e._replace(verb=new, tool=None)
    return None


def change_agent(e: Event, rng: Random) -> Event | None:
    new = _another(people(e.topic, other(e.object, e.recipient)), e.agent, rng)
    return e._replace(agent=new) if new else None


def change_place(e: Event, rng: Random) -> Event | None:
    new = _another(places(e.topic), e.place, rng)
    return e._replace(place=new) if new and e.place else None


def change_time(e: Event, rng: Random) -> Event | None:
    new = _another(times(e.tense), e.time, rng)
    return e._replace(time=new) if new and e.time else None


def change_number(e: Event, rng: Random) -> Event | None:
    new = _another(numbers(number_kind(e.object)), e.object_number, rng)
    return e._replace(object_number=new) if new else None


def change_quality(e: Event, rng: Random) -> Event | None:
    if e.object_quality is None:
        return None
    new = lexicon().opposite.get(e.object_quality) or _another(qualities(e.topic, e.object), e.object_quality, rng)
    return e._replace(object_quality=new) if new else None


def change_manner(e: Event, rng: Random) -> Event | None:
    new = lexicon().opposite.get(e.manner) if e.manner else None
    return e._replace(manner=new) if new else None


CONTRADICTIONS: Pool[Change] = Pool(
    (
        negate,
        oppose,
        swap,
        change_object,
        change_place,
        change_number,
        change_quality,
        change_manner,
        change_agent,
    ),
    [24, 22, 14, 8, 8, 8, 6, 5, 5],
)


def first_change(e: Event, rng: Random, kinds: Pool[Change]) -> Event:
    """The event with one change of these kinds that is possible for it."""
    return next((new for _ in range(8) if (new := kinds.draw(rng)(e, rng)) is not None), None) or e._replace(
        negated=not e.negated
    )


def contradict(e: Event, rng: Random) -> Event:
    return first_change(e, rng, CONTRADICTIONS)


def drop(e: Event, rng: Random, chance: float) -> Event:
    """The event without some details: each is dropped with this chance."""
    dropped: dict[str, None] = {name: None for name in DETAILS if rng.random() < chance}
    return e._replace(**dropped)  # type: ignore[arg-type]


def generalise(e: Event, rng: Random) -> Event:
    """An event that this one entails: the same one, or one with fewer details or a broader noun."""
    if rng.random() < 0.4:
        return e
    e = drop(e, rng, 0.4)
    broad = lexicon().hypernym
    # A negated event entails no broader one: "no onions were chopped" does not mean "no vegetables were chopped".
    if not e.negated and rng.random() < 0.25:
        if rng.random() < 0.5:
            noun = broad[e.object]
            if noun.words[0] in lexicon().colour and is_held_out(e.verb.line, noun):
                return e  # the broader word is also an object itself, and held out
            return e._replace(object=noun, object_number=_noun_changed(noun, e.object_number))
        return e._replace(agent=broad[e.agent])
    return e


def weaken(op: Opinion, rng: Random) -> Opinion:
    """An opinion that this one entails: the same one, or the same without a degree."""
    return op._replace(degree=None) if rng.random() < 0.5 else op


def contradict_opinion(op: Opinion, rng: Random) -> Opinion:
    if rng.random() < 0.5:
        return op._replace(judgement=lexicon().opposite[op.judgement], good=not op.good)
    return op._replace(negated=not op.negated, degree=None)
