"""SentEval's files: the rows that come of them, and one sentence for whatever else lies there."""

from __future__ import annotations

import os
from pathlib import Path

import made_up
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srlbench.data import lines, senteval
from srlbench.data.rows import COLUMNS
from srlbench.errors import SrlbenchError, UsageError

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "simcse-mirror" / "senteval"
COUNTS = {
    "STS12": {"test": 3108},
    "STS13": {"test": 1500},
    "STS14": {"test": 3750},
    "STS15": {"test": 3000},
    "STS16": {"test": 1186},
    "STSBenchmark": {"dev": 1500, "test": 1379},
    "SICK-R": {"train": 4500, "dev": 500, "test": 4927},
    "MR": {"test": 10662},
    "CR": {"test": 3775},
    "SUBJ": {"test": 10000},
    "MPQA": {"test": 10606},
    "SST2": {"train": 67349, "dev": 872, "test": 1821},
    "TREC": {"train": 5452, "test": 500},
    "MRPC": {"train": 4076, "test": 1725},
}
# The files of each set, below the root.
FILES = {
    **{name: [f for f in made_up.files() if f"{name}-en" in f] for name in senteval.SUBSETS},
    **{name: [f for f in made_up.files() if name in f] for name in ("STSBenchmark", "TREC", "MRPC")},
    **{name: [f for f in made_up.files() if f.startswith(f"{name}/")] for name in ("MR", "CR", "SUBJ", "MPQA")},
    "SICK-R": [f for f in made_up.files() if f.startswith("SICK/")],
    "SST2": [f for f in made_up.files() if f.startswith("SST/")],
}


@pytest.fixture
def root(tmp_path):
    return made_up.tree(tmp_path / "senteval")


def table(rows, split):
    return list(zip(*(rows.splits[split][key] for key in COLUMNS[rows.kind]), strict=True))


def test_names_are_the_fourteen_sets_in_order():
    assert tuple(COUNTS) == senteval.NAMES
    assert set(FILES) == set(senteval.NAMES)
    with pytest.raises(UsageError, match=r"Unknown set of SentEval 'STS11'\. Did you mean"):
        senteval.task("STS11", Path("."))


@pytest.mark.parametrize("name", senteval.SUBSETS)
def test_yearly_sets(root, name):
    expected = []
    for subset in senteval.SUBSETS[name]:
        expected += [
            (f"a {subset} cat .", f"the cat of {name} .", 4.4, subset),
            ('"so', "it ends'", 0.0, subset),
        ]
    rows = senteval.task(name, root)
    assert rows.kind == "sts" and list(rows.splits) == ["test"]
    assert table(rows, "test") == expected


def test_sts_benchmark_and_sick(root):
    rows = senteval.task("STSBenchmark", root)
    assert list(rows.splits) == ["dev", "test"]
    assert table(rows, "dev") == [("a dev .", '"one" .', 2.5, "MSRpar"), ("café", "coffee", 5.0, "deft-forum")]
    rows = senteval.task("SICK-R", root)
    assert list(rows.splits) == ["train", "dev", "test"]
    assert table(rows, "dev") == [("A trial runs", "Nobody runs", 1.6, "trial"), ("It is", "It's", 5.0, "trial")]
    assert table(rows, "test")[0] == ("A test_annotated runs", "Nobody runs", 1.6, "test")


def test_classification(root):
    found = {name: senteval.task(name, root) for name in ("MR", "CR", "SUBJ", "MPQA", "SST2", "TREC", "MRPC")}
    assert table(found["MR"], "test") == [("good M-i film", 1), ("fine", 1), ("bad film", 0)]
    assert table(found["CR"], "test") == [("works", 1), ("", 1), ("broke", 0), ("", 0), ("broke again", 0), ("", 0)]
    assert table(found["SUBJ"], "test") == [("he leaves", 1), ("one leaves early", 0), ("café", 0)]
    assert table(found["MPQA"], "test") == [("great", 1), ("", 1), ("poor", 0)]
    assert {split: table(found["SST2"], split) for split in found["SST2"].splits} == {
        "train": [("warm", 1), ("cold", 0)],
        "dev": [("warmer", 1)],
        "test": [("colder", 0)],
    }
    assert table(found["TREC"], "train") == [("How so ?", 1), ("What is an egoðtrip ?", 0), ("How far: near ?", 5)]
    assert table(found["TREC"], "test") == [("Who ?", 3), ("Where ?", 4), ("Which ?", 2)]
    assert found["MRPC"].kind == "pair-classification"
    assert table(found["MRPC"], "test") == [("He said test .", 'He says " it .', 1), ("No .", "Yes .", 0)]
    assert list(found["TREC"].splits) == list(found["MRPC"].splits) == ["train", "test"]


