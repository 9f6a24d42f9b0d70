"""The averages so far, best first, while a suite is running."""

from __future__ import annotations

from collections import Counter, defaultdict

from srlbench import records
from srlbench.analysis.table import Cell, Column, Line, Table, texts
from srlbench.records import Record
from srlbench.runs import plan as plans
from srlbench.runs.plan import Plan
from srlbench.stats import average, label, summarise, with_averages


class Standings:
    """The averages of every recipe and backbone of a plan over the seeds that are recorded, the earlier ones included.

    Nothing is ranked in here: the leaderboard does that, of all seeds.
    """

    def __init__(self, plan: Plan) -> None:
        self.groups = plan.track.groups
        self.left = Counter(run.key.seed for run in plan.missing)
        self.averages: dict[tuple[str, str], dict[int, dict[str, float]]] = defaultdict(dict)
        done = {run.key for run in plan.runs if run.state == plans.DONE}
        for record in records.scan(plan.results, plan.track.name, plan.track.version).records if done else ():
            if record.key in done:
                self._add(record)

    def see(self, record: Record) -> bool:
        """Take in a run that has ended; return whether its seed has no more runs, while other seeds have."""
        self.left[record.seed] -= 1
        if record.status == "ok":
            self._add(record)
        return not self.left[record.seed] and bool(+self.left)

    def _add(self, record: Record) -> None:
        self.averages[record.recipe, record.backbone][record.seed] = with_averages(record.scores, self.groups)

    def table(self, most: int | None = None) -> Table:
        """The table, or its first rows: mean, standard deviation and number of seeds of each average."""
        names = [average(group) for group in self.groups]
        rows = []
        for cell, seeds in self.averages.items():
            values = {name: [each[name] for each in seeds.values() if name in each] for name in names}
            if values[names[0]]:
                rows.append((cell, [summarise(values[name]) if values[name] else None for name in names]))
        rows.sort(key=lambda row: -row[1][0].mean if row[1][0] else 0.0)
        columns = [
            Column("recipe", "left"),
            Column("backbone", "left", spare=1),
            *(Column(label(name)) for name in names),
        ]
        lines = []
        for cell, means in rows[:most]:
            scores = [Cell("–") if mean is None else Cell(str(mean), short=f"{mean.mean:.2f}") for mean in means]
            lines.append(Line([*texts(*cell), *scores]))
        return Table("so-far", f"So far: {len(rows)} rows", columns, lines)
