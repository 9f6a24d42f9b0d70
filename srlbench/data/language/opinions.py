"""Opinions: meaning frames of what somebody thinks about a thing, their probabilities and their words.

As with events, a third of all pairs of thing and judgement are held out of the training text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from random import Random
from typing import NamedTuple

from .events import is_held_out
from .lexicon import Concept, Topic, lexicon
from .morphology import article, verb_forms
from .pool import Pool, zipf
from .realise import PLAIN, Style, fill


class Opinion(NamedTuple):
    """The meaning of one sentence with an opinion."""

    topic: Topic
    thing: Concept
    judgement: Concept  # a quality, or a verb of judgement: love, recommend
    good: bool  # whether the judgement is good, before negation
    negated: bool
    degree: Concept | None
    past: bool

    @property
    def positive(self) -> bool:
        return self.good != self.negated


VERY = Concept(("very", "really", "extremely"), "degree")
RATHER = Concept(("rather", "fairly", "quite"), "degree")
DEGREES = Pool((None, VERY, RATHER), [60, 28, 12])
NEGATED = Pool([False, True], [86, 14])
PAST = Pool([True, False], [70, 30])

# {n}: the thing; {j}: the judgement with its degree; {a}: the same with its article, as in "a very good".
SAYINGS = {
    (True, False): Pool(("the {n} was {j}", "I found the {n} {j}", "I thought the {n} was {j}",
                         "it was {a} {n}", "to my mind, the {n} was {j}", "most people called the {n} {j}"),
                        [40, 15, 12, 15, 8, 10]),
    (False, False): Pool(("the {n} is {j}", "I find the {n} {j}", "I think the {n} is {j}",
                          "it is {a} {n}", "to my mind, the {n} is {j}", "most people call the {n} {j}"),
                         [40, 15, 12, 15, 8, 10]),
    (True, True): Pool(("the {n} was not {j}", "the {n} wasn't {j}", "I did not find the {n} {j}",
                        "I didn't think the {n} was {j}", "it was not {a} {n}", "the {n} was far from {j}",
                        "the {n} was anything but {j}", "nobody called the {n} {j}"),
                       [20, 20, 10, 10, 14, 10, 8, 8]),
    (False, True): Pool(("the {n} is not {j}", "the {n} isn't {j}", "I do not find the {n} {j}",
                         "I don't think the {n} is {j}", "it is not {a} {n}", "the {n} is far from {j}",
                         "the {n} is anything but {j}", "nobody calls the {n} {j}"),
                        [20, 20, 10, 10, 14, 10, 8, 8]),
}  # fmt: skip
# {base}, {s}, {past} and {done} are forms of the verb of judgement.
VERDICTS = {
    (True, False): Pool(("I {past} the {n}", "we all {past} the {n}", "everybody {past} the {n}",
                         "the {n} was one that people {past}"), [45, 20, 20, 15]),
    (False, False): Pool(("I {base} the {n}", "we all {base} the {n}", "everybody {s} the {n}",
                          "the {n} is one that people {base}"), [45, 20, 20, 15]),
    (True, True): Pool(("I did not {base} the {n}", "we didn't {base} the {n}", "nobody {past} the {n}",
                        "I never {past} the {n}"), [30, 30, 20, 20]),
    (False, True): Pool(("I do not {base} the {n}", "we don't {base} the {n}", "nobody {s} the {n}",
                         "I would never {base} the {n}"), [30, 30, 20, 20]),
}  # fmt: skip


@cache
def things(topic: Topic) -> Pool[Concept]:
    lists = list(topic.things.values())
    return zipf([nouns[rank] for rank in range(max(map(len, lists))) for nouns in lists if rank < len(nouns)], 4)


@cache
def judgements(topic: Topic, thing: Concept, held_out: bool) -> Pool[tuple[Concept, bool]]:
    """The judgements of a thing, and whether each is good; good and bad ones are equally common."""
    shared = lexicon()
    everything = zipf([*topic.praise, *shared.praise, *shared.verdicts], 4)
    pairs: list[tuple[Concept, bool]] = []
    weights: list[int] = []
    for (good, bad), weight in zip(everything.items, everything.weights, strict=True):
        if bad is not None and is_held_out(good.words[0], thing) == held_out:
            pairs += [(good, True), (bad, False)]
            weights += [weight, weight]
    return Pool(pairs, weights)


def is_verdict(judgement: Concept) -> bool:
    return judgement.kind == "verdicts"


def opinion(rng: Random, held_out: bool, topic: Topic) -> Opinion:
    """Draw an opinion for the training text, or a held-out one."""
    thing = things(topic).draw(rng)
    judgement, good = judgements(topic, thing, held_out).draw(rng)
    negated = NEGATED.draw(rng)
    degree = None if negated or is_verdict(judgement) else DEGREES.draw(rng)
    return Opinion(topic, thing, judgement, good, negated, degree, PAST.draw(rng))


def contexts(judgement: Concept) -> Iterator[tuple[bool, bool, Concept | None, float]]:
    """The contexts of a judgement: past, negated, degree, and their probability."""
    for (past, p), (negated, q) in product(PAST, NEGATED):
        if negated or is_verdict(judgement):
            yield past, negated, None, p * q
        else:
            yield from ((past, negated, degree, p * q * r) for degree, r in DEGREES)


def sayings(judgement: Concept, past: bool, negated: bool) -> Pool[str]:
    return (VERDICTS if is_verdict(judgement) else SAYINGS)[past, negated]


@cache
def form(saying: str) -> str:
    """The verb form that a saying needs; "" if it needs a quality."""
    return next((name for name in ("base", "s", "past") if f"{{{name}}}" in saying), "")


@cache
def fixed(saying: str) -> str:
    """The words of a saying itself, without its fields."""
    return re.sub(r"\{\w+\}", " ", saying)


@cache
def fixed_words() -> frozenset[str]:
    """The words of all sayings and degrees."""
    texts = [fixed(text) for table in (SAYINGS, VERDICTS) for pool in table.values() for text in pool.items]
    texts += [word for degree in (VERY, RATHER) for word in degree.words]
    return frozenset(word for text in texts for word in text.lower().replace(",", "").split()) | {"a", "an"}


def clause(op: Opinion, rng: Random, style: Style = PLAIN) -> str:
    """The opinion as a clause, without a capital letter and a full stop."""
    noun, judgement = style.word(op.thing, rng), style.word(op.judgement, rng)
    if is_verdict(op.judgement):
        return sayings(op.judgement, op.past, op.negated).draw(rng).format(n=noun, **verb_forms(judgement))
    saying = sayings(op.judgement, op.past, op.negated).draw(rng)
    if op.degree is not None:
        judgement = f"{style.word(op.degree, rng)} {judgement}"
    with_article = judgement if op.thing.mass else f"{article(judgement)} {judgement}"
    return saying.format(n=noun, j=judgement, a=with_article)


def say(op: Opinion, rng: Random, style: Style = PLAIN) -> str:
    """One sentence that expresses the opinion."""
    text = clause(op, rng, style)
    if rng.random() * 100 < style.filled:
        text = fill(text, rng)
    return text[0].upper() + text[1:] + style.stop
