"""A grid over a recipe's own settings: its table, CSV file and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from srlbench.analysis.dynamics import MEASURES, SPACE, Series, by_recipe
from srlbench.analysis.leaderboard import scope
from srlbench.analysis.leaderboard.board import Leaderboard, Row
from srlbench.analysis.leaderboard.rows import build
from srlbench.analysis.leaderboard.tables import score
from srlbench.analysis.results import Results
from srlbench.analysis.table import Cell, Column, Line, Table, texts
from srlbench.escape import code, csv_text, escaped
from srlbench.recipe import Registered
from srlbench.records import write_text
from srlbench.runs.fingerprint import current
from srlbench.stats import Summary, average, label, with_averages


@dataclass(frozen=True)
class Sweep:
    """The rows of a recipe and of its variants, with the changed settings of each (none for the recipe itself)."""

    recipe: str
    settings: Mapping[str, Mapping[str, Any]]
    board: Leaderboard
    # Title in a figure -> recipe or variant -> one value for each seed; the average that ranks is the first.
    measures: Mapping[str, Mapping[str, Sequence[float]]]
    dynamics: Mapping[str, Sequence[Series]] = field(
        default_factory=dict
    )  # recipe or variant -> series; of one backbone

    @property
    def keys(self) -> list[str]:
        return list(dict.fromkeys(key for changes in self.settings.values() for key in changes))

    @property
    def rows(self) -> list[Row]:
        """The rows in the order of the grid; the recipe as registered is the first, if it was run."""
        order = list(self.settings)
        kept = [row for row in self.board.rows if row.recipe != self.recipe or row.seeds]
        return sorted(kept, key=lambda row: (row.backbone, order.index(row.recipe)))

    @property
    def name(self) -> str:
        return f"{self.recipe}+{'+'.join(sorted(self.keys))}"

    @property
    def table(self) -> Table:
        """One line for each point."""
        averages = list(map(average, self.board.scope.groups))
        columns = [*map(Column, self.keys), Column("backbone", "left"), *(Column(label(name)) for name in averages)]
        lines = [
            Line([*texts(*(self._setting(row, key) for key in self.keys)), Cell(row.backbone),
                  *(score(row, name) for name in averages), Cell(row.rank_or_state, row.rank)])
            for row in self.rows
        ]  # fmt: skip
        return Table("sweep", f"Sweep of {self.recipe}: {', '.join(self.keys)}", [*columns, Column("rank")], lines)

    def point(self, name: str) -> str:
        """A short name of a point: its settings."""
        changes = self.settings[name]
        parts = [
            str(_word(value)) if len(self.keys) == 1 else f"{key}={_word(value)}" for key, value in changes.items()
        ]
        return ", ".join(parts) or "as registered"

    def _setting(self, row: Row, key: str) -> str:
        changes = self.settings[row.recipe]
        if key not in changes:
            return "as registered"
        return str(_word(changes[key]))


def of(points: Sequence[Registered], results: Results, backbones: Sequence[str] = ()) -> Sweep:
    """Build a sweep from the current records; the first point is the recipe as registered."""
    track = results.track
    now = current(points, track, backbones)
    own = [record for record in results.records if now.get((record.recipe, record.backbone)) == record.fingerprint]
    measures: dict[str, dict[str, list[float]]] = {}
    for record in own:
        values = with_averages(record.scores, track.groups)
        taken = {f"{label(average(group))} (%)": values.get(average(group)) for group in track.groups}
        taken |= {name: record.measured(f"pairs.{name}") for name in ("alignment", "uniformity")}
        for title, value in taken.items():
            if value is not None:
                measures.setdefault(title, {}).setdefault(record.recipe, []).append(value)
    board = build(own, replace(scope(track), seeds=()), now)
    looks = by_recipe(own, SPACE) if len(now) == len(points) else {}
    return Sweep(points[0].name, {point.name: point.changes for point in points}, board, measures, looks)


def write(sweep: Sweep, folder: Path, command: str) -> list[Path]:
    """Write `NAME.md` and `NAME.csv`, and where they can be drawn `NAME.svg` and `NAME-dynamics.svg`.

    The same records give the same bytes.
    """
    page, numbers = folder / f"{sweep.name}.md", folder / f"{sweep.name}.csv"
    write_text(page, to_markdown(sweep, command))
    write_text(numbers, to_csv(sweep))
    plot, looks = folder / f"{sweep.name}.svg", folder / f"{sweep.name}-dynamics.svg"
    return [page, numbers, *_plot(sweep, plot), *_dynamics(sweep, looks)]


def _dynamics(sweep: Sweep, path: Path) -> list[Path]:
    """Draw the learning dynamics, one line for each point, if there are few enough to tell apart."""
    lines = {sweep.point(name): sweep.dynamics[name] for name in sweep.settings if sweep.dynamics.get(name)}
    from srlbench.analysis import figures as plots

    if not 2 <= len(lines) <= plots.MOST_LINES:
        return []
    plots.measures(lines, path, panels={key: MEASURES[key][1] for key in SPACE}, name=", ".join(sweep.keys))
    return [path]


def _plot(sweep: Sweep, path: Path) -> list[Path]:
    """Draw the scores over the settings, if the first is a number and there is one backbone."""
    keys = sweep.keys
    axis = [changes[keys[0]] for changes in sweep.settings.values() if changes]
    several = len({row.backbone for row in sweep.rows}) > 1
    if len(keys) > 2 or several or len({*axis}) < 2 or not all(isinstance(v, int | float) for v in axis):
        return []
    if not any(next(iter(sweep.measures.values()), {}).values()):
        return []
    from srlbench.analysis import figures as plots

    positive = [value for value in axis if value]
    wide = min(positive) > 0 and max(positive) / min(positive) >= 20
    changed = {name: changes for name, changes in sweep.settings.items() if changes}
    if len(keys) == 1:
        points = {
            title: {changes[keys[0]]: values[name] for name, changes in changed.items() if values.get(name)}
            for title, values in sweep.measures.items()
        }
        plots.along(points, path, name=keys[0], log=wide)
        return [path]
    first, second = keys
    title, scores = next(iter(sweep.measures.items()))
    scored = {(c[first], _word(c[second])): scores[name] for name, c in changed.items() if scores.get(name)}
    plots.grid(scored, path, names=(first, second), score=title, log=wide and 0 not in axis)
    return [path]


def _word(value: Any) -> Any:
    return "none" if value is None else value


def to_markdown(sweep: Sweep, command: str) -> str:
    shared, table = sweep.board.scope, sweep.table
    return (
        f"# {escaped(table.title)}\n\n"
        f"Track {code(shared.track)} v{shared.version} · protocol {code(shared.protocol)}\n\n{table.to_markdown()}\n\n"
        "Percentages: mean ± standard deviation over seeds (number of seeds). Rank is 1 + the number of points whose "
        f"{escaped(label(shared.primary))} is significantly better (moderated Welch's t, 5%, and more than 0.1 "
        "points); points of one rank are tied.\n\n"
        f"Made with {code(command)}.\n"
    )


def to_csv(sweep: Sweep) -> str:
    """One row for each point, at full precision."""
    averages = list(map(average, sweep.board.scope.groups))
    lines: list[Sequence[object]] = [
        ["recipe", "backbone", *sweep.keys, *(f"{a}_{part}" for a in averages for part in ("mean", "sd", "n"))]
    ]
    for row in sweep.rows:
        values = [sweep._setting(row, key) for key in sweep.keys]
        line: list[object] = [row.recipe, row.backbone, *values]
        for name in averages:
            cell = row.cells[name]
            line += [cell.mean, cell.sd, cell.n] if isinstance(cell, Summary) else [None, None, 0]
        lines.append(line)
    return csv_text(lines)
