"""The similarity of two events, from 0 to 1, computed from their frames."""

from __future__ import annotations

from srlbench.data.language.adding import total

from .events import MUCH, ONE, SOME, THE, Event
from .lexicon import Concept, Verb, lexicon

CORE = {"verb": 0.4, "object": 0.33, "agent": 0.27}
DETAIL = {
    "place": 0.28,
    "time": 0.18,
    "object_number": 0.16,
    "object_quality": 0.14,
    "agent_trait": 0.08,
    "tool": 0.08,
    "manner": 0.08,
}
DETAILS = 0.3  # the weight of all details together
DENIED = 0.6  # the factor for the similarity of an event and a negated one
VAGUE = (THE, ONE, SOME, MUCH)


def concept_likeness(one: Concept, other: Concept) -> float:
    """The similarity of two concepts: 1 if they are the same, less for an opposite, a broader or a sibling concept."""
    if one is other:
        return 1.0
    relations = lexicon()
    if relations.opposite.get(one) is other:
        return 0.5
    if relations.hypernym.get(one) is other or relations.hypernym.get(other) is one:
        return 0.8
    if isinstance(one, Verb) and isinstance(other, Verb):
        if one.topic != other.topic:
            return 0.0
        return 0.25 if set(one.classes) & set(other.classes) else 0.12
    if one.kind == other.kind:
        return 0.35 if one.topic == other.topic else 0.0
    return 0.12 if one.topic == other.topic else 0.0


def _detail(name: str, one: Concept | None, other: Concept | None) -> float:
    if one is other:
        return 1.0
    if one is None or other is None:
        return 0.6
    if name == "object_number":
        return 0.7 if one in VAGUE and other in VAGUE else 0.3
    return 0.0


def core_likeness(one: Event, other: Event) -> float:
    """The similarity of who did what to whom; if the two roles are exchanged, people count half."""
    if one.object is other.agent and one.agent is other.object:
        return CORE["verb"] * concept_likeness(one.verb, other.verb) + 0.5 * (CORE["object"] + CORE["agent"])
    return total(w * concept_likeness(getattr(one, role), getattr(other, role)) for role, w in CORE.items())


def likeness(one: Event, other: Event, denied: float = DENIED) -> float:
    """The weighted similarity of the roles, reduced for different details, and by `denied` if only one is negated."""
    core = core_likeness(one, other)
    details = total(w * _detail(name, getattr(one, name), getattr(other, name)) for name, w in DETAIL.items())
    value = core * (1 - DETAILS + DETAILS * details)
    return value * denied if one.negated != other.negated and core > 0.6 else value
