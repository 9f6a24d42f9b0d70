"""A leaderboard: its rows, the scope of its table, and its output formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from srlbench.escape import csv_text
from srlbench.records import NONE, Confirmed, Record
from srlbench.stats import Groups, Summary, average, with_averages

if TYPE_CHECKING:
    import pandas

Cell = Summary | Literal["failed", "not run"]
State = Literal["ranked", "one seed", "partial", "failed", "not run", "unregistered", "stale"]
Reproduction = Literal["bit-equal", "inside", "outside", "–"]

STATES: tuple[State, ...] = ("ranked", "one seed", "partial", "failed", "not run", "unregistered", "stale")
# The diagnostics of a row, and their paths in a record's diagnostics.
MEASURES: Mapping[str, str] = {
    "anisotropy": "isotropy.layers.-1.baseline",
    "intra_sentence_similarity": "isotropy.layers.-1.intra_similarity",
    "uniformity": "pairs.uniformity",
    "alignment": "pairs.alignment",
    "words_r2": "words.integrated-gradients.information_gain.r2",
}
RANK_MARGIN = 0.1  # points; less is not worth a rank


# A recipe, the setting of its paper, and the averages that the paper reports, by name.
Elsewhere = tuple[str, str, Mapping[str, float]]


@dataclass(frozen=True)
class Scope:
    """What may share a table: one track, version and protocol, and the tasks behind each average."""

    track: str
    version: int
    protocol: str
    groups: Groups
    seeds: Sequence[int] = ()  # that a row should have

    @property
    def primary(self) -> str:
        """The average that ranks."""
        return average(next(iter(self.groups)))


@dataclass(frozen=True)
class Papers:
    """Scores that papers report: in the settings of the track (by recipe and backbone), and in other settings."""

    here: Mapping[tuple[str, str], Mapping[str, float]] = field(default_factory=dict)
    elsewhere: Sequence[Elsewhere] = ()


NO_PAPERS = Papers()


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
    def rank_or_state(self) -> str:
        return str(self.rank) if self.rank else self.state

    @property
    def name(self) -> str:
        return f"{self.recipe}@{self.backbone}"

    @property
    def current(self) -> bool:
        """Whether the row is of the recipe as it is registered now."""
        return self.state not in ("stale", "unregistered")

    def rankable(self, name: str) -> Summary | None:
        """The value to rank by, None for a row without a rank; a deterministic row has an sd of 0."""
        cell = self.cells[name]
        if self.state != "ranked" or not isinstance(cell, Summary):
            return None
        return replace(cell, sd=0.0) if self.deterministic else cell


@dataclass(frozen=True)
class Leaderboard:
    """The rows of one track, version and protocol, best first."""

    scope: Scope
    rows: tuple[Row, ...]
    compared: bool  # whether there was a published reference to compare with
    excluded: int  # records of another protocol, which share no table with these
    elsewhere: tuple[Elsewhere, ...] = ()
    references: tuple[Record, ...] = ()  # encoders that were trained elsewhere, measured here

    @property
    def confirmed(self) -> bool:
        """Whether any row has a confirmation; until then, tables have no column for it."""
        return any(row.confirmed != NONE for row in self.rows)

    @property
    def backbones(self) -> list[str]:
        """In the order of the rows."""
        return list(dict.fromkeys(row.backbone for row in self.rows))

    def to_markdown(self, group: str | None = None) -> str:
        """The averages, or the tasks of a group, in a table for each backbone."""
        from srlbench.analysis.leaderboard import tables

        return "\n\n".join(table.to_markdown() for table in tables.best_marked(self, group))

    def to_latex(self, group: str | None = None) -> str:
        """The averages, or the tasks of a group, in a `tabular` for each backbone; it needs `booktabs`."""
        from srlbench.analysis.leaderboard import tables

        return "\n".join(f"% {' '.join(t.title.split())}\n{t.to_latex()}" for t in tables.best_marked(self, group))

    def to_text(self) -> str:
        """The tables that SentEval and SimCSE print: one for each group of tasks and backbone, means over seeds."""
        from srlbench.analysis.leaderboard import tables

        return "\n".join(table.to_text() for table in tables.plain(self))

    def to_csv(self) -> str:
        """One row for each recipe, backbone and fingerprint, at full precision; `pandas.read_csv` needs no options."""
        return csv_text(_lines(self))

    def to_pandas(self) -> pandas.DataFrame:
        """The rows and columns of the CSV file; its empty cells are missing values."""
        import pandas

        header, *lines = _lines(self)
        return pandas.DataFrame(lines, columns=[*map(str, header)])

    def _repr_html_(self) -> str:
        from srlbench.analysis.leaderboard import tables

        return "\n".join(table.to_html() for table in tables.best_marked(self))


def names(groups: Groups) -> list[str]:
    """The columns: each group's average, then every task."""
    return [*map(average, groups), *(task for tasks in groups.values() for task in tasks)]


def _lines(board: Leaderboard) -> list[Sequence[object]]:
    """The header and the rows of the CSV file."""
    columns = names(board.scope.groups)
    reported = [name for name in columns if any(name in (row.reported or {}) for row in board.rows)]
    lines: list[Sequence[object]] = [
        ["track", "version", "protocol", "recipe", "backbone", "fingerprint", "state", "rank", "seeds"]
        + ["failed_seeds", "deterministic", "reproduction"]
        + [f"{name}_{part}" for name in columns for part in ("mean", "sd", "n")]
        + [f"{name}_reported" for name in reported]
        + [f"{name}_{part}" for name in MEASURES for part in ("mean", "sd", "n")]
        + (["confirmed", "confirmed_bitwise", "reruns_outside"] if board.confirmed else [])
    ]
    for row in board.rows:
        line: list[object] = [board.scope.track, board.scope.version, board.scope.protocol]
        line += [row.recipe, row.backbone, row.fingerprint]
        line += [row.state, row.rank, " ".join(map(str, row.seeds)), " ".join(map(str, row.failed))]
        line += [row.deterministic, row.reproduction if row.reproduction != "–" else None]
        for name in columns:
            cell = row.cells[name]
            line += [cell.mean, cell.sd, cell.n] if isinstance(cell, Summary) else [None, None, 0]
        line += [(row.reported or {}).get(name) for name in reported]
        for name in MEASURES:
            taken = row.measures.get(name)
            line += [taken.mean, taken.sd, taken.n] if taken else [None, None, 0]
        line += [row.confirmed.count, row.confirmed.bitwise, row.confirmed.outside] if board.confirmed else []
        lines.append(line)
    for record in board.references:
        known = with_averages(record.scores, board.scope.groups)
        line = [board.scope.track, board.scope.version, board.scope.protocol]
        line += [record.recipe, record.backbone, record.fingerprint, "reference", *[None] * 5]
        for name in columns:
            line += [known.get(name), None, int(name in known)]
        lines.append([*line, *[None] * (len(lines[0]) - len(line))])
    return lines
