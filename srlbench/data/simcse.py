"""SimCSE's training text: lines of Wikipedia, its NLI triplets, and similar triplets from SentEval's copy of SNLI."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from srlbench.data import mirror
from srlbench.data.lines import Lines
from srlbench.data.senteval import tidy

WIKI, NLI = "wiki1m_for_simcse.txt", "nli_for_simcse.csv"
SNLI = "SNLI"  # a folder of SentEval's data

Text = list[tuple[str, ...]]


def text(rule: Mapping[str, Any], given: Path | None = None) -> Text:
    """The first lines of a source; the rule gives their number."""
    source, n, file = str(rule["from"]), int(rule["lines"]), path(rule, given)
    if source == SNLI:
        return snli(file)[:n]
    lines = Lines(source, file).read()
    if source == NLI:
        rows = list(csv.reader(io.StringIO("\n".join(lines))))
        return [tuple(row) for row in rows[1 : n + 1]]
    return [(line,) for line in lines[:n]]


def path(rule: Mapping[str, Any], given: Path | None = None) -> Path:
    """The path of a source in the given data folder; without one, it is fetched from the Hub."""
    return mirror.senteval(given) if rule["from"] == SNLI else mirror.file(str(rule["from"]), given)


def snli(root: Path) -> Text:
    """Triplets by SimCSE's rule: a premise, a sentence it entails, one that contradicts it; in file order, distinct."""
    triplets: dict[tuple[str, ...], None] = {}
    for split in ("dev", "test"):
        columns = [Lines(SNLI, root / SNLI / f"{part}.{split}") for part in ("labels", "s1", "s2")]
        labels, premises, hypotheses = (column.read() for column in columns)
        if not len(labels) == len(premises) == len(hypotheses):
            raise columns[0].refuse(f"expected {len(premises)} labels, found {len(labels)}")
        by_premise: dict[str, tuple[list[str], list[str]]] = {}
        for label, premise, hypothesis in zip(labels, premises, hypotheses, strict=True):
            entailed, contradicted = by_premise.setdefault(tidy(premise), ([], []))
            if label != "neutral":
                (entailed if label == "entailment" else contradicted).append(tidy(hypothesis))
        for premise, (entailed, contradicted) in by_premise.items():
            triplets |= dict.fromkeys((premise, a, b) for a, b in zip(entailed, contradicted))
    return list(triplets)
