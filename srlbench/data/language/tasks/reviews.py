"""Sets of attitude: good or bad in GenMR, GenCR, GenSST2 and GenMPQA; a judgement or an event in GenSUBJ."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ...rows import Rows
from .. import change
from ..events import event, people
from ..lexicon import TOPICS, Topic, lexicon
from ..morphology import article, plural, verb_forms
from ..opinions import Opinion, clause, is_verdict, opinion, things
from ..pool import Pool, zipf
from ..realise import PLAIN, Style, fill, realise

FILMS, PRODUCTS = ("film", "film", "music"), ("computing", "travel", "building", "music", "cooking", "office")
Maker = Callable[[Random, Topic, bool], str]

# {c} is a conceded or expected opinion; {m} is the main opinion, which gives the label.
CONCESSIONS = zipf(
    (
        "although {c}, {m}",
        "{c}, but {m}",
        "{m}, even though {c}",
        "while some may say that {c}, {m}",
        "despite the claim that {c}, {m}",
        "{c}; all the same, {m}",
        "I had been told that {c}, yet {m}",
        "{m}, whatever people say about how {c}",
    ),
    6,
)
AGREEMENTS = zipf(("{c} and {m}", "{c}, and what is more, {m}", "not only that: {c}, and {m}"), 4)
# Opinions about a thing without a word for good or bad.
HINTS = {
    True: (
        "I would gladly come back for the {n}",
        "they should make more like the {n}",
        "I could not get enough of the {n}",
        "the {n} was worth every penny",
        "my friends all want the {n} now",
        "the {n} kept me up all night and I did not mind",
        "you will not regret the {n}",
        "it is hard to find fault with the {n}",
        "nothing about the {n} let me down",
    ),
    False: (
        "I want my money back for the {n}",
        "I could not wait for the {n} to be over",
        "the {n} was a waste of time",
        "I expected far more from the {n}",
        "there is little to be said for the {n}",
        "never again will I bother with the {n}",
        "the {n} could not have come at a higher price for so little",
        "the {n} put me to sleep",
        "I cannot see what anybody sees in the {n}",
    ),
}
MIXTURE: Pool[str] = Pool(("plain", "concession", "agreement", "hint", "wish"), [62, 9, 18, 9, 2])


def _opinion(rng: Random, topic: Topic, positive: bool) -> Opinion:
    """A held-out opinion of this polarity."""
    op = opinion(rng, True, topic)
    if op.positive != positive:
        op = op._replace(judgement=lexicon().opposite[op.judgement], good=not op.good)
    return op


def _about(rng: Random, topic: Topic, positive: bool) -> str:
    return clause(_opinion(rng, topic, positive), rng)


def _hint(rng: Random, topic: Topic, positive: bool) -> str:
    hints = HINTS[positive]
    return hints[int(rng.random() * len(hints))].format(n=PLAIN.word(things(topic).draw(rng), rng))


def _review(rng: Random, topic: Topic, positive: bool) -> str:
    """A sentence whose main clause is of this polarity."""
    kind = MIXTURE.draw(rng)
    if kind == "hint":
        text = _hint(rng, topic, positive)
    elif kind == "concession":
        text = CONCESSIONS.draw(rng).format(c=_about(rng, topic, not positive), m=_about(rng, topic, positive))
    elif kind == "agreement":
        text = AGREEMENTS.draw(rng).format(c=_about(rng, topic, positive), m=_about(rng, topic, positive))
    elif kind == "wish":
        op = _opinion(rng, topic, not positive)._replace(past=False, negated=False)
        op = op._replace(judgement=op.judgement if op.good != positive else lexicon().opposite[op.judgement])
        text = f"I wish I could say that {clause(op, rng)}"
    else:
        text = _about(rng, topic, positive)
    if rng.random() < 0.2:
        text = fill(text, rng)
    return text[0].upper() + text[1:] + "."


def _labelled(rng: Random, n: int, share: float, names: tuple[str, ...], make: Maker) -> dict[str, list[object]]:
    """The columns of `n` distinct texts in random order; this share of them has label 1."""
    topics = [topic for name in names for topic in lexicon().topics if topic.name == name]
    positives = round(n * share)
    labels: dict[str, int] = {}
    for label, size in ((1, positives), (0, n)):
        while len(labels) < size:
            text = make(rng, topics[int(rng.random() * len(topics))], label == 1)
            labels.setdefault(text, label)
    order = sorted((rng.random(), text) for text in labels)
    return {"text": [text for _, text in order], "label": [labels[text] for _, text in order]}


def _one_split(name: str, columns: dict[str, list[object]]) -> Rows:
    return Rows(name, "classification", {"test": columns})


def movie_reviews(name: str, rng: Random) -> Rows:
    return _one_split(name, _labelled(rng, 1000, 0.5, FILMS, _review))


def customer_reviews(name: str, rng: Random) -> Rows:
    return _one_split(name, _labelled(rng, 1000, 0.64, PRODUCTS, _review))


def sentiment(name: str, rng: Random) -> Rows:
    columns = _labelled(rng, 1400, 0.5, FILMS, _review)
    cuts = {"train": slice(0, 800), "dev": slice(800, 1000), "test": slice(1000, 1400)}
    return Rows(
        name,
        "classification",
        {split: {key: values[cut] for key, values in columns.items()} for split, cut in cuts.items()},
    )


def _phrase(rng: Random, topic: Topic, positive: bool) -> str:
    """A phrase of two to five words with an attitude."""
    shape = rng.random()
    if shape < 0.4:
        verb = next(v for v in iter(lambda: zipf(lexicon().acts).draw(rng), None) if v[1])[0 if positive else 1]
        assert verb is not None
        person = PLAIN.word(people(topic, None).draw(rng), rng)
        form = verb_forms(PLAIN.word(verb, rng))
        opening = (
            "{past} the {n}",
            "{ing} the {n}",
            "{base} all {ns}",
            "{done} by the {n}",
            "will {base} the {n}",
        )
        return opening[int(rng.random() * len(opening))].format(n=person, ns=plural(person), **form)
    op = _opinion(rng, topic, positive)
    judgement, thing = PLAIN.word(op.judgement, rng), PLAIN.word(op.thing, rng)
    if is_verdict(op.judgement):
        form = verb_forms(judgement)
        return f"never {form['past']} the {thing}" if op.negated else f"{form['past']} the {thing}"
    if op.negated:
        return f"not {judgement}" if shape < 0.6 else f"anything but {judgement}"
    if shape < 0.75:
        return f"{article(judgement)} {judgement} {thing}" if not op.thing.mass else f"{judgement} {thing}"
    degree = PLAIN.word(op.degree, rng) if op.degree else "so"
    return f"{degree} {judgement}"


def phrases(name: str, rng: Random) -> Rows:
    return _one_split(name, _labelled(rng, 1000, 0.31, TOPICS, _phrase))


JUDGED = zipf(
    (
        "it is a shame that {e}",
        "there is something heroic about how {e}",
        "I still cannot believe that {e}",
        "one has to admire the way {e}",
        "nobody should be surprised that {e}",
        "what a joy that {e}",
    ),
    6,
)
REPORTED = zipf(
    (
        "critics wrote that {o}",
        "a survey found that most visitors said that {o}",
        "in a letter, one reader said that {o}",
        "the headline claimed that {o}",
    ),
    6,
)


def _judged_or_told(rng: Random, topic: Topic, objective: bool) -> str:
    """A sentence that reports (objective) or judges; some reports quote a judgement, some judgements name an event."""
    style = Style(filled=10 if objective else 0, stop="")
    mixed = rng.random() < 0.3
    if objective == mixed:
        inner = clause(opinion(rng, True, topic), rng)
        text = REPORTED.draw(rng).format(o=inner) if objective else inner
    else:
        drawn = change.drop(event(rng, True, topic), rng, 0.4)
        report = realise(drawn if objective else drawn._replace(stance=None), rng, style)
        text = report if objective else JUDGED.draw(rng).format(e=report[0].lower() + report[1:])
    return text[0].upper() + text[1:] + "."


def subjectivity(name: str, rng: Random) -> Rows:
    return _one_split(name, _labelled(rng, 600, 0.5, (*FILMS, "politics", "sport", "cooking"), _judged_or_told))
