"""The leaderboard: rows computed from records, ranked, and held against the published ones; as CSV too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from srlbench.cells import csv_text
from srlbench.records import NONE, Confirmation, Confirmed, Record, digits, machine_class, tally
from srlbench.stats import Groups, Summary, average, pooled, summarise, tie_groups, with_averages

Cell = Summary | Literal["failed", "not run"]
State = Literal["ranked", "one seed", "partial", "failed", "not run", "unregistered", "stale"]
Reproduction = Literal["bit-equal", "inside", "outside", "–"]
Current = Mapping[tuple[str, str], str]  # (recipe, backbone) -> the fingerprint it has now

STATES: tuple[State, ...] = ("ranked", "one seed", "partial", "failed", "not run", "unregistered", "stale")
# What is said of an encoder beside its scores, and where a record's diagnostics have it.
MEASURES: Mapping[str, str] = {
    "anisotropy": "isotropy.layers.-1.baseline",
    "intra_sentence_similarity": "isotropy.layers.-1.intra_similarity",
    "uniformity": "pairs.uniformity",
    "alignment": "pairs.alignment",
    "words_r2": "words.integrated-gradients.information_gain.r2",
}
SAME = 0.05  # points; less is another machine's last digits, not another result
RANK_MARGIN = 0.1  # points; less is not worth a rank


# A recipe, the setting of its paper, and what that prints: averages by name.
Elsewhere = tuple[str, str, Mapping[str, float]]


@dataclass(frozen=True)
class Row:
    """One recipe on one backbone at one fingerprint."""

    recipe: str
    backbone: str
    fingerprint: str
    state: State
    cells: Mapping[str, Cell]  # averages, then tasks
    measures: Mapping[str, Summary] = field(default_factory=dict)  # those that were taken
    seeds: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    deterministic: bool = False
    reproduction: Reproduction = "–"
    reported: Mapping[str, float] | None = None
    rank: int | None = None
    confirmed: Confirmed = NONE

    @property
    def standing(self) -> str:
        return str(self.rank) if self.rank else self.state

    @property
    def name(self) -> str:
        return f"{self.recipe}@{self.backbone}"


@dataclass(frozen=True)
class Leaderboard:
    """The rows of one track, version and protocol, best first."""

    track: str
    version: int
    protocol: str
    groups: Groups
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    compared: bool  # whether there was a published reference to compare with
    excluded: int  # records of another protocol, which share no table with these
    elsewhere: tuple[Elsewhere, ...] = ()

    @property
    def confirmed(self) -> bool:
        """Whether anybody ran a record of it again: until then nothing is said of confirmations."""
        return any(row.confirmed != NONE for row in self.rows)


def build(
    records: Iterable[Record],
    *,
    track: str,
    version: int,
    protocol: str,
    current: Current,
    groups: Groups,
    seeds: Iterable[int] = (),
    reported: Mapping[tuple[str, str], Mapping[str, float]] | None = None,
    elsewhere: Sequence[Elsewhere] = (),
    reference: Iterable[Record] | None = None,
    confirmations: Iterable[Confirmation] = (),
) -> Leaderboard:
    """The leaderboard of `records`; the first group's average ranks it.

    current: what is registered now; any other fingerprint is stale, any other recipe unregistered.
    reported: each paper's own numbers, by recipe and backbone; only where its settings match the track's.
    elsewhere: what papers print of the same methods in other settings; shown apart.
    reference: the published records to compare with; None if there are none.
    confirmations: reruns of these very records.
    """
    mine = [record for record in records if (record.track, record.track_version) == (track, version)]
    runs: dict[tuple[str, str, str], list[Record]] = {(*pair, now): [] for pair, now in current.items()}
    for record in mine:
        if record.protocol == protocol:
            runs.setdefault((record.recipe, record.backbone, record.fingerprint), []).append(record)
    published: dict[tuple[object, ...], list[Record]] = defaultdict(list)
    for record in reference or ():
        if record.status == "ok":
            published[record.key[:5]].append(record)
    again: dict[tuple[str, str, str], list[Confirmation]] = defaultdict(list)
    for each in confirmations:
        again[each.rerun.recipe, each.rerun.backbone, each.rerun.fingerprint].append(each)
    seeds = tuple(sorted(seeds))
    rows = []
    for (recipe, backbone, fingerprint), found in runs.items():
        now = current.get((recipe, backbone))
        if now != fingerprint and all(record.status == "failed" for record in found):
            continue  # a failure of code that is gone tells nobody anything
        row = _row(Row(recipe, backbone, fingerprint, "not run", {}), found, now, groups, seeds)
        told = (reported or {}).get((recipe, backbone))
        against = _reproduction(found, published[track, version, recipe, backbone, fingerprint], groups)
        confirmed = tally(again[recipe, backbone, fingerprint])
        told = told if now == fingerprint else None
        rows.append(replace(row, reproduction=against, reported=told, confirmed=confirmed))
    excluded = sum(record.protocol != protocol for record in mine)
    ordered = _ranked(rows, average(next(iter(groups))))
    compared = reference is not None
    return Leaderboard(track, version, protocol, groups, seeds, ordered, compared, excluded, tuple(elsewhere))


def _row(row: Row, records: Sequence[Record], now: str | None, groups: Groups, expected: tuple[int, ...]) -> Row:
    """`row` with what its records say."""
    ok = [record for record in records if record.status == "ok"]
    failed = tuple(sorted(record.seed for record in records if record.status == "failed"))
    values = [with_averages(record.scores, groups) for record in ok]
    cells: dict[str, Cell] = {}
    for name in names(groups):
        measured = [value[name] for value in values if name in value]
        cells[name] = summarise(measured) if measured else "failed" if failed and not ok else "not run"
    taken = {name: [v for r in ok if (v := r.measured(path)) is not None] for name, path in MEASURES.items()}
    primary = cells[average(next(iter(groups)))]
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
        missing=tuple(seed for seed in expected if seed not in {*seeds, *failed}),
        deterministic=_deterministic(ok),
    )  # fmt: skip


def _deterministic(records: Sequence[Record]) -> bool:
    """Whether the seed changes nothing: each machine class has its digits, and one of them gave them twice."""
    found: dict[tuple[str, ...], list[Any]] = defaultdict(list)
    for record in records:
        found[tuple(machine_class(record.environment).values())].append(digits(record))
    one = all(weights and (weights, scores) == same[0] for same in found.values() for weights, scores in same)
    return one and any(len(same) > 1 for same in found.values())


def _ranked(rows: Sequence[Row], primary: str) -> tuple[Row, ...]:
    """Best first, ranked where a rank can be given; stale last."""

    def order(row: Row) -> tuple[int, float, str, str, str]:
        cell = row.cells[primary]
        mean = cell.mean if isinstance(cell, Summary) else float("-inf")
        return STATES.index(row.state), -mean, row.recipe, row.backbone, row.fingerprint

    ordered = sorted(rows, key=order)
    ranks = tie_groups([_rankable(row, primary) for row in ordered], margin=RANK_MARGIN)
    return tuple(replace(row, rank=rank) for row, rank in zip(ordered, ranks, strict=True))


def _rankable(row: Row, primary: str) -> Summary | None:
    """What a row is ranked by. Where the seed changes nothing, what machine classes round differently is no spread."""
    cell = row.cells[primary]
    if row.state != "ranked" or not isinstance(cell, Summary):
        return None
    return replace(cell, sd=0.0) if row.deterministic else cell


def _reproduction(records: Sequence[Record], theirs: Sequence[Record], groups: Groups) -> Reproduction:
    """How a row stands against the published records of its own key.

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


