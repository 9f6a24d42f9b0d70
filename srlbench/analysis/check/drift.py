"""Drift: a fall that recipes without training share is not the recipe's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from srlbench.analysis.check.baseline import Baseline
from srlbench.analysis.check.verdicts import Verdict
from srlbench.stats import label

BIG = 3  # times as large as the controls' fall: then it is the recipe's own


def unchanged(verdict: Verdict, baseline: Baseline, current: Mapping[tuple[str, str], str]) -> bool:
    pair = verdict.recipe, verdict.backbone
    return pair in baseline.entries and current.get(pair) == baseline.entries[pair].fingerprint


def drifted(verdicts: Sequence[Verdict], controls: Sequence[Verdict]) -> Iterator[Verdict]:
    """The verdicts; a recipe that fell together with the controls of its backbone has *drifted*, not regressed.

    At least two controls other than the recipe itself must have moved: one alone may be broken.
    """
    for verdict in verdicts:
        others = [c for c in controls if c.backbone == verdict.backbone and c.recipe != verdict.recipe]
        fell = [change for change in verdict.changes if change.word == "regressed"]
        shared = [_second(change.name, others) for change in fell]
        if not fell or any(-change.difference > BIG * abs(value) for change, (value, _) in zip(fell, shared)):
            yield verdict
            continue
        value, control = shared[0]
        why = (
            f"{verdict.reason}; but what nothing trains moved too ({control}: {label(fell[0].name)} {value:+.2f}): "
            "a library, the machine or the evaluation changed, not the recipe"
        )
        yield replace(verdict, word="drifted", reason=why)


def _second(name: str, controls: Sequence[Verdict]) -> tuple[float, str]:
    """The second largest change of a value among the controls, and that control's name."""
    moved = [(c.difference, v.recipe) for v in controls for c in v.changes if c.name == name and c.word != "ok"]
    return sorted(moved, key=lambda move: -abs(move[0]))[1] if len(moved) > 1 else (0.0, "")
