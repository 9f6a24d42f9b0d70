"""The rows of a leaderboard: computed from records, ranked, and compared with the published ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from srlbench.analysis.leaderboard import board
from srlbench.analysis.leaderboard.board import Cell, Leaderboard, Papers, Reproduction, Row, Scope, State
from srlbench.records import Confirmation, Record, digits, machine_class, tally
from srlbench.stats import Groups, Summary, average, pooled, summarise, tie_groups, with_averages

Current = Mapping[tuple[str, str], str]  # (recipe, backbone) -> the fingerprint it has now
SAME = 0.05  # points; less is another machine's last digits, not another result


def build(
    records: Iterable[Record],
    scope: Scope,
    current: Current,
    papers: Papers = board.NO_PAPERS,
    reference: Iterable[Record] | None = None,
    confirmations: Iterable[Confirmation] = (),
) -> Leaderboard:
    """The leaderboard of `records`; the first group's average ranks it.

    current: what is registered now; any other fingerprint is stale, any other recipe unregistered.
    reference: the published records to compare with; None if there are none.
    confirmations: reruns of these very records.
    """
    own = [record for record in records if (record.track, record.track_version) == (scope.track, scope.version)]
    runs: dict[tuple[str, str, str], list[Record]] = {(*pair, now): [] for pair, now in current.items()}
    for record in own:
        if record.protocol == scope.protocol:
            runs.setdefault((record.recipe, record.backbone, record.fingerprint), []).append(record)
    published: dict[tuple[object, ...], list[Record]] = defaultdict(list)
    for record in reference or ():
        if record.status == "ok":
            published[record.key[:5]].append(record)
    reruns: dict[tuple[str, str, str], list[Confirmation]] = defaultdict(list)
    for confirmation in confirmations:
        reruns[confirmation.rerun.recipe, confirmation.rerun.backbone, confirmation.rerun.fingerprint].append(
            confirmation
        )
    rows = []
    for (recipe, backbone, fingerprint), found in runs.items():
        now = current.get((recipe, backbone))
        if now != fingerprint and all(record.status == "failed" for record in found):
            continue  # a failure of code that is gone tells nobody anything
        row = _row(Row(recipe, backbone, fingerprint, "not run", {}), found, now, scope)
        theirs = published[scope.track, scope.version, recipe, backbone, fingerprint]
        rows.append(
            replace(
                row,
                reproduction=_reproduction(found, theirs, scope.groups),
                reported=papers.here.get((recipe, backbone)) if now == fingerprint else None,
                confirmed=tally(reruns[recipe, backbone, fingerprint]),
            )
        )
    return Leaderboard(
        scope,
        _ranked(rows, scope.primary),
        compared=reference is not None,
        excluded=sum(record.protocol != scope.protocol for record in own),
        elsewhere=tuple(papers.elsewhere),
    )


def _row(row: Row, records: Sequence[Record], now: str | None, scope: Scope) -> Row:
    """The row with its state, scores and diagnostics, computed from its records."""
    groups = scope.groups
    ok = [record for record in records if record.status == "ok"]
    failed = tuple(sorted(record.seed for record in records if record.status == "failed"))
    values = [with_averages(record.scores, groups) for record in ok]
    cells: dict[str, Cell] = {}
    for name in board.names(groups):
        measured = [value[name] for value in values if name in value]
        cells[name] = summarise(measured) if measured else "failed" if failed and not ok else "not run"
    taken = {name: [v for r in ok if (v := r.measured(path)) is not None] for name, path in board.MEASURES.items()}
    primary = cells[scope.primary]
    state: State = "ranked"
    if now != row.fingerprint:
        state = "stale" if now else "unregistered"
    elif not ok:
        state = "failed" if failed else "not run"
    elif not isinstance(primary, Summary):
        state = "partial"
    elif primary.n < 2:
        state = "one seed"
    seeds = tuple(sorted(record.seed for record in ok))
    return replace(
        row, state=state, cells=cells, seeds=seeds, failed=failed,
        measures={name: summarise(values) for name, values in taken.items() if values},
        missing=tuple(seed for seed in sorted(scope.seeds) if seed not in {*seeds, *failed}),
        deterministic=_deterministic(ok),
    )  # fmt: skip


def _deterministic(records: Sequence[Record]) -> bool:
    """Whether the seed changes nothing: all seeds of one machine class agree, and one class has two seeds or more."""
    found: dict[tuple[str, ...], list[Any]] = defaultdict(list)
    for record in records:
        found[tuple(machine_class(record.environment).values())].append(digits(record))
    one = all(weights and (weights, scores) == same[0] for same in found.values() for weights, scores in same)
    return one and any(len(same) > 1 for same in found.values())


def _ranked(rows: Sequence[Row], primary: str) -> tuple[Row, ...]:
    """Backbone by backbone, best rank first; rows of one rank by their mean, then by name. Rows without a rank follow.

    A recipe competes with those on its own backbone: what the encoder starts from is no merit of the recipe.
    """
    ranked: list[Row] = []
    for backbone in dict.fromkeys(row.backbone for row in rows):
        own = [row for row in rows if row.backbone == backbone]
        ranks = tie_groups([row.rankable(primary) for row in own], margin=board.RANK_MARGIN)
        ranked += [replace(row, rank=rank) for row, rank in zip(own, ranks, strict=True)]
    backbones = list(dict.fromkeys(row.backbone for row in rows))

    def order(row: Row) -> tuple[int, int, int, float, str, str]:
        cell = row.cells[primary]
        mean = cell.mean if isinstance(cell, Summary) else float("-inf")
        place = backbones.index(row.backbone), board.STATES.index(row.state), row.rank or 0
        return *place, -mean, row.recipe, row.fingerprint

    return tuple(sorted(ranked, key=order))


def _reproduction(records: Sequence[Record], theirs: Sequence[Record], groups: Groups) -> Reproduction:
    """How a row compares with the published records of the same recipe, backbone and fingerprint.

    Inside: every average differs by less than its 95% interval (held jointly) allows two draws of seeds.
    """
    ours = [record for record in records if record.status == "ok"]
    by_seed = {record.seed: record for record in theirs}
    common = [(record, by_seed[record.seed]) for record in ours if record.seed in by_seed]
    if common and all((a.weights_sha256, a.scores) == (b.weights_sha256, b.scores) for a, b in common):
        return "bit-equal"
    sides = [[with_averages(record.scores, groups) for record in side] for side in (ours, theirs)]
    outside = compared = 0
    for name in map(average, groups):
        a, b = ([value[name] for value in side if name in value] for side in sides)
        if not a or not b:
            continue
        difference = pooled(summarise(a), summarise(b))
        if abs(summarise(a).mean - summarise(b).mean) > SAME:
            if difference is None:
                continue  # one seed against one other: nothing says how far is far
            low, high = difference.interval(1 - 0.05 / len(groups))
            outside += not low <= 0 <= high
        compared += 1
    return "–" if not compared else "outside" if outside else "inside"
