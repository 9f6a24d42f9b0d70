"""What the terminal shows of many records together: a search, a sweep, claims, recipes against each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

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


def searched(found: Sequence[Searched], written: Sequence[Path]) -> None:
    """The development score of each point, the chosen one of each recipe in bold."""
    for table in search.tables(found):
        out.print(table, "")
    for path in written:
        err.print(f"Wrote {path}", soft_wrap=True)


def sweep(found: Sweep, files: Sequence[Path]) -> None:
    """The grid's points in its order."""
    out.print(f"Track {found.board.scope.track} v{found.board.scope.version}", soft_wrap=True)
    out.print(found.table)
    out.print(f"Wrote {', '.join(map(str, files))}.", soft_wrap=True)


def claims(by_backbone: Mapping[str, Iterable[tuple[Claim, Finding]]], path: Path | None) -> None:
    """A table a paper, a line a claim; then what the claims without evidence lack."""
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


def compared(compared: Compared, page: Path | None, as_json: bool) -> int:
    """A table for each average, or one of two systems with their tasks; then who had nothing to compare."""
    found, rules = compared.found, compared.track
    code = OK if found else NOTHING_COMPARABLE
    if as_json:
        about = {"track": rules.name, "version": rules.version, "protocol": rules.protocol.label}
        told = {"comparisons": [*map(comparisons.to_json, found)], "rest": [*map(asdict, compared.rest)]}
        out.print_json(json.dumps(about | told))
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


def agreements(found: Sequence[tuple[str, str, agreement.Agreement | None]]) -> None:
    """A line for each average, backbone and kind of recipe."""
    out.print(agreement.table(found))