def names(groups: Groups) -> list[str]:
    """The columns: each group's average, then every task."""
    return [*map(average, groups), *(task for tasks in groups.values() for task in tasks)]


def to_csv(board: Leaderboard) -> str:
    """One row a recipe x backbone x fingerprint, full precision; `pandas.read_csv` needs no options."""
    columns = names(board.groups)
    told = [name for name in columns if any(name in (row.reported or {}) for row in board.rows)]
    lines: list[Sequence[object]] = [
        ["track", "version", "protocol", "recipe", "backbone", "fingerprint", "state", "rank", "seeds"]
        + ["failed_seeds", "deterministic", "reproduction"]
        + [f"{name}_{part}" for name in columns for part in ("mean", "sd", "n")]
        + [f"{name}_reported" for name in told]
        + [f"{name}_{part}" for name in MEASURES for part in ("mean", "sd", "n")]
        + (["confirmed", "confirmed_bitwise", "reruns_outside"] if board.confirmed else [])
    ]
    for row in board.rows:
        line: list[object] = [board.track, board.version, board.protocol]
        line += [row.recipe, row.backbone, row.fingerprint]
        line += [row.state, row.rank, " ".join(map(str, row.seeds)), " ".join(map(str, row.failed))]
        line += [row.deterministic, row.reproduction if row.reproduction != "–" else None]
        for name in columns:
            cell = row.cells[name]
            line += [cell.mean, cell.sd, cell.n] if isinstance(cell, Summary) else [None, None, 0]
        line += [(row.reported or {}).get(name) for name in told]
        for name in MEASURES:
            taken = row.measures.get(name)
            line += [taken.mean, taken.sd, taken.n] if taken else [None, None, 0]
        line += [row.confirmed.count, row.confirmed.bitwise, row.confirmed.outside] if board.confirmed else []
        lines.append(line)
    return csv_text(lines)
