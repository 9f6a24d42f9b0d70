"""Results that nobody ran: rows of every state, and recipes whose names would harm a careless page."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

from srlbench import tracks
from srlbench.analysis.claims import Claim, Finding
from srlbench.analysis.compare.paired import Comparison
from srlbench.analysis.leaderboard import scope
from srlbench.analysis.leaderboard.rows import build
from srlbench.analysis.results import Results
from srlbench.publish.site.contents import Definition, TrackResults
from srlbench.recipe import Recipe, Registered
from srlbench.records import Record, Scan
from srlbench.stats import Difference, Summary

RULES = tracks.load("embedded")
NOW, OLD = "a" * 16, "b" * 16
HOSTILE = ('<script>alert("name")</script>', "a|b", "=cmd|' /C calc'!A0", "$x$ & 'y'", "a/../../../up")
SPOILED = '<script>alert("text")</script>\n| x | =cmd() | </script> <!-- {{ 7 * 7 }} ]]>'


def record(recipe: str, seed: int, mean: float = 50.0, **changes: Any) -> Record:
    dice = random.Random(f"{recipe} {seed}")
    looks = [
        {"step": step, "dev": mean + step / 10, "alignment": 0.4, "uniformity": -2 - step / 50, "anisotropy": 0.1,
         "intra_similarity": 0.5, "gradients": {"dissipation_mean": 1 - step / 60, "ratio_median": 1.1}}
        for step in range(0, 51, 5)
    ]  # fmt: skip
    fit = {"slope": 0.1, "r2": dice.random(), "spearman": 0.3, "words": 40}
    diagnostics = {
        "dynamics": looks,
        "pairs": {"alignment": dice.random(), "uniformity": -2 - dice.random()},
        "isotropy": {"layers": [{"baseline": 0.1, "intra_similarity": 0.5}]},
        "words": {"integrated-gradients": {"information_gain": fit, "self_information": fit}},
    }
    content: dict[str, Any] = {
        "status": "ok", "track": RULES.name, "track_version": RULES.version, "protocol": RULES.protocol.label,
        "recipe": recipe, "backbone": "tiny", "seed": seed, "fingerprint": NOW, "weights_sha256": f"{dice.random()}",
        "scores": {task: mean + dice.gauss(0, 0.5) for task in RULES.protocol.tasks}, "diagnostics": diagnostics,
        "training": {"steps": 50, "losses": [1 / (1 + n) for n in range(50)], "loss_first": 1.0, "loss_last": 0.1},
        "timings": {"total_s": 30.0 + dice.random()}, "resolved": {"pool": "mean", "lr": 1e-3, "loss": None},
        "environment": {"packages": {"torch": "2.13.0"}, "python": "3.11.7"},
    }  # fmt: skip
    return Record(**(content | changes))


def failed(recipe: str, seed: int, message: str = "the loss is nan") -> Record:
    error = {"type": "ValueError", "message": message}
    return record(recipe, seed, status="failed", scores={}, weights_sha256=None, diagnostics={}, error=error)


def definition(name: str, settings: dict[str, Any], loss: str | None = None, **changes: Any) -> Definition:
    entry = Registered(name, Recipe(), "It trains.", "mine", cite=None, reported={}, replaces=False)
    return Definition(replace(entry, **changes), settings, loss)


def results(runs: Sequence[Record], not_run: Sequence[str] = (), **options: Any) -> TrackResults:
    names = [*dict.fromkeys(run.recipe for run in runs), *not_run]
    pairs = {(run.recipe, run.backbone) for run in runs} | {(name, "tiny") for name in not_run}
    board = build(runs, replace(scope(RULES), seeds=range(3)), dict.fromkeys(sorted(pairs), NOW))
    options = {"definitions": {name: definition(name, {"data": "twins"}) for name in names}} | options
    found = Results(Path("nowhere"), RULES)
    vars(found).update(scan=Scan(tuple(runs), ()), fresh=())  # as if they had been read
    return TrackResults(found, board, options.pop("judged", {}), **options)


def every_state() -> TrackResults:
    """Two ranked rows, and one of each other kind that a table can have."""
    runs = [record(name, seed, mean) for name, mean in (("first", 60.0), ("second", 50.0)) for seed in range(3)]
    runs += [
        record("alone", 0),
        failed("broken", 0),
        *(record("first", seed, 40.0, fingerprint=OLD) for seed in range(2)),
    ]
    score, difference = Summary(60.0, 0.5, 3), Difference(10.0, 0.5, 4.0)
    pair = Comparison("sts_avg", "first@tiny", "second@tiny", score, Summary(50.0, 0.5, 3), difference, 0.001)
    return results(runs, not_run=["idle"], pairs=[pair])


def hostile() -> TrackResults:
    """Ranked and failed rows whose every text is somebody else's."""
    runs = [record(name, seed, 50.0 + place) for place, name in enumerate(HOSTILE) for seed in range(2)]
    runs += [failed(HOSTILE[0], 7, SPOILED)]
    runs = [replace(run, environment={"packages": {SPOILED: SPOILED}, "cpu": SPOILED}) for run in runs]
    runs = [replace(run, resolved={SPOILED: SPOILED, "loss": {"name": SPOILED, "t": SPOILED}}) for run in runs]
    known = {
        name: definition(name, {"data": "twins", SPOILED: SPOILED}, SPOILED, summary=SPOILED, family=SPOILED,
                         cite=SPOILED, version_of=HOSTILE[1], reported={SPOILED: {"sts_avg": 50.0}})
        for name in HOSTILE
    }  # fmt: skip
    claim = Claim("arXiv 0000.00000 " + SPOILED, "mine", SPOILED, SPOILED, lambda _: Finding("supported"))
    judged = {"tiny": [(claim, Finding("supported", 1.0, 0.5, 1.5, 3, SPOILED, SPOILED))]}
    score, difference = Summary(50.0, 0.5, 2), Difference(1.0, 0.2, 4.0)
    pairs = [
        Comparison("sts_avg", f"{a}@tiny", f"{b}@tiny", score, score, difference, 0.01)
        for a, b in combinations(HOSTILE, 2)
    ]
    return results(runs, definitions=known, judged=judged, pairs=pairs, uncompared=SPOILED)
