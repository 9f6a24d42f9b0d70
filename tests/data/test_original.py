"""MTEB's sets from a folder: every layout gives the same rows, and whatever is no layout one sentence."""

from __future__ import annotations

import gzip
import json
import math
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srlbench.data import lines, original
from srlbench.data.rows import Rows
from srlbench.errors import SrlbenchError, UsageError

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "raw"
ROWS = [
    ('A "quoted  cat."', "It's\u2028one\x85line", 4.4, "news"),
    ("Café?", "", 0.0, "news"),
    ("the same", "the same", 5.0, "video"),
]
FORMS = ("tsv", "tsv.gz", "jsonl", "jsonl.gz", "parquet")
COUNTS = {
    "STS12": {"test": 3108},
    "STS13": {"test": 1500},
    "STS14": {"test": 3750},
    "STS15": {"test": 3000},
    "STS16": {"test": 1186},
    "STSBenchmark": {"dev": 1500, "test": 1379},
    "SICK-R": {"test": 9927},
}


def content(form, rows=ROWS, source=True):
    if form == "parquet":
        raise ValueError("parquet is written by pyarrow")
    if form.startswith("tsv"):
        head = "sentence1\tsentence2\tscore" + "\tsource" * source
        text = "".join(f"{a}\t{b}\t{score:.3f}" + f"\t{s}" * source + "\n" for a, b, score, s in rows)
        out = f"{head}\n{text}".encode()
    else:
        keys = ("sentence1", "sentence2", "score") + ("source",) * source
        out = "".join(json.dumps(dict(zip(keys, row, strict=False))) + "\n" for row in rows).encode()
    return gzip.compress(out, mtime=0) if form.endswith(".gz") else out


def write(folder, form, rows=ROWS, split="test", source=True):
    folder.mkdir(parents=True, exist_ok=True)
    if form != "parquet":
        (folder / f"{split}.{form}").write_bytes(content(form, rows, source))
        return
    import pyarrow
    import pyarrow.parquet

    columns = dict(zip(("sentence1", "sentence2", "score"), list(zip(*rows, strict=True))[:3], strict=True))
    table = pyarrow.table({key: list(column) for key, column in columns.items()})
    for part in (0, 1):
        path = folder / f"{split}-0000{part}-of-00002.parquet"
        pyarrow.parquet.write_table(table.slice(part * 2, 2), path)


def table(rows, split="test"):
    return list(zip(*(rows.splits[split][key] for key in ("sentence1", "sentence2", "score", "subset")), strict=True))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_rows_as_they_are(tmp_path, form):
    write(tmp_path / "sts13-sts", form)
    rows = original.task("STS13", tmp_path)
    assert (rows.name, rows.kind, rows.counts()) == ("STS13", "sts", {"test": 3})
    assert table(rows) == (ROWS if form != "parquet" else [(*row[:3], "") for row in ROWS])


@pytest.mark.parametrize("form", ["tsv", "jsonl"])
def test_a_file_may_not_say_the_source(tmp_path, form):
    write(tmp_path / "sts13", form, source=False)
    assert original.task("STS13", tmp_path).splits["test"]["subset"] == ["", "", ""]


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("STS12", "STS12"),
        ("STS12", "sts12"),
        ("STS12", "raw/sts12"),
        ("STS12", "mteb/sts12-sts"),
        ("STS16", "sts16-sts/data"),
        ("STSBenchmark", "stsbenchmark-sts"),
        ("STSBenchmark", "STSBenchmark"),
        ("STSBenchmark", "stsb"),
        ("SICK-R", "sickr-sts"),
        ("SICK-R", "SICK-R"),
    ],
)
def test_the_names_a_folder_may_have(tmp_path, name, folder):
    rows = [(a, b, max(score, 1.0), source) for a, b, score, source in ROWS]
    write(tmp_path / folder, "jsonl", rows)
    if name == "STSBenchmark":
        write(tmp_path / folder, "jsonl", rows[:1], split="validation")
    assert original.present(tmp_path)
    found = original.task(name, tmp_path)
    assert found.counts() == ({"dev": 1, "test": 3} if name == "STSBenchmark" else {"test": 3})


