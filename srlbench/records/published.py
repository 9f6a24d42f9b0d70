"""The published records: those in `results` of a clone, or those that the package contains."""

from __future__ import annotations

from pathlib import Path

from srlbench.records.paths import track_folder
from srlbench.records.record import Record
from srlbench.records.store import scan


def published_results() -> Path:
    """The results folder of the published records, which may not exist."""
    package = Path(__file__).parents[1]
    roots = [package.parent / "results", package / "published"]
    return next((path for path in roots if path.is_dir()), roots[0])


def published(track: str, version: int) -> tuple[Record, ...] | None:
    """The published records of a track; None if it has none."""
    if not track_folder(published_results(), track, version).is_dir():
        return None
    return scan(published_results(), track, version).records
