"""The evaluation sets of SentEval's `data/downstream` folder, with the same rows that SentEval reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from srlbench.data.lines import Lines
from srlbench.data.rows import Kind, Rows
from srlbench.errors import unknown

SUBSETS = {
    "STS12": ("MSRpar", "MSRvid", "SMTeuroparl", "surprise.OnWN", "surprise.SMTnews"),
    "STS13": ("FNWN", "headlines", "OnWN"),
    "STS14": ("deft-forum", "deft-news", "headlines", "images", "OnWN", "tweet-news"),
    "STS15": ("answers-forums", "answers-students", "belief", "headlines", "images"),
    "STS16": ("answer-answer", "headlines", "plagiarism", "postediting", "question-question"),
}
# The file of the rows with label 1, then that of the rows with label 0.
_HALVES = {
    "MR": ("rt-polarity.pos", "rt-polarity.neg"),
    "CR": ("custrev.pos", "custrev.neg"),
    "SUBJ": ("subj.objective", "subj.subjective"),
    "MPQA": ("mpqa.pos", "mpqa.neg"),
}
_SICK = {"train": "train", "dev": "trial", "test": "test_annotated"}
_SICK_HEADER = ("pair_ID", "sentence_A", "sentence_B", "relatedness_score", "entailment_judgment")
_MRPC_HEADER = ("Quality", "#1 ID", "#2 ID", "#1 String", "#2 String")
_QUESTIONS = ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")

Splits = dict[str, list[tuple[object, ...]]]


def task(name: str, root: Path) -> Rows:
    """The rows of one set in the folder `root`, in the order of its files."""
    if name not in _READERS:
        raise unknown("set of SentEval", name, NAMES)
    kind, read = _READERS[name]
    return Rows.of(name, kind, read(name, root))


def tidy(text: str) -> str:
    """The text with single spaces: SentEval splits sentences at white space and joins them with one space."""
    return " ".join(text.split())


def _sts(name: str, root: Path) -> Splits:
    folder, rows = root / "STS" / f"{name}-en-test", []
    for subset in SUBSETS[name]:
        pairs = Lines(name, folder / f"STS.input.{subset}.txt")
        gold = Lines(name, folder / f"STS.gs.{subset}.txt")
        cells, scores = list(pairs.table(2)), gold.read()
        if len(cells) != len(scores):
            raise gold.refuse(f"expected {len(cells)} lines as in {pairs.path.name}, found {len(scores)}")
        for (line, (first, second)), score in zip(cells, scores, strict=True):
            if score:  # the organisers did not score every pair
                rows.append((tidy(first), tidy(second), gold.score(score, line), subset))
    return {"test": list(rows)}


def _sts_benchmark(name: str, root: Path) -> Splits:
    splits: Splits = {}
    for split in ("dev", "test"):
        file = Lines(name, root / "STS" / "STSBenchmark" / f"sts-{split}.csv")
        splits[split] = [
            (tidy(first), tidy(second), file.score(score, line), subset)
            for line, (_, subset, _, _, score, first, second) in file.table(7)
        ]
    return splits


def _sick(name: str, root: Path) -> Splits:
    splits: Splits = {}
    for split, part in _SICK.items():
        file = Lines(name, root / "SICK" / f"SICK_{part}.txt")
        splits[split] = [
            (tidy(first), tidy(second), file.score(score, line, low=1.0), part.partition("_")[0])
            for line, (_, first, second, score, _) in file.table(5, _SICK_HEADER)
        ]
    return splits


def _halves(name: str, root: Path) -> Splits:
    rows: list[tuple[object, ...]] = []
    for label, half in zip((1, 0), _HALVES[name], strict=True):
        rows += [(tidy(line), label) for line in Lines(name, root / name / half).read("latin-1")]
    return {"test": rows}


def _sst2(name: str, root: Path) -> Splits:
    splits: Splits = {}
    for split in ("train", "dev", "test"):
        file = Lines(name, root / "SST" / "binary" / f"sentiment-{split}")
        splits[split] = [(tidy(text), file.label(label, line)) for line, (text, label) in file.table(2)]
    return splits


def _trec(name: str, root: Path) -> Splits:
    splits: Splits = {}
    for split, part in (("train", "train_5500"), ("test", "TREC_10")):
        file = Lines(name, root / "TREC" / f"{part}.label")
        splits[split] = []
        for number, line in enumerate(file.read("latin-1"), 1):
            labels, _, text = line.partition(" ")
            coarse, colon, _ = labels.partition(":")
            if not colon:
                raise file.refuse("expected 'LABEL:fine question'", number)
            splits[split].append((tidy(text), file.label(coarse, number, _QUESTIONS)))
    return splits


def _mrpc(name: str, root: Path) -> Splits:
    splits: Splits = {}
    for split in ("train", "test"):
        file = Lines(name, root / "MRPC" / f"msr_paraphrase_{split}.txt")
        splits[split] = [
            (tidy(first), tidy(second), file.label(label, line))
            for line, (label, _, _, first, second) in file.table(5, _MRPC_HEADER)
        ]
    return splits


_READERS: dict[str, tuple[Kind, Callable[[str, Path], Splits]]] = {
    **dict.fromkeys(SUBSETS, ("sts", _sts)),
    "STSBenchmark": ("sts", _sts_benchmark),
    "SICK-R": ("sts", _sick),
    **dict.fromkeys(_HALVES, ("classification", _halves)),
    "SST2": ("classification", _sst2),
    "TREC": ("classification", _trec),
    "MRPC": ("pair-classification", _mrpc),
}
NAMES: tuple[str, ...] = tuple(_READERS)