def test_sick_in_three_files_is_one_split(tmp_path):
    parts = {split: [(f"{split} one", "two", 1.0, "x")] for split in ("train", "dev", "test")}
    for split, rows in parts.items():
        write(tmp_path / "sick", "tsv.gz", rows, split=split, source=False)
    found = original.task("SICK-R", tmp_path)
    assert table(found) == [
        ("train one", "two", 1.0, "train"),
        ("dev one", "two", 1.0, "trial"),
        ("test one", "two", 1.0, "test"),
    ]
    write(tmp_path / "hub" / "sickr-sts", "jsonl", [row for rows in parts.values() for row in rows])
    assert original.sha256(found) == original.sha256(original.task("SICK-R", tmp_path / "hub"))
    (tmp_path / "sick" / "dev.tsv.gz").unlink()
    with pytest.raises(SrlbenchError, match="expected a file of its dev split, found none"):
        original.task("SICK-R", tmp_path)


def test_the_hash_has_no_order_and_no_spacing_but_everything_else():
    def hashed(rows, name="STS12"):
        first, second, score, subset = ([*column] for column in zip(*rows, strict=True))
        columns = {"sentence1": first, "sentence2": second, "score": score, "subset": subset}
        return original.sha256(Rows(name, "sts", {"test": columns}))

    one = hashed(ROWS)
    assert hashed(ROWS[::-1]) == one
    assert hashed([(f" {a}\t", b.replace(" ", "\xa0 "), score, "") for a, b, score, _ in ROWS]) == one
    single = [(a, b, math.nextafter(score, 9), s) for a, b, score, s in ROWS]
    assert hashed(single) == one
    (a, b, score, s), *rest = ROWS
    others = [ROWS[:2], [*ROWS, ROWS[0]], [(b, a, score, s), *rest], [(a.lower(), b, score, s), *rest]]
    others += [[(a, b, 4.401, s), *rest], [(a, b + ".", score, s), *rest]]
    hashes = [one, hashed(ROWS, "STS13"), *map(hashed, others)]
    assert len(set(hashes)) == len(hashes)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("test.tsv", b"", "line 1: expected a header with sentence1, sentence2 and score"),
        ("test.tsv", b"sentence1\tsentence2\tscore\tscore\n", "line 1: expected a header"),
        ("test.tsv", b"sentence1\tsentence2\tscore\na\tb\n", "line 2: expected 3 columns, found 2"),
        ("test.tsv", b"sentence1\tsentence2\tscore\na\tb\tinf\n", "line 2: expected a score from 0 to 5, found 'inf'"),
        ("test.tsv.gz", b"no gzip", "cannot be read: Not a gzipped file"),
        ("test.tsv.gz", content("tsv.gz")[:-9], "cannot be read: "),
        ("test.tsv.gz", content("tsv.gz")[:30] + b"\xff\0" + content("tsv.gz")[32:], "test.tsv.gz"),
        ("test.jsonl", b"\n", "line 1: expected one JSON object"),
        ("test.jsonl", b"[]\n", "line 1: expected one JSON object"),
        ("test.jsonl", b'{"sentence1": "a", "sentence2": "b", "score": 3}\n{', "line 2: expected one JSON object"),
        ("test.jsonl", b"[" * 50_000, "line 1: expected one JSON object"),
        ("test.jsonl", b'{"sentence1": "a", "sentence2": null, "score": 3}', "line 1: expected text as sentence2"),
        ("test.jsonl", b'{"sentence1": "\\ud800", "sentence2": "b", "score": 3}', "line 1: expected text as sentence1"),
        ("test.jsonl", b'{"sentence1": "a\\u0000", "sentence2": "b", "score": 3}', "expected text as sentence1"),
        ("test.jsonl", b'{"sentence1": "a", "sentence2": "b", "score": NaN}', "line 1: expected a score from 0 to 5"),
        ("test.jsonl", b'{"sentence1": "a", "sentence2": "b", "score": true}', "line 1: expected a number as score"),
        ("test.jsonl", b'{"sentence1": "a", "sentence2": "b", "score": "x"}', "line 1: expected a score from 0 to 5"),
        ("test.jsonl", b'{"sentence1": "a", "sentence2": "b"}', "line 1: expected a number as score"),
        (
            "test.jsonl",
            b'{"sentence1": "a", "sentence2": "b", "score": %s}' % (b"9" * 300),
            "line 1: expected a score from 0 to 5",
        ),
        (
            "test.jsonl",
            b'{"sentence1": "a", "sentence2": "b", "score": %s}' % (b"9" * 5000),
            "line 1: expected one JSON object",
        ),
        ("test.parquet", b"PAR1 no parquet PAR1", "expected a parquet file, found none that can be read"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path, file, text, said):
    path = tmp_path / "sts12" / file
    path.parent.mkdir()
    path.write_bytes(text)
    with pytest.raises(SrlbenchError) as caught:
        original.task("STS12", tmp_path)
    message = str(caught.value)
    assert message.startswith(f"STS12: {path}") and said in message and message.endswith(".")
    assert "\n" not in message and len(message) < len(str(path)) + 200


