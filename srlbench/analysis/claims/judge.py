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
    """The verdicts on each backbone that has current records, or on the track's first if none has; then those in the
    papers' own settings, as far as there are such records."""
    track = results.track
    own = [backbones.resolve(name).name for name in track.ranked]
    measured = {record.backbone for record in results.fresh}
    kept = [name for name in own if name in measured] or own[:1]
    command = f"srlbench run --track {track.name}"
    judged: dict[str, Judged] = {}
    for name in kept:
        mine = [record for record in results.fresh if record.backbone == name]
        evidence = Evidence(mine, track.groups, command)
        judged[name] = [(claim, claim.verdict(evidence)) for claim in claims()]
        for paper, settings in track.regimes.items():
            there = Evidence(mine, track.groups, command, settings)
            found = [(claim, claim.verdict(there)) for claim in claims() if claim.paper == paper]
            if any(finding.word != "no evidence" for _, finding in found):
                said = ", ".join(f"{key} {value}" for key, value in settings.items())
                judged[f"{name}, as in the paper: {said}"] = [f for f in found if f[1].word != "no evidence"]
    return judged


def write(judged: Mapping[str, Judged], results: Results) -> Path:
    """Write `claims.md` beside the records."""
    track, path = results.track, results.folder / "claims.md"
    text = page.to_markdown(judged, track.name, track.version, track.protocol.label, results.command("claims"))
    records.write_text(path, text)
    return path
