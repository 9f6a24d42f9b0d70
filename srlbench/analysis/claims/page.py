"""Claims and their verdicts as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from srlbench.analysis.claims import Claim, Finding
from srlbench.escape import code, escaped, sentence

Judged = Sequence[tuple[Claim, Finding]]


def to_markdown(judged: Mapping[str, Judged], track: str, version: int, protocol: str, command: str) -> str:
    """One table a paper and backbone, then how each verdict was reached; one backbone alone is not named."""
    parts = [
        f"# Claims on track {escaped(track)} v{version}",
        f"Protocol {code(protocol)}. A verdict is about this track alone: its encoders, its text, its budget.",
    ]
    papers = [(b, paper) for b, found in judged.items() for paper in dict.fromkeys(claim.paper for claim, _ in found)]
    for backbone, paper in papers:
        own = [(claim, found) for claim, found in judged[backbone] if claim.paper == paper]
        lines = ["| | claim | verdict | effect [95% interval] | seeds | behind it |", "|---:|:---|:---|---:|---:|:---|"]
        lines += [
            f"| {place} | {sentence(claim.text)} | **{found.word}** | {found} | {found.n or '–'} "
            f"| {sentence(found.detail)} |"
            for place, (claim, found) in enumerate(own, 1)
        ]
        places: dict[str, list[int]] = {}
        for place, (claim, _) in enumerate(own, 1):
            places.setdefault(claim.test, []).append(place)
        tests = [f"- {', '.join(map(str, those))}: {sentence(test)}" for test, those in places.items()]
        title = f"{escaped(paper)}, on {code(backbone)}" if len(judged) > 1 else escaped(paper)
        parts += [f"## {title}", "\n".join(lines), "How each is judged:", "\n".join(tests)]
    parts.append(
        "Intervals are Student's over seeds; differences are taken seed by seed, because one seed is one order of the "
        f"data. *no evidence*: the runs a claim needs are not there. Regenerate with {code(command)}."
    )
    return "\n\n".join(parts) + "\n"
