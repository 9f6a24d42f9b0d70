"""The generated language: what it pins, what it promises, and that its numbers are those of its text."""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
import time
from collections import Counter
from functools import cache
from random import Random

import pytest

import srlbench.data.language as language
from srlbench.data.language import change
from srlbench.data.language.events import event, is_held_out, objects, topics
from srlbench.data.language.frequency import probabilities
from srlbench.data.language.gain import gain
from srlbench.data.language.grade import likeness
from srlbench.data.language.lexicon import PEOPLE, lexicon
from srlbench.data.language.morphology import article, plural, verb_forms
from srlbench.data.language.opinions import Opinion, judgements, say, things
from srlbench.data.language.realise import realise
from srlbench.data.language.surface import words
from srlbench.data.language.text import frame

PINS: dict[str, str] = {
    "sentences": "b7333a120d370990916c55ea9c2d85efd4e1295f2666cb6ed7f5ca5302f56646",
    "triplets": "af58e43ef6eb2a3cfe4566a2324c17df29b0fc474c88d0bf781193c225dc5c55",
    "GenSTS12": "f23e2718938d841b91b2b7f0f48e9011faf524b1b16402ad46f7e35a7f3f55a6",
    "GenSTS13": "2d5b2480b0e89f48cf8f552d9036d7f31673057274ba865882ed1bd52b8cb87d",
    "GenSTS14": "e11a3a8da6170da2131c4ccb55ecbc762c565a4f103fb89fac96e52d7822c92e",
    "GenSTS15": "160570882b8bcd0d97a7195b4f10a5932425964fa315a139feda1d3bfcd17512",
    "GenSTS16": "0147177b495d89c71333fbcc9e9a2c4db14519f879c1893b60899785998682cb",
    "GenSTSB": "372048e6f855e4cc434286c99a2a41e9f064ffbeaae7174cbf9833be3c12b5e3",
    "GenSICK-R": "37c55a117ff50bd923c7672558294ccb720475853a1da9ea5633b693cd8bb8b1",
    "GenMR": "a3ba9b019864768bfe3a7b5268ed3b77fe8bfe0890af84e27826ae83a51fa5fe",
    "GenCR": "96391a0a02293cda9a537633fe3a1ea2044f8f03871c6b18706ab4771dc1b31c",
    "GenSUBJ": "8dc6c0857018b3c0fb06e35b52e3b3edbcac2145d7ab2973d2712bbaf17afb39",
    "GenMPQA": "9668d3207a541c8f42b46b001d29121190257e05d0397b053418f5ef1d3f9309",
    "GenSST2": "d828a09f50d730491ab0eed4827d691ac63a67e5537ee8d82c565ea0dd754437",
    "GenTREC": "5b9fa56f6f69621647910e5d22c1073da8364e4769204a546b2cfbafed44bfef",
    "GenMRPC": "08274f5785b5873e7d36e3ecac0dd8cde1d5240ed699c7d501712da96156c9e7",
}
COUNTS = {
    "GenSTS12": {"test": 500},
    "GenSTS13": {"test": 420},
    "GenSTS14": {"test": 550},
    "GenSTS15": {"test": 500},
    "GenSTS16": {"test": 500},
    "GenSTSB": {"dev": 300, "test": 400},
    "GenSICK-R": {"test": 500},
    "GenMR": {"test": 1000},
    "GenCR": {"test": 1000},
    "GenSUBJ": {"test": 600},
    "GenMPQA": {"test": 1000},
    "GenSST2": {"train": 800, "dev": 200, "test": 400},
    "GenTREC": {"train": 700, "test": 300},
    "GenMRPC": {"train": 600, "test": 300},
}
SUBSETS = {"GenSTS12": 5, "GenSTS13": 3, "GenSTS14": 6, "GenSTS15": 5, "GenSTS16": 5}
STS = [name for name in language.TASKS if name.startswith(("GenSTS", "GenSICK"))]


@cache
def rows(name):
    return language.task(name)


@cache
def training(seed):
    return language.sentences(20_000, seed)


def column(name, key):
    return [value for split in rows(name).splits.values() for value in split[key]]


def digest(texts) -> str:
    return hashlib.sha256(json.dumps(texts, ensure_ascii=False).encode()).hexdigest()


def pinned() -> dict[str, str]:
    found = {"sentences": digest(language.sentences(1000)), "triplets": digest(language.triplets(1000))}
    return found | {name: language.task(name).sha256() for name in language.TASKS}


def test_the_text_is_pinned():
    assert pinned() == PINS


def test_the_text_does_not_depend_on_the_process():
    program = (
        "import json, srlbench.data.language as l\n"
        "print(json.dumps([l.task('GenTREC').sha256(), l.task('GenSTS14').sha256(), l.triplets(50, 3)]))"
    )
    here = [rows("GenTREC").sha256(), rows("GenSTS14").sha256(), [list(t) for t in language.triplets(50, 3)]]
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(run.stdout) == here


