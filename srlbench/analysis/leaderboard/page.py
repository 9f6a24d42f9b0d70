"""The leaderboard as a page: its tables in Markdown, with a legend of what is in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from srlbench import __version__
from srlbench.analysis.leaderboard import tables
from srlbench.analysis.leaderboard.board import RANK_MARGIN, STATES, Leaderboard, Row
from srlbench.escape import code, escaped
from srlbench.records import write_text
from srlbench.stats import label

ELSEWHERE = (
    "What papers print, single numbers of one seed: other encoders, other text, a hundred times the training. "
    "**Not comparable with the rows above**; it says how far a method goes where it was made."
)


def write(board: Leaderboard, folder: Path, command: str) -> tuple[Path, Path]:
    """Write `leaderboard.csv` and `leaderboard.md`; the same records give the same bytes."""
    numbers, page = folder / "leaderboard.csv", folder / "leaderboard.md"
    write_text(numbers, board.to_csv())
    write_text(page, to_markdown(board, command))
    return numbers, page


def to_markdown(board: Leaderboard, command: str) -> str:
    """The text of `leaderboard.md`: averages first, then the tasks of each group."""
    scope = board.scope
    seeds = ", ".join(map(str, sorted({*scope.seeds, *(seed for row in board.rows for seed in row.seeds)}))) or "none"
    track = f"Track {code(scope.track)} v{scope.version}"
    head = f"{track} · protocol {code(scope.protocol)} · seeds {seeds} · srlbench {__version__}"
    parts = [f"# Leaderboard: {escaped(scope.track)} v{scope.version}", head]
    for table in tables.every(board):
        if table.name != "averages":  # the only table of averages stands below the page's own title
            parts.append(f"## {escaped(table.title)}")
        parts.append(table.to_markdown())
    if board.elsewhere:
        table = tables.elsewhere(board)
        parts += [f"## {table.title}", ELSEWHERE, table.to_markdown()]
    reading = "\n".join(f"- {escaped(line)}" for line in legend(board))
    parts += ["## How to read it", reading, f"Regenerate with {code(command)}."]
    return "\n\n".join(parts) + "\n"


def legend(board: Leaderboard) -> list[str]:
    """The meaning of the words and marks that occur in this table."""
    rows, states = board.rows, {row.state for row in board.rows}
    first = label(board.scope.primary)
    lines = [
        "Percentages: mean ± standard deviation over seeds (number of seeds).",
        f"Rank is 1 + the number of rows on the same backbone whose {first} is significantly better "
        f"(moderated Welch's t, 5%, and more than {RANK_MARGIN} points). Rows with one rank are tied; the higher mean "
        "stands first.",
    ]
    if any(row.deterministic for row in rows):
        lines.append("† the same weights and scores at every seed on one machine class, so there is no spread to show.")
    meanings = {
        "one seed": "one seed: shown, not ranked.",
        "partial": "partial: some tasks were not run; an average over a missing task is missing.",
        "failed": "failed: the run broke. not run: nobody tried.",
        "not run": "not run: nobody tried." if "failed" not in states else "",
        "unregistered": "unregistered: no such recipe is registered now.",
        "stale": "stale: made by an earlier version of the recipe or its data; run it again to rank it.",
    }
    lines += [meanings[state] for state in STATES if state in states and meanings.get(state)]
    lines += _incomplete([row for row in rows if row.state in ("ranked", "one seed", "partial")])
    if any(row.measures for row in rows):
        lines.append(
            "Diagnostics, of the last layer on the development set's test sentences: anisotropy, the mean cosine of "
            "tokens of different sentences; intra-sentence, that of a token and its sentence's mean; uniformity and "
            "alignment as SimCSE has them; R² of the regression of a word's weight (integrated gradients) on its "
            "information gain."
        )
    if board.references:
        lines.append(
            "Encoders that were trained elsewhere: one encoder each, so without spread, with text and budget of its "
            "own; measured here (srlbench evaluate MODEL --record)."
        )
    if any(row.reported for row in rows):
        lines.append("paper: what the recipe's own paper reports.")
    if board.compared:
        lines.append(
            "vs published (records of the same fingerprint): bit-equal, the same weights and scores at every "
            "common seed; inside or outside, the averages against the 95% interval of a change of seeds; "
            "–, nothing to compare with."
        )
    if board.confirmed:
        lines.append(
            "confirmed: reruns of its records that were bitwise equal or within the interval of one more seed; each "
            "seed, contributor and machine class counts once."
        )
    if board.excluded:
        lines.append(f"{board.excluded} records of another protocol are not in this table.")
    return lines


def _incomplete(rows: Sequence[Row]) -> list[str]:
    """Which seeds of which rows failed or were not run; rows that lack the same share a line."""
    incomplete: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.failed or row.missing:
            incomplete[_absent(row)].append(row.name)
    return [
        f"{'All rows' if len(names) == len(rows) > 1 else ', '.join(names)}: {what}."
        for what, names in incomplete.items()
    ]


def _absent(row: Row) -> str:
    parts = [(row.failed, "failed"), (row.missing, "not run")]
    texts = (f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))} {what}" for seeds, what in parts if seeds)
    return "; ".join(texts)
