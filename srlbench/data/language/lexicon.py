"""The lexicon, from plain-text files: concepts, their synonyms and opposites, and the objects and tools of verbs.

A list has comma-separated concepts. `/` separates the synonyms of a concept, the commonest first. `^` stands
between a concept and its opposite. A leading `~` marks a mass noun. A verb line is `verb | object classes | tools`;
`> people` in place of tools means that the object is handed to someone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

TOPICS = (
    "politics",
    "sport",
    "film",
    "nature",
    "travel",
    "cooking",
    "office",
    "music",
    "crime",
    "health",
    "school",
    "computing",
    "building",
    "science",
    "farming",
)  # commonest first
PLACES, PEOPLE = "places", "people"


@dataclass(frozen=True, eq=False)
class Concept:
    """One meaning and its words; two concepts are equal only if they are the same Python object."""

    words: tuple[str, ...]
    kind: str
    topic: str = ""
    mass: bool = False


@dataclass(frozen=True, eq=False)
class Verb(Concept):
    """A predicate: the classes of its objects, its tools, and whether it needs a recipient (dative).

    Of two opposite verbs only the first has tools: one wins a match with a late goal, but does not lose it with one.
    """

    classes: tuple[str, ...] = ()
    tools: tuple[Concept, ...] = ()
    dative: bool = False
    line: str = ""  # the same for a verb and its opposite, so they share their held-out objects


Pair = tuple[Concept, Concept | None]


@dataclass(frozen=True, eq=False)
class Topic:
    """The concepts of one topic: its people, things by class, places, verbs and qualities."""

    name: str
    people: tuple[Concept, ...]
    things: dict[str, tuple[Concept, ...]]
    places: tuple[Concept, ...]
    verbs: tuple[Verb, ...]
    qualities: dict[str, tuple[Concept, ...]]
    traits: tuple[Concept, ...]
    praise: tuple[Pair, ...]
    wild: bool


@dataclass(frozen=True, eq=False)
class Lexicon:
    """All topics, and the concepts and word forms that they share."""

    topics: tuple[Topic, ...]
    lists: dict[str, tuple[Concept, ...]]
    praise: tuple[Pair, ...]
    verdicts: tuple[Pair, ...]
    acts: tuple[Pair, ...]
    opposite: dict[Concept, Concept]
    hypernym: dict[Concept, Concept]
    colour: dict[str, int]
    verbs: dict[str, tuple[str, str]]
    doubling: frozenset[str]
    plurals: dict[str, str]


def _sections(name: str) -> dict[str, list[str]]:
    """The lines under each `heading:` of a lexicon file; text after the colon is the first of them."""
    sections: dict[str, list[str]] = {}
    prefix = heading = ""
    for line in (files(__package__) / "lexicon" / f"{name}.txt").read_text("utf-8").splitlines():
        head, colon, rest = line.partition(":")
        if colon:
            if head == "praise":
                prefix = ""
            heading = prefix + head
            sections[heading] = [rest.strip()] if rest.strip() else []
            if head == "qualities":
                prefix = "qualities "
        else:
            sections[heading].append(line)
    return sections


class _Reader:
    """A reader of concepts, which also collects their opposites."""

    def __init__(self) -> None:
        self.opposite: dict[Concept, Concept] = {}

    def pairs(self, text: str, kind: str, topic: str = "") -> tuple[Pair, ...]:
        pairs: list[Pair] = []
        for item in text.split(", "):
            sides = [
                Concept(tuple(side.lstrip("~").split("/~" if "/~" in side else "/")), kind, topic, side[0] == "~")
                for side in item.split(" ^ ")
            ]
            if len(sides) == 2:
                self.oppose(sides[0], sides[1])
            pairs.append((sides[0], sides[1] if len(sides) == 2 else None))
        return tuple(pairs)

    def concepts(self, text: str, kind: str, topic: str = "") -> tuple[Concept, ...]:
        return tuple(side for pair in self.pairs(text, kind, topic) for side in pair if side)

    def oppose(self, one: Concept, other: Concept) -> None:
        self.opposite[one], self.opposite[other] = other, one

    def verbs(self, lines: list[str], topic: str) -> tuple[Verb, ...]:
        verbs: list[Verb] = []
        for line in lines:
            sides, classes, tools = (*line.split(" | "), "")[:3]
            dative = tools == "> people"
            concepts = self.concepts(tools, "tools", topic) if tools and not dative else ()
            both = [
                Verb(
                    tuple(side.split("/")),
                    "verbs",
                    topic,
                    False,
                    tuple(classes.split()),
                    () if rank else concepts,
                    dative,
                    sides.split("/")[0],
                )
                for rank, side in enumerate(sides.split(" ^ "))
            ]
            if len(both) == 2:
                self.oppose(both[0], both[1])
            verbs += both
        return tuple(verbs)


def _topic(name: str, read: _Reader, shared: dict[str, list[str]], hypernym: dict[Concept, Concept]) -> Topic:
    sections = _sections(name)
    wild = "social" in sections
    own = ("social", "people", "places", "verbs", "qualities", "praise")
    things: dict[str, tuple[Concept, ...]] = {}
    for heading, lines in sections.items():
        if heading not in own and not heading.startswith("qualities"):
            kind = heading.lstrip("~")
            things[kind] = read.concepts(lines[0], kind, name)
            broad = Concept((kind.replace("-", " "),), kind, name, heading[0] == "~")
            hypernym.update(dict.fromkeys(things[kind], broad))
    people = read.concepts(sections["people"][0], PEOPLE, name)
    broad = Concept(("animal" if wild else "person",), PEOPLE, name)
    hypernym.update(dict.fromkeys(people, broad))
    verbs = read.verbs(sections["verbs"], name)
    if not wild:
        verbs += read.verbs(shared["verbs"], name)
    return Topic(
        name=name,
        people=people,
        things=things,
        places=read.concepts(sections["places"][0], PLACES, name),
        verbs=verbs,
        qualities={
            kind: read.concepts(sections[f"qualities {kind}"][0], "qualities", name)
            for kind in things
            if f"qualities {kind}" in sections
        },
        traits=read.concepts(shared["wild traits" if wild else "traits"][0], "traits", name),
        praise=read.pairs(sections["praise"][0], "praise", name),
        wild=wild,
    )


def _colours(topics: tuple[Topic, ...]) -> dict[str, int]:
    """One of three colours (0 to 2) for each noun: balanced in each class, and the same in all topics with the word."""
    colour: dict[str, int] = {}
    for topic in topics:
        for nouns in (topic.people, *topic.things.values()):
            for rank, noun in enumerate(nouns):
                known = next((colour[word] for word in noun.words if word in colour), rank % 3)
                colour.update(dict.fromkeys(noun.words, known))
    return colour


@cache
def lexicon() -> Lexicon:
    """The lexicon, which is read once."""
    read, shared = _Reader(), _sections("general")
    hypernym: dict[Concept, Concept] = {}
    topics = tuple(_topic(name, read, shared, hypernym) for name in TOPICS)
    # An entry has the singular and the plural, which may be of several words: one half each.
    halves = [entry.split() for entry in shared["irregular plurals"][0].split(", ")]
    plain = (
        "fillers",
        "manners",
        "past",
        "perfect",
        "now",
        "usually",
        "future",
        "glad",
        "sorry",
        "odd",
        "sure",
        "unsure",
        "heard",
        "numbers",
    )
    return Lexicon(
        topics=topics,
        lists={key: read.concepts(shared[key][0], key) for key in plain},
        praise=read.pairs(shared["praise"][0], "praise"),
        verdicts=read.pairs(shared["verdicts"][0], "verdicts"),
        acts=read.pairs(shared["acts"][0], "acts"),
        opposite=read.opposite,
        hypernym=hypernym,
        colour=_colours(topics),
        verbs={base: (past, done) for base, past, done in map(str.split, shared["irregular verbs"][0].split(", "))},
        doubling=frozenset(shared["doubling verbs"][0].split(", ")),
        plurals={" ".join(h[: len(h) // 2]): " ".join(h[len(h) // 2 :]) for h in halves},
    )