def test_less_text_is_the_beginning_of_more():
    assert language.sentences(50, 5) == language.sentences(200, 5)[:50]
    assert language.triplets(50, 5) == language.triplets(200, 5)[:50]
    assert language.sentences(50, 5) != language.sentences(50, 6)


def test_vocabulary_is_large_and_zipfian():
    counts = Counter(word for text in training(0) for word in words(text))
    assert len(counts) > 4000
    assert sum(count >= 5 for count in counts.values()) > 2500
    points = [(math.log(rank), math.log(n)) for rank, (_, n) in enumerate(counts.most_common(2000), 1)]
    mean_x, mean_y = (sum(axis) / len(points) for axis in zip(*points, strict=True))
    cross = sum((x - mean_x) * (y - mean_y) for x, y in points)
    spread_x, spread_y = sum((x - mean_x) ** 2 for x, _ in points), sum((y - mean_y) ** 2 for _, y in points)
    assert -1.3 < cross / spread_x < -0.7
    assert cross**2 / (spread_x * spread_y) > 0.9


def test_no_evaluation_sentence_is_a_training_sentence():
    def bare(text):
        return " ".join(words(text))

    seen = {bare(text) for seed in range(3) for text in training(seed)}
    seen |= {bare(text) for seed in range(2) for triplet in language.triplets(8000, seed) for text in triplet}
    for name in language.TASKS:
        keys = [key for key in ("text", "sentence1", "sentence2") if key in next(iter(rows(name).splits.values()))]
        assert not [text for key in keys for text in column(name, key) if bare(text) in seen], name


def test_a_pair_of_words_is_held_out_wherever_it_can_be_said():
    sides: dict[tuple[str, str], list[tuple[bool, frozenset[str], str]]] = {}
    for topic in lexicon().topics:
        people = frozenset(word for person in topic.people for word in person.words)
        for verb in topic.verbs:
            pools = {held_out: objects(topic, verb, held_out).items for held_out in (True, False)}
            assert len(pools[True]) >= 2, verb
            assert len(pools[False]) >= 3, verb
            for held_out, nouns in pools.items():
                for pair in ((v, n) for noun in nouns for v in verb.words for n in noun.words):
                    for other_side, others, name in sides.setdefault(pair, []):
                        assert held_out == other_side or not (people & others or name == topic.name), pair
                    sides[pair].append((held_out, people, topic.name))
        for thing, _ in things(topic):
            kept, out = ({j.words[0] for j, _ in judgements(topic, thing, side).items} for side in (False, True))
            assert kept
            assert out
            assert not kept & out


@pytest.mark.parametrize("name", language.TASKS)
def test_rows_are_complete(name):
    found = rows(name)
    assert found.name == name
    assert found.counts() == COUNTS[name]
    texts = column(name, "text" if found.kind == "classification" else "sentence1")
    assert all(text.strip() == text and "  " not in text and "{" not in text for text in texts)


def test_fourteen_tasks_in_order():
    assert tuple(COUNTS) == language.TASKS
    with pytest.raises(KeyError, match="Known: GenSTS12"):
        language.task("GenSTS11")


@pytest.mark.parametrize("name", STS)
def test_grades_span_the_scale_and_words_do_not_give_them_away(name):
    from scipy.stats import spearmanr

    scores, low = column(name, "score"), 1.0 if name == "GenSICK-R" else 0.0
    assert min(scores) < low + 0.3
    assert max(scores) == 5.0
    assert all(round(score, 1) == score and low <= score <= 5 for score in scores)
    assert len(set(column(name, "subset"))) == SUBSETS.get(name, 4 if name == "GenSTSB" else 1)
    pairs = zip(column(name, "sentence1"), column(name, "sentence2"), strict=True)
    overlap = [len(a & b) / len(a | b) for a, b in ((set(words(x)), set(words(y))) for x, y in pairs)]
    assert 0.15 < spearmanr(overlap, scores).statistic < 0.56


def test_labels_have_their_shares():
    for name, share in {
        "GenMR": 0.5,
        "GenCR": 0.64,
        "GenSUBJ": 0.5,
        "GenMPQA": 0.31,
        "GenMRPC": 2 / 3,
    }.items():
        labels = column(name, "label")
        assert sum(labels) / len(labels) == pytest.approx(share, abs=0.01)
    assert sum(column("GenSST2", "label")) == 700
    counts = Counter(column("GenTREC", "label"))
    assert sorted(counts) == [0, 1, 2, 3, 4, 5]
    assert counts[0] < counts[4] < counts[2]
    assert all(1 <= len(words(text)) <= 6 for text in column("GenMPQA", "text"))
    assert len(set(column("GenMR", "text"))) == 1000


def test_grades_follow_the_frames():
    rng = Random("grades")
    for _ in range(300):
        e = event(rng, True)
        changed = [c for c in (change.change_object(e, rng), change.change_agent(e, rng)) if c]
        other = event(rng, True)
        assert likeness(e, e) == pytest.approx(1.0)
        assert all(0.4 < likeness(e, c) < 0.95 for c in changed)
        assert all(likeness(e, c) > likeness(e, other) for c in changed if other.topic is not e.topic)
        assert likeness(e, e._replace(negated=not e.negated)) == pytest.approx(0.6)
        if other.topic is not e.topic:
            assert likeness(e, other) < 0.3


