"""SimCSE's training text: the first lines of Wikipedia, and triplets by its rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from srlbench import data, tracks
from srlbench.data import simcse
from srlbench.errors import SrlbenchError, UsageError

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "simcse-mirror"


def snli(root: Path, **splits: list[tuple[str, str, str]]) -> Path:
    (root / "SNLI").mkdir(parents=True)
    for split in ("dev", "test"):
        for place, part in enumerate(("labels", "s1", "s2")):
            lines = "".join(f"{row[place]}\n" for row in splits.get(split, []))
            (root / "SNLI" / f"{part}.{split}").write_text(lines, encoding="utf-8")
    return root


def test_a_premise_is_paired_with_what_it_entails_and_what_contradicts_it(tmp_path: Path) -> None:
    rows = [
        ("neutral", "A man  sleeps .", "A man dreams ."),
        ("contradiction", "A man  sleeps .", "He runs ."),
        ("entailment", "A man sleeps .", "Someone rests ."),
        ("entailment", "A man sleeps .", "He rests ."),
        ("entailment", "A dog barks .", "It is loud ."),
        ("contradiction", "A man sleeps .", "He eats ."),
        ("contradiction", "A man sleeps .", "Nobody is there ."),
    ]
    found = simcse.snli(snli(tmp_path, dev=rows, test=rows[1:3]))
    assert found == [
        ("A man sleeps .", "Someone rests .", "He runs ."),
        ("A man sleeps .", "He rests .", "He eats ."),
    ]  # no contradiction is left for a third, none for the dog, and the test split says the first again


def test_files_of_different_lengths_are_refused(tmp_path: Path) -> None:
    root = snli(tmp_path, dev=[("entailment", "a", "b")])
    (root / "SNLI" / "labels.dev").write_text("entailment\nneutral\n")
    with pytest.raises(SrlbenchError, match="expected 1 labels, found 2"):
        simcse.snli(root)


def test_the_first_lines_of_a_longer_file_are_taken(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / simcse.WIKI).write_text("one \u2028 line\ntwo\nthree\n", encoding="utf-8")
    assert simcse.text({"from": simcse.WIKI, "lines": 2}, tmp_path) == [("one \u2028 line",), ("two",)]


def test_rows_of_the_nli_file_may_hold_commas_and_quotes(tmp_path: Path) -> None:
    (tmp_path / simcse.NLI).write_text('sent0,sent1,hard_neg\n"a, b","he said ""no""",c\nd,e,f\n')
    assert simcse.text({"from": simcse.NLI, "lines": 1}, tmp_path) == [("a, b", 'he said "no"', "c")]


def test_a_place_without_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"no {simcse.WIKI} at {tmp_path}"):
        simcse.text({"from": simcse.WIKI, "lines": 2}, tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real text is not at ../shared/data")
def test_the_small_track_pins_the_real_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRLBENCH_DATA", str(REAL))
    rules = tracks.load("small")
    assert len(data.training_text(rules, "twins")) == 10_000
    assert len(data.training_text(rules, "triplets")) == 5_883
