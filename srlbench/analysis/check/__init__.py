"""The regression check of a results folder: fresh records against reviewed expectations, one verdict a recipe."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

from srlbench import records
from srlbench.analysis.check import baseline as baselines
from srlbench.analysis.check import check as checks
from srlbench.analysis.check.verdicts import Report
from srlbench.analysis.results import Results

__all__ = ["accept", "check"]

FILE = "baseline.toml"


def check(results: Results, baseline: Path | None = None, strict: float | None = None) -> Report:
    """Compare the records with a baseline; None takes the published baseline of the track.

    strict: points; an inconclusive recipe that fell further fails the check.
    """
    track = results.track
    path = baseline or records.track_folder(records.published_results(), track.name, track.version) / FILE
    scan = results.without_variants
    controls = {name for name, entry in results.recipes.items() if not entry.recipe.trained}
    expected = baselines.load(path)
    report = checks.check(scan.records, scan.problems, expected, results.current, track.groups, controls)
    return replace(report, strict=strict)


def accept(results: Results, reason: str, out: Path | None = None) -> Path:
    """Write a new baseline from the records, to `out` or beside the records; keep the margins of the old file."""
    path = out or results.folder / FILE
    text = baselines.accept(
        results.without_variants.records,
        results.current,
        results.track.groups,
        reason=reason,
        date=datetime.date.today().isoformat(),
        previous=baselines.load(path) if path.is_file() else None,
    )
    records.write_text(path, text)
    return path
