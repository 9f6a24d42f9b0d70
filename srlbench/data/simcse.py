"""SimCSE's training text: lines of Wikipedia, its NLI triplets, and such triplets made of SentEval's copy of SNLI."""

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
SNLI = "SNLI"  # of SentEval's tree

Text = list[tuple[str, ...]]


def text(rule: Mapping[str, Any], given: Path | None = None) -> Text:
    """The first lines of a source, as many as the rule says."""
    source, n, lies = str(rule["from"]), int(rule["lines"]), place(rule, given)
    if source == SNLI:
        return snli(lies)[:n]
    file = Lines(source, lies)
    if source == NLI:
        rows = list(csv.reader(io.StringIO("\n".join(file.read()))))
        return [tuple(row) for row in rows[1 : n + 1]]
    return [(line,) for line in file.read()[:n]]


def place(rule: Mapping[str, Any], given: Path | None = None) -> Path:
    """Where a source lies, fetched from the Hub first if nobody says that it lies elsewhere."""
    return mirror.senteval(given) if rule["from"] == SNLI else mirror.file(str(rule["from"]), given)


def snli(root: Path) -> Text:
    """SimCSE's rule: to each premise what it entails and what contradicts it; in the files' order, no row twice."""
    found: dict[tuple[str, ...], None] = {}
    for split in ("dev", "test"):
        columns = [Lines(SNLI, root / SNLI / f"{part}.{split}") for part in ("labels", "s1", "s2")]
        labels, premises, hypotheses = (column.read() for column in columns)
        if not len(labels) == len(premises) == len(hypotheses):
            raise columns[0].refuse(f"expected {len(premises)} labels, found {len(labels)}")
        said: dict[str, tuple[list[str], list[str]]] = {}
        for label, premise, hypothesis in zip(labels, premises, hypotheses, strict=True):
            entailed, contradicted = said.setdefault(tidy(premise), ([], []))
            if label != "neutral":
                (entailed if label == "entailment" else contradicted).append(tidy(hypothesis))
        for premise, (entailed, contradicted) in said.items():
            found |= dict.fromkeys((premise, a, b) for a, b in zip(entailed, contradicted))
    return list(found)
