"""Sentence pairs with grades from their frames: GenSTS12 to GenSTSB, GenSICK-R and GenMRPC."""

from __future__ import annotations

from random import Random

from ...rows import Rows
from .. import change
from ..events import Event, event
from ..grade import likeness
from ..lexicon import Topic, lexicon
from ..pool import Pool
from ..realise import Style, realise
from .genres import KINDS, MIXED, SETS, SICK, Genre

ONE_CHANGE: Pool[change.Change] = Pool(
    (
        change.change_object,
        change.change_verb,
        change.change_agent,
        change.change_place,
        change.change_number,
        change.change_time,
        change.change_quality,
        change.oppose,
        change.negate,
        change.swap,
    ),
    [22, 20, 16, 8, 8, 6, 5, 6, 5, 4],
)
CORE_CHANGE: Pool[change.Change] = Pool((change.change_object, change.change_verb, change.change_agent), [36, 36, 28])


def _far(e: Event, rng: Random, topic: Topic) -> Event:
    """Another event with the same minor details: time, tense, quantities, manner, stance, negation."""
    new = event(rng, True, topic)
    number = new.object_number if new.object.mass or e.object.mass else e.object_number
    return new._replace(
        tense=e.tense,
        time=e.time,
        manner=e.manner,
        stance=e.stance,
        negated=e.negated,
        agent_number=e.agent_number,
        object_number=number,
    )


def _near(e: Event, rng: Random) -> Event:
    """Another event of the same topic, in the same place."""
    return _far(e, rng, e.topic)._replace(place=e.place)


def _second(kind: str, e: Event, rng: Random) -> Event:
    """The frame of a pair's second sentence."""
    match kind:
        case "same":
            return e
        case "vaguer":
            return change.drop(e, rng, 0.6)
        case "one change":
            return change.first_change(e, rng, ONE_CHANGE)
        case "two changes":
            return change.first_change(change.first_change(e, rng, CORE_CHANGE), rng, CORE_CHANGE)
        case "same actors":
            new = _near(e, rng)
            return new._replace(agent=e.agent, agent_trait=e.agent_trait) if new.object is not e.agent else new
        case "same topic":
            return _near(e, rng)
    elsewhere = [topic for topic in lexicon().topics if topic is not e.topic]
    return _far(e, rng, elsewhere[int(rng.random() * len(elsewhere))])


def _pair(genre: Genre, kind: str, topic: Topic, rng: Random) -> tuple[str, str, Event, Event]:
    """Two sentences and their frames; sentences with similar meanings mostly use different words."""
    one = change.drop(event(rng, True, topic), rng, genre.lean)
    two = _second(kind, one, rng)
    said: set[str] = set()
    first = realise(one, rng, Style(genre.constructions, genre.filled, said=said))
    avoid = kind in ("same", "vaguer", "one change") and rng.random() < 0.75
    second = realise(two, rng, Style(genre.constructions, genre.filled, shun=said if avoid else ()))
    return genre.noise(first, rng), genre.noise(second, rng), one, two


def _rows(genre: Genre, n: int, rng: Random, low: float, denied: float) -> list[tuple[str, str, float, str]]:
    """`n` pairs of a genre, with grades from `low` to 5."""
    kinds = Pool(KINDS, genre.weights)
    of_topic = [topic for topic in lexicon().topics if topic.name in genre.topics]
    rows: list[tuple[str, str, float, str]] = []
    while len(rows) < n:
        topic = of_topic[int(rng.random() * len(of_topic))]
        first, second, one, two = _pair(genre, kinds.draw(rng), topic, rng)
        if first != second:
            rows.append((first, second, round(low + (5 - low) * likeness(one, two, denied), 1), genre.name))
    return rows


def _columns(rows: list[tuple[str, str, float, str]]) -> dict[str, list[object]]:
    first, second, score, subset = map(list, zip(*rows, strict=True))
    return {"sentence1": first, "sentence2": second, "score": score, "subset": subset}


def make(name: str, rng: Random) -> Rows:
    """The rows of one set of graded pairs."""
    if name == "GenSTSB":
        splits = {
            split: [row for genre in MIXED for row in _rows(genre, n, rng, 0.0, 0.6)]
            for split, n in (("dev", 75), ("test", 100))
        }
    elif name == "GenSICK-R":
        splits = {"test": _rows(SICK, 500, rng, 1.0, 0.65)}
    else:
        splits = {"test": [row for genre in SETS[name] for row in _rows(genre, genre.rows, rng, 0.0, 0.6)]}
    return Rows(name, "sts", {split: _columns(rows) for split, rows in splits.items()})


NOT_PARAPHRASES: Pool[change.Change] = Pool(
    (
        change.swap,
        change.negate,
        change.oppose,
        change.change_number,
        change.change_place,
        change.change_object,
        change.change_verb,
        change.change_agent,
    ),
    [8, 8, 12, 6, 8, 24, 20, 14],
)


def paraphrases(name: str, rng: Random) -> Rows:
    """The rows of GenMRPC: pairs with the same meaning, or with similar words and another meaning."""
    genre = Genre("gen-mrpc", ("politics", "office", "crime", "science", "health", "travel"), lean=0.3)
    splits = {}
    for split, n in (("train", 600), ("test", 300)):
        pairs = [_paraphrase(genre, rank % 3 != 0, rng) for rank in range(n)]
        first, second, label = map(list, zip(*pairs, strict=True))
        splits[split] = {"sentence1": first, "sentence2": second, "label": label}
    return Rows(name, "pair-classification", splits)


def _paraphrase(genre: Genre, same: bool, rng: Random) -> tuple[str, str, int]:
    of_topic = [topic for topic in lexicon().topics if topic.name in genre.topics]
    one = change.drop(event(rng, True, of_topic[int(rng.random() * len(of_topic))]), rng, genre.lean)
    two = one if same else change.first_change(one, rng, NOT_PARAPHRASES)
    if not same and rng.random() < 0.65:
        two = change.first_change(two, rng, CORE_CHANGE)
    said: set[str] = set()
    first = realise(one, rng, Style(filled=15, said=said))
    second = realise(two, rng, Style(filled=15, shun=said if rng.random() < 0.6 else ()))
    return first, second, int(same)