def test_changes_stay_on_their_side_of_the_hold_out():
    rng = Random("changes")
    for held_out in (True, False):
        for _ in range(300):
            e = change.contradict(event(rng, held_out), rng)
            assert is_held_out(e.verb.line, e.object) == held_out
            assert e.object.kind != PEOPLE or e.object is not e.agent


def test_triplets_differ_where_they_should():
    for anchor, entailed, contradicted in language.triplets(500):
        assert anchor != contradicted
        assert entailed != contradicted


@pytest.mark.parametrize(
    ("noun", "many"),
    [
        ("thief", "thieves"),
        ("policeman", "policemen"),
        ("police officer", "police officers"),
        ("berry", "berries"),
        ("schoolchild", "schoolchildren"),
        ("fish", "fish"),
        ("box", "boxes"),
        ("head of state", "heads of state"),
    ],
)
def test_plurals(noun, many):
    assert plural(noun) == many


def test_verbs_and_articles():
    assert verb_forms("put off") == {
        "base": "put off",
        "s": "puts off",
        "past": "put off",
        "done": "put off",
        "ing": "putting off",
    }
    assert verb_forms("chop")["past"] == "chopped"
    assert verb_forms("open")["past"] == "opened"
    assert verb_forms("bury")["s"] == "buries"
    assert verb_forms("see")["ing"] == "seeing"
    expected = {
        "onion": "an",
        "user": "a",
        "honest man": "an",
        "unsigned form": "an",
        "x-ray": "an",
        "one": "a",
    }
    assert {text: article(text) for text in expected} == expected


def test_probabilities_are_those_of_the_text():
    exact = probabilities()
    assert sum(exact.values()) == pytest.approx(1.0)
    counts = Counter(word for seed in range(3) for text in training(seed) for word in words(text))
    total = sum(counts.values())
    assert set(counts) <= set(exact)
    for word, p in exact.items():
        if total * p > 200:  # words crowd in sentences, so the error is somewhat more than Poisson's
            assert abs(counts[word] - total * p) < 5 * math.sqrt(total * p), word


def test_the_kept_table_is_what_is_computed():
    table, exact = language.information(), probabilities()
    assert set(table) == set(exact)
    for word, p in exact.items():
        assert table[word].probability == pytest.approx(p, rel=1e-9)
        assert table[word].self_information == pytest.approx(-math.log2(p), rel=1e-9)
    for word in ["the", "well", *sorted(table)[::400]]:
        assert table[word].gain == pytest.approx(gain(word), rel=1e-9, abs=1e-12)


def test_fillers_tell_nothing_and_rare_content_words_much():
    table = language.information()
    assert all(table[word].gain == 0.0 for word in ("well", "you", "know", "actually", "basically", "fact", "happens"))
    assert table["the"].gain < 0.2
    assert table["it"].gain < 0.2
    assert min(table[word].gain for word in ("axe", "onion", "stadium", "encrypted", "vampire")) > 5
    # No word can tell more about the meaning than that it is there.
    seen = Counter(word for text in training(0) for word in set(words(text)))
    assert all(table[word].gain < -math.log2(n / 20_000) + 0.3 for word, n in seen.items() if n > 300)


@pytest.mark.parametrize("word", ["who", "was", "young", "chef", "in", "an", "very", "yesterday"])
def test_gain_is_that_of_the_text(word):
    """log2 P(word | frame) / P(word), averaged over frames of sentences with the word, each said often."""
    rng = Random(f"gain {word}")

    def text(drawn):
        return say(drawn, rng) if isinstance(drawn, Opinion) else realise(drawn, rng)

    drawn = [(f, word in words(text(f))) for f in (frame(rng) for _ in range(8000))]
    having = [f for f, has in drawn if has]
    p = len(having) / len(drawn)
    # The saying that selected a frame is not counted among those that estimate P(word | frame).
    logs = []
    for f in having[:120]:
        hits = sum(word in words(text(f)) for _ in range(60))
        logs.append(math.log2(max(hits, 0.5) / 60 / p))
    mean = sum(logs) / len(logs)
    error = math.sqrt(sum((x - mean) ** 2 for x in logs) / len(logs) ** 2) + 1 / math.sqrt(len(having)) / math.log(2)
    assert abs(language.information()[word].gain - mean) < 4 * error + 0.05


def test_topics_are_drawn_as_they_are_weighted():
    rng = Random("topics")
    counts = Counter(topics().draw(rng).name for _ in range(20_000))
    assert all(abs(counts[topic.name] / 20_000 - p) < 0.01 for topic, p in topics())


def test_generation_is_quick():
    start = time.process_time()
    language.sentences(20_000, 9)
    language.triplets(8000, 9)
    for name in language.TASKS:
        language.task(name)
    assert time.process_time() - start < 6.0
