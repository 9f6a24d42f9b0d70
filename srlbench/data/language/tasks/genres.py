"""The genres of the sets of graded pairs: their topics, length, noise and similarity of pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from .. import noise
from ..lexicon import TOPICS
from ..pool import Pool
from ..realise import CONSTRUCTIONS

SIMPLE = Pool(("active", "passive"), [75, 25])
BOTH = Pool(("active", "passive"), [50, 50])

# The kinds of pairs, from the same event to an event of another topic.
KINDS = ("same", "vaguer", "one change", "two changes", "same actors", "same topic", "unrelated")


@dataclass(frozen=True)
class Genre:
    """The settings of one subset: topics, kinds of pairs, amount of detail, constructions, noise."""

    name: str
    topics: tuple[str, ...] = TOPICS
    weights: tuple[int, ...] = (20, 11, 16, 13, 10, 19, 11)
    lean: float = 0.5  # the share of details to drop
    constructions: Pool[str] = CONSTRUCTIONS
    filled: int = 20
    noise: Callable[[str, Random], str] = noise.plain
    rows: int = 100


HEADLINES = Genre(
    "gen-headlines",
    ("politics", "sport", "crime"),
    lean=0.7,
    constructions=SIMPLE,
    filled=0,
    noise=noise.headline,
)
FORUM = Genre("gen-forum", ("computing", "travel", "building", "cooking"), filled=60, noise=noise.typed)
IMAGES = Genre(
    "gen-images", ("nature", "sport", "cooking", "farming", "music"), lean=0.8, constructions=SIMPLE, filled=0
)
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
        FORUM,
        NEWS,
        HEADLINES,
        IMAGES,
        Genre("gen-glosses", ("office", "computing", "crime"), lean=0.9, filled=0, rows=75),
        Genre("gen-posts", ("film", "sport", "music"), lean=0.7, filled=40, noise=noise.typed, rows=75),
    ),
    "GenSTS15": (
        FORUM,
        ANSWERS,
        Genre("gen-belief", ("politics", "health", "science"), filled=70),
        HEADLINES,
        IMAGES,
    ),
    "GenSTS16": (
        ANSWERS,
        HEADLINES,
        Genre("gen-plagiarism", ("science", "school", "computing"), (34, 20, 20, 10, 6, 8, 2), 0.2),
        Genre("gen-postediting", ("politics", "travel", "office"), (30, 20, 24, 12, 6, 6, 2), 0.2),
        Genre("gen-questions", ("cooking", "farming", "building"), filled=50, lean=0.6),
    ),
    "GenSTSB": (),
    "GenSICK-R": (),
}

MIXED = (
    HEADLINES,
    FORUM,
    NEWS,
    Genre("gen-captions", ("nature", "music", "travel", "school"), lean=0.8, filled=0),
)
SICK = Genre("gen-sick", weights=(20, 14, 34, 12, 6, 9, 5), lean=0.75, constructions=BOTH, filled=0)
