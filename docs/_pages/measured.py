"""The numbers of a recipe: what papers print, and what the published records of this project say."""

from __future__ import annotations

import csv
import re
from functools import cache

from _pages import markdown as md
from srlbench import registry
from srlbench.recipe import Registered
from srlbench.records import published_results
from srlbench.stats import label


def reported(entry: Registered) -> list[str]:
    """What the recipe's paper prints; nothing if no number is registered."""
    names = list(dict.fromkeys(name for numbers in entry.reported.values() for name in numbers))
    if not names:
        return []
    rows = [
        [md.escaped(place), *(f"{numbers[name]:.2f}" if name in numbers else "–" for name in names)]
        for place, numbers in entry.reported.items()
    ]
    columns = ["track and encoder", *map(label, names)]
    about = "The paper's own numbers, in its own setting. They are not ours, and share no table with ours."
    return ["## As papers print it", about, md.table(columns, rows, range(1, len(columns)))]


@cache
def _published() -> dict[str, list[dict[str, str]]]:
    """The rows of the published leaderboards, by recipe."""
    found: dict[str, list[dict[str, str]]] = {}
    for file in sorted(published_results().glob("*/v*/leaderboard.csv")):
        for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines()):
            found.setdefault(row["recipe"], []).append(row)
    return found


def measured(name: str) -> list[str]:
    """The recipe's rows of the published leaderboards; nothing if it has none."""
    rows = [row for row in _published().get(name, []) if row["sts_avg_mean"]]
    if not rows:
        return []
    cells = []
    for row in rows:
        board = f"[{row['track']} v{row['version']}](/results/{row['track']}/v{row['version']}/leaderboard.md)"
        rank = row["rank"] or row["state"]
        cells.append([board, md.code(row["backbone"]), rank, _score(row, "sts_avg"), _score(row, "transfer_avg")])
    names = sorted({row["track"] for row in rows})
    again = [f"srlbench leaderboard --track {track} --results results" for track in names]
    about = (
        "The published records: mean ± standard deviation (number of seeds). A rank is among the rows of one backbone; "
        "[tables](/tables.md) explains it. Made by"
    )
    shown = md.table(["track", "backbone", "rank", "STS avg", "transfer avg"], cells, (2, 3, 4))
    return ["## Measured here", about, md.commands(*again), shown]


def _score(row: dict[str, str], name: str) -> str:
    """A mean over seeds, as in the tables; a row that no seed changes has no spread."""
    if not row[f"{name}_mean"]:
        return "–"
    mean, n = float(row[f"{name}_mean"]), row[f"{name}_n"]
    spread = f" ± {float(sd):.2f}" if (sd := row[f"{name}_sd"]) else ""
    spread = "†" if row["deterministic"] == "True" else spread
    return f"{mean:.2f}{spread} ({n})"


def linked_cells(markdown: str) -> str:
    """A page whose tables have the names of recipes in cells of their own; each leads to the recipe's page."""
    known = registry.recipes()
    return re.sub(
        r"(?<=\| )[\w-]+(?= \|)",
        lambda cell: f"[{cell[0]}](/recipes/{cell[0]}.md)" if cell[0] in known else cell[0],
        markdown,
    )