@pytest.mark.parametrize("name", senteval.NAMES)
def test_line_ends_and_byte_order_marks_of_windows_change_nothing(root, name):
    before = senteval.task(name, root)
    for file in FILES[name]:
        content = (root / file).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        latin = name in ("MR", "CR", "SUBJ", "MPQA", "TREC")
        (root / file).write_bytes(content if latin else b"\xef\xbb\xbf" + content.removeprefix(b"\xef\xbb\xbf"))
    assert senteval.task(name, root) == before


def test_a_last_line_without_its_end_is_a_line(root):
    before = senteval.task("SST2", root)
    path = root / FILES["SST2"][0]
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    assert senteval.task("SST2", root) == before


STS = "STS/STS12-en-test/STS."


@pytest.mark.parametrize(
    ("name", "file", "content", "said"),
    [
        ("STS12", f"{STS}gs.MSRvid.txt", b"4.4\n\n5.1\n", "line 3: expected a score from 0 to 5, found '5.1'"),
        ("STS12", f"{STS}gs.MSRvid.txt", b"nan\n\n5\n", "line 1: expected a score from 0 to 5, found 'nan'"),
        ("STS12", f"{STS}gs.MSRvid.txt", b"1_0\n\n5\n", "line 1: expected a score"),
        ("STS12", f"{STS}gs.MSRvid.txt", "٣\n\n5\n".encode(), "line 1: expected a score"),
        ("STS12", f"{STS}gs.MSRvid.txt", b" \n\n5\n", "line 1: expected a score"),
        ("STS12", f"{STS}gs.MSRvid.txt", b"9" * 400 + b"\n\n5\n", "line 1: expected a score"),
        ("STS12", f"{STS}gs.MSRvid.txt", b"4\n\n", "expected 3 lines as in STS.input.MSRvid.txt, found 2"),
        ("STS12", f"{STS}input.MSRvid.txt", b"a\tb\na\tb\tc\na\tb\n", "line 2: expected 2 columns, found 3"),
        ("STS12", f"{STS}input.MSRvid.txt", b"a\tb\na\tb\na\t\xff\n", "line 3: expected utf-8, found bytes"),
        ("STS12", f"{STS}input.MSRvid.txt", None, "STS.input.MSRvid.txt: expected a file, found none"),
        ("SICK-R", "SICK/SICK_trial.txt", b"1\ta\tb\t3\tNEUTRAL\n", "line 1: expected the header pair_ID sentence_A"),
        ("SICK-R", "SICK/SICK_trial.txt", b"", "line 1: expected the header"),
        (
            "SICK-R",
            "SICK/SICK_trial.txt",
            f"{made_up.SICK_HEAD}\n1\ta\tb\t0.9\tNEUTRAL\n".encode(),
            "line 2: expected a score from 1 to 5, found '0.9'",
        ),
        ("STSBenchmark", "STS/STSBenchmark/sts-dev.csv", b"a\tb\tc\td\t\te\tf\n", "line 1: expected a score"),
        ("SST2", "SST/binary/sentiment-dev", b"a\t1\nb\t2\n", "line 2: expected a label of 0, 1, found '2'"),
        ("SST2", "SST/binary/sentiment-dev", b"a\t1\n\nb\t1\n", "line 2: expected 2 columns, found 1"),
        ("TREC", "TREC/TREC_10.label", b"HUM:x Who ?\nhum:x Who ?\n", "line 2: expected a label of ABBR, DESC"),
        ("TREC", "TREC/TREC_10.label", b"\n", "line 1: expected 'LABEL:fine question'"),
        ("MR", "MR/rt-polarity.neg", b"a\nb\0\n", "line 2: expected text, found a NUL byte"),
        ("MR", "MR/rt-polarity.neg", b"a\n" + b"b" * 100_001, "line 2: expected at most 100000 characters"),
        ("MRPC", "MRPC/msr_paraphrase_test.txt", f"{made_up.MRPC_HEAD}\n1\t2\ta\tb\n".encode(), "line 2: expected 5"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(root, name, file, content, said):
    path = root / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SrlbenchError) as caught:
        senteval.task(name, root)
    message = str(caught.value)
    assert message.startswith(f"{name}: {path}") and said in message and message.endswith(".")
    assert "\n" not in message and len(message) < len(str(path)) + 200


def test_no_file_is_waited_for_or_read_without_bound(root, monkeypatch):
    path = root / "CR" / "custrev.neg"
    monkeypatch.setattr(lines, "MAX_BYTES", 2**20)
    path.write_bytes(b"a\n" * 2**20)
    with pytest.raises(SrlbenchError, match="expected at most 1 MiB, found more"):
        senteval.task("CR", root)
    path.unlink()
    path.mkdir()
    with pytest.raises(SrlbenchError, match=r"custrev\.neg: expected a file"):
        senteval.task("CR", root)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(SrlbenchError, match=r"custrev\.neg: expected a file"):
        senteval.task("CR", root)


CHANGES = st.sampled_from(
    ["cut", "drop", "double", "swap", "flip", "utf-16", "latin", "nul", "crlf", "huge", "tab", "empty", "gone", "junk"]
)


def change(content, kind, at, junk):
    """One thing that goes wrong with a file; None: it is gone."""
    rows = content.split(b"\n")
    place = at % len(rows)
    spot = at % (len(content) + 1)
    edits = {
        "cut": lambda: content[:spot],
        "drop": lambda: b"\n".join(rows[:place] + rows[place + 1 :]),
        "double": lambda: b"\n".join(rows[: place + 1] + rows[place:]),
        "swap": lambda: b"\n".join(rows[place:] + rows[:place]),
        "flip": lambda: (
            content[:spot] + bytes(byte ^ (at % 255 + 1) for byte in content[spot : spot + 1]) + content[spot + 1 :]
        ),
        "utf-16": lambda: content.decode("latin-1").encode("utf-16"),
        "latin": lambda: content[:spot] + b"\xe9\xa0" + content[spot:],
        "nul": lambda: content[:spot] + b"\0" + content[spot:],
        "crlf": lambda: content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
        "huge": lambda: content[:spot] + b"x" * 100_001 + content[spot:],
        "tab": lambda: content[:spot] + b"\t" + content[spot:],
        "empty": lambda: b"",
        "gone": lambda: None,
        "junk": lambda: content[:spot] + junk + content[spot:],
    }
    return edits[kind]()


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    root = made_up.tree(tmp_path_factory.mktemp("fuzz"))
    return root, {name: senteval.task(name, root) for name in senteval.NAMES}


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(senteval.NAMES), st.integers(0, 10**6), CHANGES, st.integers(0, 10**6), st.binary(max_size=20))
def test_a_changed_file_is_told_by_the_hash_or_refused(fuzzed, name, which, kind, at, junk):
    root, before = fuzzed
    path = root / FILES[name][which % len(FILES[name])]
    content = path.read_bytes()
    changed = change(content, kind, at, junk)
    try:
        path.unlink() if changed is None else path.write_bytes(changed)
        after, said = read(name, root)
    finally:
        path.write_bytes(content)
    if said is None:
        assert kind not in ("gone", "nul", "huge")
        assert (after.sha256() == before[name].sha256()) == (after == before[name])
        assert kind != "crlf" or after == before[name]
    else:
        assert kind != "crlf"
        assert said.startswith(f"{name}: ") and "\n" not in said


def read(name, root):
    """The rows or what was said instead; any other error is the test's failure."""
    try:
        return senteval.task(name, root), None
    except SrlbenchError as error:
        return None, str(error)


@pytest.fixture(scope="module")
def real():
    if not REAL.is_dir():
        pytest.skip("the real SentEval data is not beside the repository")
    return REAL


@pytest.mark.parametrize("name", senteval.NAMES)
def test_the_real_sets_have_the_known_counts(real, name):
    rows = senteval.task(name, real)
    assert rows.counts() == COUNTS[name]
    texts = [t for s in rows.splits.values() for t in s["text" if rows.kind == "classification" else "sentence1"]]
    assert sum(not text for text in texts) == {"CR": 4, "MPQA": 3}.get(name, 0)
    if rows.kind == "sts":
        scores = rows.splits["test"]["score"]
        assert (min(scores), max(scores)) == (1.0 if name == "SICK-R" else 0.0, 5.0)
    if name in senteval.SUBSETS:
        assert tuple(dict.fromkeys(rows.splits["test"]["subset"])) == senteval.SUBSETS[name]
