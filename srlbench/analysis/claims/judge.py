"""Every claim judged on every backbone, by the current records of a results folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from srlbench import backbones, records
from srlbench.analysis.claims import Claim, Finding, claims, page
from srlbench.analysis.claims.evidence import Evidence
from srlbench.analysis.results import Results

Judged = list[tuple[Claim, Finding]]


def judge(results: Results) -> dict[str, Judged]:
    """The verdicts on each backbone that has current records, or on the track's first if none has."""
    track = results.track
    own = [backbones.resolve(name).name for name in track.backbones]
    measured = {record.backbone for record in results.fresh}
    kept = [name for name in own if name in measured] or own[:1]
    command = f"srlbench run --track {track.name}"
    evidence = {
        name: Evidence((r for r in results.fresh if r.backbone == name), track.groups, command) for name in kept
    }
    return {name: [(claim, claim.verdict(known)) for claim in claims()] for name, known in evidence.items()}


def write(judged: Mapping[str, Judged], results: Results) -> Path:
    """Write `claims.md` beside the records."""
    track, path = results.track, results.folder / "claims.md"
    text = page.to_markdown(judged, track.name, track.version, track.protocol.label, results.command("claims"))
    records.write_text(path, text)
    return path
