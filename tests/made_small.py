"""A folder laid out like SimCSE's data, filled with the generated language, and a track of two tasks over it."""

from __future__ import annotations

from pathlib import Path

from srlbench.data import language, senteval, simcse
from srlbench.data.rows import digest

LINES, TRIPLES = 600, 200
COARSE = ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")

TRACK = """
name = "made-small"
version = 1
summary = "The small track's form, over generated text in files."
protocol = "made-protocol.toml"
source = "simcse"
backbones = ["{backbone}"]
seeds = [0, 1]
threads = 1

[training]
lr = 1e-3
batch_size = 32
steps = 8
max_length = 32
checkpoint_steps = 4
observe_steps = [0, 8]
select_on = "STSBenchmark"

[settings.static]
word_dropout = 0.1
head = "none"
lr = 1e-2
steps = 16

[search]
seed = 100

[search.{backbone}]
lr = [1e-4, 1e-2]

[text.twins]
from = "wiki1m_for_simcse.txt"
lines = {lines}
sha256 = "{twins}"

[text.triplets]
from = "SNLI"
lines = {triples}
sha256 = "{triplets}"
"""
PROTOCOL = """
name = "simcse"
summary = "Two sets in SentEval's form."
source = "senteval"

[probe]
name = "converged"
folds = 3
decay = [1e-4, 1e-2]
seed = 1111
"""
TASK = """
[tasks.{name}]
kind = "{kind}"
group = "{group}"
rows = {{ {rows} }}
sha256 = "{sha256}"
"""


def folder(root: Path) -> Path:
    """The data, as a user who downloaded it would have it."""
    tree = root / "senteval"
    for place in ("STS/STSBenchmark", "TREC", "SNLI"):
        (tree / place).mkdir(parents=True)
    more = (f"{line}\n" for line in language.sentences(LINES + 50, 0))
    (root / simcse.WIKI).write_text("".join(more), encoding="utf-8")
    pairs = language.task("GenSTSB").splits
    for split in ("dev", "test"):
        rows = list(zip(*(pairs[split][key] for key in ("sentence1", "sentence2", "score")), strict=True))[:80]
        said = [f"main\tmade\t2012\t{n}\t{score:.3f}\t{a}\t{b}\n" for n, (a, b, score) in enumerate(rows)]
        (tree / "STS" / "STSBenchmark" / f"sts-{split}.csv").write_text("".join(said), encoding="utf-8")
    questions = language.task("GenTREC").splits
    for split, name, n in (("train", "train_5500", 120), ("test", "TREC_10", 40)):
        rows = list(zip(questions[split]["text"], questions[split]["label"], strict=True))[:n]
        said = [f"{COARSE[label]}:fine {text}\n" for text, label in rows]
        (tree / "TREC" / f"{name}.label").write_text("".join(said), encoding="latin-1")
    triples = [*language.triplets(TRIPLES, 0)]
    for split, part in (("dev", triples[::2]), ("test", triples[1::2])):
        columns = {"labels": [], "s1": [], "s2": []}
        for premise, entailed, contradicted in part:
            for label, hypothesis in (("entailment", entailed), ("neutral", "so"), ("contradiction", contradicted)):
                for key, cell in zip(columns, (label, premise, hypothesis), strict=True):
                    columns[key].append(cell)
        for key, cells in columns.items():
            (tree / "SNLI" / f"{key}.{split}").write_text("".join(f"{cell}\n" for cell in cells), encoding="utf-8")
    return root


def track(root: Path, given: Path, backbone: str = "tiny") -> Path:
    """The track's file below `root`, pinned to the data in `given`."""
    root.mkdir(parents=True, exist_ok=True)
    tree = given / "senteval"
    triplets = simcse.snli(tree)
    hashes = {
        "twins": digest([(line,) for line in language.sentences(LINES, 0)]),
        "triplets": digest(triplets),
    }
    rules = TRACK.format(backbone=backbone, lines=LINES, triples=len(triplets), **hashes)
    (root / "made-small.toml").write_text(rules, encoding="utf-8")
    tasks = []
    for name, group in (("STSBenchmark", "sts"), ("TREC", "transfer")):
        rows = senteval.task(name, tree)
        counts = ", ".join(f"{split} = {count}" for split, count in rows.counts().items())
        tasks.append(TASK.format(name=name, kind=rows.kind, group=group, rows=counts, sha256=rows.sha256()))
    (root / "made-protocol.toml").write_text(PROTOCOL + "".join(tasks), encoding="utf-8")
    return root / "made-small.toml"
