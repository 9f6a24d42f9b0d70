"""The sentence of an event: the choice of construction, synonyms, order and filler."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from random import Random

from .events import ONE, Event, other
from .lexicon import Concept, lexicon
from .morphology import article, plural, verb_forms
from .pool import Pool, zipf

# The constructions for an event. "relative" is active, with the agent's trait in a relative clause.
CONSTRUCTIONS = Pool(("active", "passive", "relative", "cleft agent", "cleft object", "pseudo-cleft"),
                     [46, 20, 16, 7, 6, 5])  # fmt: skip
SHIFTS = frozenset({"give", "hand", "send", "offer", "lend", "show", "teach", "serve"})
FILLED, SHORT_NOT, SHIFTED = 25, 50, 50  # chances in percent: a filler, "n't", the dative shift
_FRONTS = Pool((None, "time", "place"), [55, 25, 20])

# (tense, passive) -> the auxiliary for one, the auxiliary for many, and the form of the verb
_VERB = {
    ("past", False): ("", "", "past"), ("past", True): ("was", "were", "done"),
    ("was doing", False): ("was", "were", "ing"), ("was doing", True): ("was being", "were being", "done"),
    ("has done", False): ("has", "have", "done"), ("has done", True): ("has been", "have been", "done"),
    ("is doing", False): ("is", "are", "ing"), ("is doing", True): ("is being", "are being", "done"),
    ("does", False): ("", "", "s"), ("does", True): ("is", "are", "done"),
    ("will do", False): ("will", "will", "base"), ("will do", True): ("will be", "will be", "done"),
}  # fmt: skip


@cache
def synonyms(concept: Concept) -> Pool[str]:
    return zipf(concept.words, 2)


@cache
def fillers() -> Pool[str]:
    return zipf([concept.words[0] for concept in lexicon().lists["fillers"]], 3)


@dataclass(frozen=True)
class Style:
    """The style of a sentence; `shun` are words of a first sentence that a second one avoids."""

    constructions: Pool[str] = CONSTRUCTIONS
    filled: int = FILLED
    shun: Collection[str] = ()
    said: set[str] | None = None  # collects the words of a first sentence, for a second one to avoid
    stop: str = "."

    def word(self, concept: Concept, rng: Random) -> str:
        if len(concept.words) == 1:
            return concept.words[0]
        word = synonyms(concept).draw(rng)
        if word in self.shun:
            word = next((w for w in concept.words if w not in self.shun), word)
        if self.said is not None:
            self.said.add(word)
        return word


PLAIN = Style()


def is_many(number: Concept) -> bool:
    return number.kind in ("many", "numbers")


def noun_phrase(number: str, quality: str, noun: str) -> str:
    """The words of a noun phrase; `noun` already has its number."""
    head = f"{quality} {noun}" if quality else noun
    return f"{article(head) if number == 'a' else number} {head}"


def _noun(noun: Concept, number: Concept, style: Style, rng: Random, quality: Concept | None) -> str:
    word = style.word(noun, rng)
    if is_many(number):
        word = plural(word)
    if number is ONE:
        head = f"{style.word(quality, rng)} {word}" if quality else word
        return f"{article(head)} {head}"
    many = style.word(number, rng)
    return f"{many} {style.word(quality, rng)} {word}" if quality else f"{many} {word}"


@cache
def auxiliary(tense: str, passive: bool, negated: bool, many: bool, short: bool) -> tuple[str, str]:
    """The auxiliary before the verb, and the form of the verb."""
    one, more, form = _VERB[tense, passive]
    words = more if many else one
    if form == "s" and many:
        form = "base"
    if not negated:
        return words, form
    if not words:
        words, form = ("did" if form == "past" else "do" if many else "does"), "base"
    first, _, rest = words.partition(" ")
    first = ("won't" if first == "will" else first + "n't") if short else first + " not"
    return f"{first} {rest}".rstrip(), form


def joint(construction: str, event: Event) -> tuple[str, str, str]:
    """The fixed words of a construction: before and between the parts, and in a relative clause."""
    return _joint(construction, event.tense, event.topic.wild,
                  other(event.object, None) is not None, is_many(event.object_number))  # fmt: skip


@cache
def _joint(construction: str, tense: str, wild: bool, person: bool, many: bool) -> tuple[str, str, str]:
    is_ = "was" if tense in ("past", "was doing") else "is"
    if construction == "cleft agent":
        return f"it {is_}", "that" if wild else "who", ""
    if construction == "cleft object":
        return f"it {is_}", "that", ""
    if construction == "pseudo-cleft":
        if person and not wild:
            return "the ones" if many else "the one", ("were" if many else "was") if is_ == "was" else (
                "are" if many else "is"), ""  # fmt: skip
        return "what", is_, ""
    if construction == "relative":
        return "", "", "which looked" if wild else "who looked"
    return "", "", ""


@cache
def fixed_words(construction: str, tense: str, wild: bool, person: bool, many: bool) -> str:
    """All fixed words of a construction."""
    by = "by" if construction == "passive" else ""
    return " ".join((*_joint(construction, tense, wild, person, many), by))


def _object(event: Event, verb: str, passive: bool, style: Style, rng: Random) -> tuple[str, str, str]:
    """The object, and the recipient either between verb and object or after it."""
    noun = _noun(event.object, event.object_number, style, rng, event.object_quality)
    if event.recipient is None:
        return noun, "", ""
    receiver = "the " + style.word(event.recipient, rng)
    if verb in SHIFTS and rng.random() * 100 < SHIFTED and not passive:
        return noun, receiver, ""
    return noun, "", "to " + receiver


def _clause(event: Event, construction: str, style: Style, rng: Random, rest: list[str]) -> list[str]:
    """The subject, verb and object in the order of the construction, then `rest`."""
    passive = construction == "passive"
    relative = construction == "relative" and event.agent_trait is not None
    subject = _noun(event.agent, event.agent_number, style, rng, None if relative else event.agent_trait)
    base = style.word(event.verb, rng)
    thing, shifted, after = _object(event, base, construction not in ("active", "relative"), style, rng)
    short = event.negated and rng.random() * 100 < SHORT_NOT
    many = is_many(event.object_number if passive else event.agent_number)
    aux, form = auxiliary(event.tense, passive, event.negated, many, short)
    verb = verb_forms(base)[form]
    if event.manner is not None:
        manner = style.word(event.manner, rng)
        if " " in manner or manner == "alone" or rng.random() < 0.5:
            rest = [*rest[:1], manner, *rest[1:]]
        else:
            verb = f"{manner} {verb}"
    before, between, looks = joint(construction, event)
    match construction:
        case "passive":
            return [thing, aux, verb, after, "by", subject, *rest]
        case "cleft agent":
            return [before, subject, between, aux, verb, thing, after, *rest]
        case "cleft object":
            return [before, thing, between, subject, aux, verb, after, *rest]
        case "pseudo-cleft":
            return [before, subject, aux, verb, after, *rest, between, thing]
    if relative and event.agent_trait is not None:
        subject = f"{subject}, {looks} {style.word(event.agent_trait, rng)},"
    return [subject, aux, verb, shifted, thing, after, *rest]


def realise(event: Event, rng: Random, style: Style = PLAIN) -> str:
    """One sentence that expresses the event."""
    construction = style.constructions.draw(rng)
    tool = style.word(event.tool, rng) if event.tool else ""
    place = style.word(event.place, rng) if event.place else ""
    time = style.word(event.time, rng) if event.time else ""
    front = _FRONTS.draw(rng)
    opening = ""
    if front == "time" and time:
        opening, time = time + ",", ""
    elif front == "place" and place:
        opening, place = place + ",", ""
    parts = [opening, *_clause(event, construction, style, rng, [tool, place, time])]
    if event.stance is not None:
        stance = style.word(event.stance, rng)
        if rng.random() < 0.7:
            parts.insert(0, stance + ",")
        else:
            parts[-1] = parts[-1] or ""
            parts = [" ".join(part for part in parts if part) + ",", stance]
    text = " ".join([part for part in parts if part])
    if rng.random() * 100 < style.filled:
        text = fill(text, rng)
    return text[0].upper() + text[1:] + style.stop


def fill(text: str, rng: Random) -> str:
    """The text with a filler before or after it."""
    filler = fillers().draw(rng)
    first = rng.random() < 0.7 or filler in ("well", "let me see")
    return f"{filler}, {text}" if first else f"{text}, {filler}"
