"""Pairs of sentences graded from their frames: GenSTS12 to GenSTSB, GenSICK-R and GenMRPC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from ...rows import Rows
from .. import change, noise
from ..events import Event, event
from ..grade import likeness
from ..lexicon import TOPICS, Topic, lexicon
from ..pool import Pool
from ..realise import CONSTRUCTIONS, Style, realise

SIMPLE = Pool(("active", "passive"), [75, 25])
BOTH = Pool(("active", "passive"), [50, 50])

ONE_CHANGE: Pool[change.Change] = Pool(
    (change.change_object, change.change_verb, change.change_agent, change.change_place, change.change_number,
     change.change_time, change.change_quality, change.oppose, change.negate, change.swap),
    [22, 20, 16, 8, 8, 6, 5, 6, 5, 4])  # fmt: skip
CORE_CHANGE: Pool[change.Change] = Pool(
    (change.change_object, change.change_verb, change.change_agent), [36, 36, 28])  # fmt: skip

# Kinds of pair, from the same event to one of another topic.
KINDS = ("same", "vaguer", "one change", "two changes", "same actors", "same topic", "unrelated")


@dataclass(frozen=True)
class Genre:
    """What one subset is made of: topics, kinds of pair, how much detail, constructions, noise."""

    name: str
    topics: tuple[str, ...] = TOPICS
    weights: tuple[int, ...] = (20, 11, 16, 13, 10, 19, 11)
    lean: float = 0.5  # how much detail is left out
    constructions: Pool[str] = CONSTRUCTIONS
    filled: int = 20
    noise: Callable[[str, Random], str] = noise.plain
    rows: int = 100


HEADLINES = Genre("gen-headlines", ("politics", "sport", "crime"), lean=0.7, constructions=SIMPLE, filled=0,
                  noise=noise.headline)  # fmt: skip
FORUM = Genre("gen-forum", ("computing", "travel", "building", "cooking"), filled=60, noise=noise.typed)
IMAGES = Genre("gen-images", ("nature", "sport", "cooking", "farming", "music"), lean=0.8, constructions=SIMPLE, filled=0)
NEWS = Genre("gen-news", ("politics", "crime", "office", "science"), lean=0.25)
ANSWERS = Genre("gen-answers", ("health", "computing", "school", "building"), filled=45)

SETS: dict[str, tuple[Genre, ...]] = {
    "GenSTS12": (
        Genre("gen-paraphrase", ("office", "politics", "crime"), (30, 15, 22, 10, 8, 10, 5), 0.3),
        Genre("gen-video", ("nature", "cooking", "music", "sport"), lean=0.9, constructions=SIMPLE, filled=0),
        Genre("gen-parliament", ("politics",), (28, 14, 20, 14, 9, 15, 0), 0.2),
        Genre("gen-glosses", ("science", "school", "health"), lean=0.9, filled=0),
        Genre("gen-newswire", ("politics", "office", "crime"), lean=0.2),
    ),
    "GenSTS13": (
        HEADLINES,
        Genre("gen-definitions", ("science", "building", "farming", "health"), lean=0.9, filled=0, rows=180),
        Genre("gen-lexicon", ("film", "music", "school", "travel"), lean=0.6, rows=140),
    ),
    "GenSTS14": (
        FORUM, NEWS, HEADLINES, IMAGES,
        Genre("gen-glosses", ("office", "computing", "crime"), lean=0.9, filled=0, rows=75),
        Genre("gen-posts", ("film", "sport", "music"), lean=0.7, filled=40, noise=noise.typed, rows=75),
    ),
    "GenSTS15": (FORUM, ANSWERS, Genre("gen-belief", ("politics", "health", "science"), filled=70), HEADLINES, IMAGES),
    "GenSTS16": (
        ANSWERS, HEADLINES,
        Genre("gen-plagiarism", ("science", "school", "computing"), (34, 20, 20, 10, 6, 8, 2), 0.2),
        Genre("gen-postediting", ("politics", "travel", "office"), (30, 20, 24, 12, 6, 6, 2), 0.2),
        Genre("gen-questions", ("cooking", "farming", "building"), filled=50, lean=0.6),
    ),
    "GenSTSB": (),
    "GenSICK-R": (),
}  # fmt: skip


def _far(e: Event, rng: Random, topic: Topic) -> Event:
    """Another event that shares what says little: time, tense, quantities, manner, stance."""
    new = event(rng, True, topic)
    number = new.object_number if new.object.mass or e.object.mass else e.object_number
    return new._replace(tense=e.tense, time=e.time, manner=e.manner, stance=e.stance, negated=e.negated,
                        agent_number=e.agent_number, object_number=number)  # fmt: skip


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
    """Two sentences and their frames; the more alike the meanings, the less alike the words."""
    one = change.drop(event(rng, True, topic), rng, genre.lean)
    two = _second(kind, one, rng)
    said: set[str] = set()
    first = realise(one, rng, Style(genre.constructions, genre.filled, said=said))
    apart = kind in ("same", "vaguer", "one change") and rng.random() < 0.75
    second = realise(two, rng, Style(genre.constructions, genre.filled, shun=said if apart else ()))
    return genre.noise(first, rng), genre.noise(second, rng), one, two


def _rows(genre: Genre, n: int, rng: Random, low: float, denied: float) -> list[tuple[str, str, float, str]]:
    """`n` pairs of a genre, graded from `low` to 5."""
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


MIXED = (HEADLINES, FORUM, NEWS, Genre("gen-captions", ("nature", "music", "travel", "school"), lean=0.8, filled=0))
SICK = Genre("gen-sick", weights=(20, 14, 34, 12, 6, 9, 5), lean=0.75, constructions=BOTH, filled=0)


def make(name: str, rng: Random) -> Rows:
    """One of the sets of graded pairs."""
    if name == "GenSTSB":
        splits = {split: [row for genre in MIXED for row in _rows(genre, n, rng, 0.0, 0.6)]
                  for split, n in (("dev", 75), ("test", 100))}  # fmt: skip
    elif name == "GenSICK-R":
        splits = {"test": _rows(SICK, 500, rng, 1.0, 0.65)}
    else:
        splits = {"test": [row for genre in SETS[name] for row in _rows(genre, genre.rows, rng, 0.0, 0.6)]}
    return Rows(name, "sts", {split: _columns(rows) for split, rows in splits.items()})


NOT_PARAPHRASES: Pool[change.Change] = Pool(
    (change.swap, change.negate, change.oppose, change.change_number, change.change_place, change.change_object,
     change.change_verb, change.change_agent),
    [8, 8, 12, 6, 8, 24, 20, 14])  # fmt: skip


def paraphrases(name: str, rng: Random) -> Rows:
    """Pairs that say the same, or nearly the same words and something else."""
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
