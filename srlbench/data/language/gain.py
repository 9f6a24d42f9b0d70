"""The exact information that a word gives about the meaning of its sentence.

For a sentence of the training text let M be its whole frame (for an event: topic, verb, object, agent, their
quantities and qualities, recipient, tool, place, tense, time, manner, stance, negation; for an opinion:
topic, thing, judgement, negation, degree, tense), and let W be the event that the word occurs in it. Then

    gain(word) = KL(P(M | W) || P(M)) = E[x log2 x] / E[x] - log2 E[x],   x = P(W | M), M ~ P(M).

x is one minus a product over the parts of the frame, because given M the words of each part are chosen
independently. Only the construction connects the parts, and x is a mixture over the constructions. Frames
with equal factors are counted together, so the sum over all frames is exact and short. The computation for
all words takes half a minute, so its result is stored in `words.tsv`; to write that file again, run
`python -m srlbench.data.language.gain > words.tsv`.
"""

from __future__ import annotations

from math import log2

from srlbench.data.language.adding import total

from . import events
from .event_misses import event_misses
from .frequency import probabilities
from .opinion_misses import opinion_misses, topic_words
from .realise import FILLED
from .surface import filler_ways
from .text import OPINIONS


def gain(word: str) -> float:
    """The gain of a word, KL(P(M | the word occurs) || P(M)), in bits; see the module."""
    unfilled = 1.0 - FILLED / 100 * total(p for p, counts in filler_ways() if word in counts)
    share = dict(OPINIONS)
    surprise = expected = 0.0
    for topic, topic_p in events.topics():
        kinds = [(share[False], event_misses(topic, word))]
        possible = word in topic_words(topic)
        kinds.append((share[True], opinion_misses(topic, word) if possible else iter(((1.0, 1.0),))))
        for kind_p, misses in kinds:
            for missed, p in misses:
                x = 1.0 - missed * unfilled
                if x > 1e-15:
                    weight = topic_p * kind_p * p * x
                    expected += weight
                    surprise += weight * log2(x)
    bits = surprise / expected - log2(expected)
    return bits if bits > 1e-12 else 0.0


def table() -> str:
    """The text of `words.tsv`: every word of the training text with its probability and gain, one in each line."""
    return "".join(f"{word}\t{p:.12g}\t{gain(word):.12g}\n" for word, p in probabilities().items())


if __name__ == "__main__":
    print(table(), end="")