def test_a_missing_set_is_said(tmp_path):
    (tmp_path / "sts12").mkdir()
    for root in (tmp_path, tmp_path / "none"):
        assert not original.present(root)
        with pytest.raises(UsageError, match="expected a folder sts12 or sts12-sts with test") as caught:
            original.task("STS12", root)
        assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="Unknown set of MTEB 'STS11'"):
        original.task("STS11", tmp_path)


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_BYTES", 2**20)
    (tmp_path / "sts12").mkdir()
    (tmp_path / "sts12" / "test.tsv.gz").write_bytes(gzip.compress(b"a" * 2**22))
    with pytest.raises(SrlbenchError, match="expected at most 1 MiB, found more"):
        original.task("STS12", tmp_path)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from(FORMS), st.integers(0, 10**6), st.integers(0, 30), st.binary(max_size=12))
def test_a_changed_file_is_told_by_the_hash_or_refused(fuzzed, form, at, gone, put):
    root, before = fuzzed[form]
    path = sorted((root / "sts14").iterdir())[at % len(list((root / "sts14").iterdir()))]
    kept = path.read_bytes()
    spot = at % (len(kept) + 1)
    path.write_bytes(kept[:spot] + put + kept[spot + gone :])
    try:
        after = original.task("STS14", root)
        original.sha256(after)
        assert (after.sha256() == before.sha256()) == (after == before)
    except SrlbenchError as error:
        said = str(error)
    else:
        said = "STS14: read"
    finally:
        path.write_bytes(kept)
    assert said.startswith("STS14: ") and "\n" not in said


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    made = {}
    for form in FORMS:
        root = tmp_path_factory.mktemp("fuzz")
        write(root / "sts14", form)
        made[form] = root, original.task("STS14", root)
    return made


@pytest.fixture(scope="module")
def real():
    if not REAL.is_dir():
        pytest.skip("the original data is not beside the repository")
    return REAL


@pytest.mark.parametrize("name", original.NAMES)
def test_the_real_sets_have_the_known_counts(real, name):
    found = original.task(name, real)
    assert found.counts() == COUNTS[name]
    [mteb] = find_spec("mteb").submodule_search_locations
    known = json.loads((Path(mteb) / "descriptive_stats" / "STS" / f"{name}.json").read_text())["test"]
    scores = found.splits["test"]["score"]
    assert len(scores) == known["num_samples"]
    assert sum(scores) / len(scores) == pytest.approx(known["label_statistics"]["avg_score"], abs=1e-9)
