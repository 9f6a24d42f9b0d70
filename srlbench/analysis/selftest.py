"""Numbers that guard themselves: known scores, scores that are computed a second time, a published run made again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from srlbench import backbones, registry, tracks
from srlbench.analysis import reproduction
from srlbench.errors import SrlbenchError
from srlbench.records import machine_class
from srlbench.runs.doctor import Finding, tried
from srlbench.runs.rerun import find, rerun
from srlbench.tracks.resolve import resolved

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PAIRS, LABELS = "GenSTSB", "GenTREC"
CANARY = "simcse-unsup@tiny:0"
# Spearman's correlation (x 100) of each shipped backbone as it is, on the pairs of PAIRS; nothing is trained for them.
KNOWN: Mapping[str, float] = {"mini": 36.5806, "static": 30.4238, "tiny": 35.3956}
CLOSE = 0.02  # points; machines differ in the last bits, which seldom changes a rank


def examine() -> Iterator[Finding]:
    """Findings as they are made."""
    for name in KNOWN:
        yield tried(f"known score of {name}", partial(_known, name))
    yield tried("scores computed again", _again)
    yield tried("published run", _canary)


def untrained(name: str) -> SentenceTransformer:
    """A shipped backbone as an encoder: the mean of its last layer, or of its word vectors."""
    from srlbench.training.encoder import build

    track, start = tracks.load("embedded"), backbones.resolve(name)
    entry = registry.recipe("untrained-mean" if start.layered else "input-words")
    model, _ = build(resolved(entry, track, start), backbones.fetch(start), track)
    return model.eval()


def scores_of(model: SentenceTransformer, *tasks: str) -> tuple[dict[str, float], dict[str, Any], dict[str, Any]]:
    """The scores of an encoder by mteb, the predictions behind them, and the gold values."""
    from srlbench.evaluation import evaluate as evaluation

    protocol = tracks.load("embedded").protocol.only(tasks)
    done = evaluation.evaluate(evaluation.encoder(model, evaluation.meta("selftest", "0" * 16, 0)), protocol)
    gold = {name: rows.splits["test"]["score" if rows.kind == "sts" else "label"] for name, rows in done.rows.items()}
    return done.scores, done.predictions, gold


def _known(name: str) -> str:
    score = scores_of(untrained(name), PAIRS)[0][PAIRS]
    if abs(score - KNOWN[name]) > CLOSE:
        raise SrlbenchError(f"It scores {score:.4f} on {PAIRS}, and {KNOWN[name]:.4f} are known: do not trust scores.")
    return f"{score:.4f} on {PAIRS}, as known"


def _again() -> str:
    """Recompute what mteb computed, from the predictions and by other code."""
    scores, predicted, gold = scores_of(untrained("tiny"), PAIRS, LABELS)
    right = sum(int(a) == int(b) for a, b in zip(predicted[LABELS], gold[LABELS], strict=True))
    mine = {PAIRS: 100 * spearman(predicted[PAIRS], gold[PAIRS]), LABELS: 100 * right / len(gold[LABELS])}
    for name, value in mine.items():
        if abs(value - scores[name]) > 1e-6:
            raise SrlbenchError(f"{name} is {value:.6f} when it is computed again, and mteb says {scores[name]:.6f}.")
    return f"{PAIRS} and {LABELS} are what mteb says"


def spearman(a: Any, b: Any) -> float:
    """Spearman's correlation in plain Python: Pearson's of the ranks, equal values sharing the mean of theirs."""
    x, y = _ranks(list(map(float, a))), _ranks(list(map(float, b)))
    mean = (len(x) + 1) / 2
    over = sum((p - mean) * (q - mean) for p, q in zip(x, y, strict=True))
    below = (sum((p - mean) ** 2 for p in x) * sum((q - mean) ** 2 for q in y)) ** 0.5
    return over / below if below else 0.0


def _ranks(values: list[float]) -> list[float]:
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in range(start, end + 1):
            ranks[order[place]] = (start + end) / 2 + 1
        start = end + 1
    return ranks


def _canary() -> str:
    """Make one published run again."""
    recorded = find(CANARY, tracks.load("embedded"), None, ())
    verdict = reproduction.of(rerun(recorded, "srlbench doctor --deep", lambda stage, done, of: None))
    same = machine_class(verdict.rerun.environment) == machine_class(recorded.record.environment)
    if verdict.word not in ("bitwise equal", "within its interval") or (same and verdict.word != "bitwise equal"):
        raise SrlbenchError(f"{CANARY}: {verdict.word}; {verdict.reason}. {verdict.machine}")
    return f"{CANARY} again: {verdict.word}. {verdict.machine}"
