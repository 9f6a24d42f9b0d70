"""Training text: sentences, and triplets of an anchor, an entailed sentence and a contradicting one."""

from __future__ import annotations

from random import Random

from . import change
from .events import Event, event, topics
from .opinions import Opinion, opinion, say
from .pool import Pool
from .realise import Style, realise

OPINIONS = Pool([False, True], [80, 20])  # whether a sentence is an opinion


def sentences(n: int, seed: int, version: int) -> list[str]:
    rng = Random(f"srlbench language {version} sentences {seed}")
    return [_sentence(rng) for _ in range(n)]


def frame(rng: Random) -> Event | Opinion:
    """Draw the meaning of a training sentence."""
    topic = topics().draw(rng)
    return opinion(rng, False, topic) if OPINIONS.draw(rng) else event(rng, False, topic)


def _sentence(rng: Random) -> str:
    drawn = frame(rng)
    return say(drawn, rng) if isinstance(drawn, Opinion) else realise(drawn, rng)


def triplets(n: int, seed: int, version: int) -> list[tuple[str, str, str]]:
    rng = Random(f"srlbench language {version} triplets {seed}")
    return [_triplet(rng) for _ in range(n)]


def _triplet(rng: Random) -> tuple[str, str, str]:
    drawn, said = frame(rng), set[str]()
    first, second = Style(said=said), Style(shun=said)
    if isinstance(drawn, Opinion):
        return (
            say(drawn, rng, first),
            say(change.weaken(drawn, rng), rng, second),
            say(change.contradict_opinion(drawn, rng), rng, first),
        )
    return (
        realise(drawn, rng, first),
        realise(change.generalise(drawn, rng), rng, second),
        realise(change.contradict(drawn, rng), rng),
    )
