"""Claims and their verdicts: a table for each paper, and a page of all tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from srlbench.analysis.claims import Claim, Finding
from srlbench.analysis.table import Cell, Column, Line, Table
from srlbench.escape import code, escaped, sentence

Judged = Sequence[tuple[Claim, Finding]]
COLUMNS = (
    Column("#"),
    Column("claim", "left"),
    Column("verdict", "left"),
    Column("effect"),
    Column("95% interval"),
    Column("seeds", spare=1),
    Column("behind it", "left", spare=2),
)


def of_paper(judged: Judged, paper: str) -> Judged:
    return [(claim, found) for claim, found in judged if claim.paper == paper]


def table(judged: Judged, name: str, title: str) -> Table:
    """One line for each claim."""
    lines = [
        Line([
            Cell(str(number), number), Cell(claim.text, prose=True), Cell(f.word, bold=True, mark=f.word),
            Cell(f.effect_text, f.effect), Cell(f.interval_text, f.low), Cell(str(f.n or "–"), f.n),
            Cell(f.detail, prose=True),
        ])
        for number, (claim, f) in enumerate(judged, 1)
    ]  # fmt: skip
    return Table(name, title, COLUMNS, lines, header=1)


def tests(judged: Judged) -> dict[str, str]:
    """How claims are judged, by the numbers of the claims."""
    places: dict[str, list[str]] = {}
    for place, (claim, _) in enumerate(judged, 1):
        places.setdefault(claim.test, []).append(str(place))
    return {", ".join(numbers): test for test, numbers in places.items()}


def to_markdown(judged: Mapping[str, Judged], track: str, version: int, protocol: str, command: str) -> str:
    """One table for each paper and backbone, then how each claim is judged; a single backbone is not named."""
    parts = [
        f"# Claims on track {escaped(track)} v{version}",
        f"Protocol {code(protocol)}. A verdict is about this track alone: its encoders, its text, its budget.",
    ]
    papers = [(b, paper) for b, found in judged.items() for paper in dict.fromkeys(claim.paper for claim, _ in found)]
    for backbone, paper in papers:
        own = of_paper(judged[backbone], paper)
        reached = [f"- {numbers}: {sentence(test)}" for numbers, test in tests(own).items()]
        title = f"{escaped(paper)}, on {code(backbone)}" if len(judged) > 1 else escaped(paper)
        shown = table(own, "claims", paper).to_markdown()
        parts += [f"## {title}", shown, "How each is judged:", "\n".join(reached)]
    parts.append(
        "Intervals are Student's over seeds; differences are taken seed by seed, because one seed is one order of the "
        f"data. *no evidence*: the runs a claim needs are not there. Regenerate with {code(command)}."
    )
    return "\n\n".join(parts) + "\n"
