"""GenTREC: questions, labelled by the kind of answer that they ask for."""

from __future__ import annotations

from random import Random

from ...rows import Rows
from .. import change
from ..events import Event, event
from ..lexicon import lexicon
from ..morphology import article, plural, verb_forms
from ..realise import PLAIN

ABBR, DESC, ENTY, HUM, LOC, NUM = range(6)
SHARES = {ABBR: 6, DESC: 22, ENTY: 23, HUM: 21, LOC: 14, NUM: 14}  # percent

# Templates that all classes share: only the head noun, {head}, tells the kind of answer.
SHARED = (
    "What {head} comes to mind when {agents} {base} {objects}?",
    "Which {head} did the {agent} name after {base_ing} the {object}?",
    "Name the {head} of the {agent} who {past} the {object}.",
    "What was the {head} when the {agent} {past} the {object}?",
    "What is the {head} of {a_object}?",
    "Tell me the {head} in the story of the {agent} and the {object}.",
    "Can you give the {head} for the {object} {place}?",
    "In the report, which {head} goes with the {object}?",
    "Do you know the {head} that the {agent} mentioned {place}?",
    "What {head} is linked to the {object}?",
    "What {head} did the {agent} note when the {object} was {done}?",
)
HEADS = {
    ABBR: "abbreviation, acronym, short form, initials, abbreviated name",
    DESC: "reason, cause, purpose, meaning, origin, explanation, definition, motive, method, effect, "
    "consequence, background, history, description, significance, procedure",
    ENTY: "animal, colour, language, instrument, disease, drink, tool, breed, brand, flower, song, food, "
    "vehicle, metal, game, tree, religion, product, fruit, bird, weapon, novel, dance, fish, material",
    HUM: "poet, king, queen, president, author, lawyer, woman, man, inventor, owner, winner, team, company, "
    "leader, actor, soldier, painter, pope, family, doctor, wife, brother, founder, nurse",
    LOC: "city, town, country, village, river, island, street, region, continent, state, capital, planet, "
    "mountain, county, port, valley, district, province, address, lake, ocean, neighbourhood, birthplace",
    NUM: "year, date, price, percentage, temperature, speed, distance, weight, age, month, amount, length, "
    "population, century, score, day, hour, height, fee, width, salary, duration, size, birthday",
}
OWN: dict[int, tuple[str, ...]] = {
    ABBR: (
        "What does {abbr} stand for?",
        "What is {abbr} short for?",
        "What do the letters {abbr} mean?",
        "How is the name of the {org} shortened?",
        "Spelled out in full, what is the {abbr}?",
    ),
    DESC: (
        "What is {a_object}?",
        "How do you {base} {a_object}?",
        "Why did the {agent} {base} the {object}?",
        "What does the word {object} mean?",
        "How did the {agent} {base} the {object}?",
        "What is the difference between {a_object} and {a_other}?",
        "What made the {agent} {base} the {object}?",
        "What happens when {a_agent} {s} {a_object}?",
        "Describe how the {object} was {done}.",
    ),
    ENTY: (
        "What did the {agent} {base} {place}?",
        "Which {kind} did the {agent} {base}?",
        "What {kind} was {done} by the {agent}?",
        "What kind of {kind} do {agents} {base}?",
        "What was {done} {place} by the {agent}?",
        "What is another word for {a_object}?",
        "Name {a_kind} that {agents} {base}.",
    ),
    HUM: (
        "Who {past} the {object} {place}?",
        "Which {agent} {past} the {object}?",
        "By whom was the {object} {done}?",
        "What {agent} {past} the {object} {time}?",
        "Name {a_agent} who {past} the {object}.",
        "What do you call somebody who {s} {objects}?",
        "Whose {object} was {done} {place}?",
    ),
    LOC: (
        "Where did the {agent} {base} the {object}?",
        "In what place was the {object} {done}?",
        "Where can you {base} {objects}?",
        "What is the best place to {base} {a_object}?",
        "Name a spot where {agents} {base} {objects}.",
    ),
    NUM: (
        "How many {objects} did the {agent} {base}?",
        "When did the {agent} {base} the {object}?",
        "How long did it take to {base} the {object}?",
        "How often do {agents} {base} {objects}?",
        "How much does {a_object} cost?",
        "What does {a_object} weigh?",
        "How far is the {object} from here?",
    ),
}
HEADED = 60  # percent of the questions that use a shared template


def _one_of(items: tuple[str, ...] | list[str], rng: Random) -> str:
    return items[int(rng.random() * len(items))]


def _organisation(agent: str, rng: Random) -> tuple[str, str]:
    """An organisation such as 'Royal Doctors Council', and its initials."""
    first = ("National", "International", "Royal", "European", "United", "Central", "American", "Free")
    last = ("Council", "Union", "Association", "Board", "Society", "League", "Institute", "Fund", "Office")
    words = f"{_one_of(first, rng)} {plural(agent).title()} {_one_of(last, rng)}"
    return words, "".join(word[0] for word in words.split())


def _with_article(noun: str, mass: bool = False) -> str:
    return noun if mass else f"{article(noun)} {noun}"


def _ask(e: Event, label: int, rng: Random) -> str:
    """A question for this kind of answer, with words of the event."""
    thing, agent = PLAIN.word(e.object, rng), PLAIN.word(e.agent, rng)
    rival = (change.change_object(e, rng) or e).object
    kind = lexicon().hypernym[e.object]
    form = verb_forms(PLAIN.word(e.verb, rng))
    org, abbr = _organisation(agent, rng)
    template = _one_of(SHARED if rng.random() * 100 < HEADED else OWN[label], rng)
    text = template.format(
        head=_one_of(HEADS[label].split(", "), rng),
        agent=agent,
        agents=plural(agent),
        a_agent=_with_article(agent),
        abbr=abbr,
        org=org,
        object=thing,
        objects=thing if e.object.mass else plural(thing),
        a_object=_with_article(thing, e.object.mass),
        a_other=_with_article(PLAIN.word(rival, rng), rival.mass),
        kind=kind.words[0],
        a_kind=_with_article(kind.words[0], kind.mass),
        base_ing=form["ing"],
        place=PLAIN.word(e.place, rng) if e.place else "",
        time=PLAIN.word(e.time, rng) if e.time else "",
        **form,
    )
    return " ".join(text.split()).replace(" ?", "?").replace(" .", ".")


def questions(name: str, rng: Random) -> Rows:
    """The rows of GenTREC: six classes of questions, in the proportions of the real set."""
    splits: dict[str, dict[str, list[object]]] = {}
    seen: set[str] = set()
    for split, n in (("train", 700), ("test", 300)):
        rows: list[tuple[float, str, int]] = []
        for label in [label for label, share in SHARES.items() for _ in range(n * share // 100)]:
            text = _ask(event(rng, True)._replace(tense="past"), label, rng)
            while text in seen:
                text = _ask(event(rng, True)._replace(tense="past"), label, rng)
            seen.add(text)
            rows.append((rng.random(), text, label))
        rows.sort()
        splits[split] = {"text": [row[1] for row in rows], "label": [row[2] for row in rows]}
    return Rows(name, "classification", splits)
