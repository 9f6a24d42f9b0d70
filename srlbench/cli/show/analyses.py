"""What the terminal shows of many records together: a search, a sweep, claims, recipes against each other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markup import escape

from srlbench.analysis import search
from srlbench.analysis.claims import Claim, Finding
from srlbench.analysis.claims import page as claims_page
from srlbench.analysis.compare import Compared, agreement
from srlbench.analysis.compare import tables as comparisons
from srlbench.analysis.search import Searched
from srlbench.analysis.sweep import Sweep
from srlbench.cli.show.terminal import err, out
from srlbench.errors import NOTHING_COMPARABLE, OK
from srlbench.escape import escaped

Agreements = Sequence[tuple[str, str, agreement.Agreement | None]]


def searched(found: Sequence[Searched], written: Sequence[Path], as_json: bool = False) -> None:
    """The development score of each point, the chosen one of each recipe in bold."""
    if as_json:
        out.print_json(json.dumps([asdict(each) | {"chosen": each.chosen} for each in found]))
    for table in () if as_json else search.tables(found):
        out.print(table, "")
    for path in written:
        err.print(f"Wrote {path}", soft_wrap=True)


def sweep(found: Sweep, files: Sequence[Path], as_json: bool = False) -> None:
    """The grid's points in its order."""
    if as_json:
        rows = [{"settings": found.settings[row.recipe], **asdict(row)} for row in found.rows]
        out.print_json(json.dumps({"recipe": found.recipe, "points": rows}))
        err.print(f"Wrote {', '.join(map(str, files))}.", soft_wrap=True)
        return
    out.print(f"Track {found.board.scope.track} v{found.board.scope.version}", soft_wrap=True)
    out.print(found.table)
    out.print(f"Wrote {', '.join(map(str, files))}.", soft_wrap=True)


def claims(
    by_backbone: Mapping[str, Sequence[tuple[Claim, Finding]]], path: Path | None, as_json: bool = False
) -> None:
    """A table a paper, a line a claim; then what the claims without evidence lack."""
    if as_json:
        told = [
            {"backbone": backbone, "paper": claim.paper, "claim": claim.name, "text": claim.text, **asdict(found)}
            for backbone, judged in by_backbone.items()
            for claim, found in judged
        ]
        out.print_json(json.dumps(told))
        return
    for backbone, judged in by_backbone.items():
        own = list(judged)
        for paper in dict.fromkeys(claim.paper for claim, _ in own):
            those = claims_page.of_paper(own, paper)
            out.print(claims_page.table(those, "claims", f"{paper}, on {backbone}" if len(by_backbone) > 1 else paper))
            for place, (_, found) in enumerate(those, 1):
                if found.effect is None:
                    out.print(f"[dim]{place}: {escape(found.detail)}[/]", soft_wrap=True)
            out.print()
    if path:
        out.print(f"Wrote {path}.", soft_wrap=True)


def plain(compared: Compared) -> dict[str, Any]:
    """Comparisons in JSON's own types."""
    rules = compared.track
    about = {"track": rules.name, "version": rules.version, "protocol": rules.protocol.label}
    told = {"comparisons": [*map(comparisons.to_json, compared.found)], "rest": [*map(asdict, compared.rest)]}
    return about | told


def compared(compared: Compared, page: Path | None, as_json: bool) -> int:
    """A table for each average, or one of two systems with their tasks; then who had nothing to compare."""
    found = compared.found
    code = OK if found else NOTHING_COMPARABLE
    if as_json:
        out.print_json(json.dumps(plain(compared)))
        return code
    for table in compared.tables if found else ():
        out.print(table, "")
    for each in found if len(compared.pairs) == 1 else ():
        if each.name in compared.averages:
            out.print(escape(comparisons.detects(each)), soft_wrap=True)
    for one in compared.rest:
        out.print(f"[yellow]{one.word}[/] {escape(one.name)}: {escape(one.reason)}", soft_wrap=True)
    for said in comparisons.legend(found) if found else ():
        out.print(f"[dim]{escape(said)}[/]", soft_wrap=True)
    if page:
        out.print(f"Wrote {page}.", soft_wrap=True)
    return code


def plain_agreements(found: Agreements) -> list[dict[str, Any]]:
    """How alike two tracks order recipes, in JSON's own types."""
    return [{"where": where, "recipes": which, "agreement": each and asdict(each)} for where, which, each in found]


def agreements_markdown(found: Agreements, track: str, other: str) -> str:
    head = f"# How alike tracks {escaped(track)} and {escaped(other)} order the recipes"
    return f"{head}\n\n{agreement.table(found).to_markdown()}\n"


def agreements(found: Agreements) -> None:
    """A line for each average, backbone and kind of recipe."""
    out.print(agreement.table(found))
