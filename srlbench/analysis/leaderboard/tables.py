"""The leaderboard as people read it: the lines of its tables, in Markdown, with a legend of what is in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from srlbench.analysis.leaderboard.board import MEASURES, RANK_MARGIN, STATES, Leaderboard, Row
from srlbench.analysis.leaderboard.numbers import to_csv
from srlbench.escape import code, escaped, table
from srlbench.records import write_text
from srlbench.stats import Summary, average, label

Lines = Sequence[tuple[Row, Sequence[str]]]


def write(board: Leaderboard, folder: Path, *, made_with: str, command: str) -> tuple[Path, Path]:
    """Writes `leaderboard.csv` and `leaderboard.md`; the same records give the same bytes."""
    numbers, page = folder / "leaderboard.csv", folder / "leaderboard.md"
    write_text(numbers, to_csv(board))
    write_text(page, to_markdown(board, made_with=made_with, command=command))
    return numbers, page


def to_markdown(board: Leaderboard, *, made_with: str, command: str) -> str:
    """The table people paste: averages first, then the tasks of each group."""
    scope = board.scope
    seeds = ", ".join(map(str, sorted({*scope.seeds, *(seed for row in board.rows for seed in row.seeds)}))) or "none"
    track = f"Track {code(scope.track)} v{scope.version}"
    head = f"{track} · protocol {code(scope.protocol)} · seeds {seeds} · {made_with}"
    parts = [f"# Leaderboard: {escaped(scope.track)} v{scope.version}", head, _markdown(*of_averages(board))]
    for group, tasks in board.scope.groups.items():
        title = escaped(label(average(group)).removesuffix(" avg"))
        parts += [f"## {title} tasks" if title.isupper() else f"## {title.capitalize()} tasks"]
        parts += [_markdown(*of_tasks(board, group, tasks))]
    if any(row.measures for row in board.rows):
        parts += ["## Diagnostics", _markdown(*of_measures(board))]
    if board.elsewhere:
        parts += ["## The same methods at BERT's scale, as published", ELSEWHERE, _elsewhere(board)]
    reading = "\n".join(f"- {escaped(line)}" for line in legend(board))
    parts += ["## How to read it", reading, f"Regenerate with {code(command)}."]
    return "\n\n".join(parts) + "\n"


def _markdown(header: Sequence[str], lines: Lines) -> str:
    left = {"recipe", "backbone", "vs published", "confirmed"}
    rules = [":---" if title in left else "---:" for title in header]
    body = []
    for row, line in lines:
        cells = [escaped(cell) for cell in line]
        if row.state != "ranked":  # GitHub's Markdown knows no grey
            cells = [f"*{cell}*" if cell else "" for cell in cells]
        body.append(cells)
    return table([escaped(title) for title in header], rules, body)


# --- what the terminal shows too --------------------------------------------------------


def of_averages(board: Leaderboard) -> tuple[list[str], Lines]:
    """Header and lines of the table of averages."""
    averages = list(map(average, board.scope.groups))
    told = [name for name in averages if any(name in (row.reported or {}) for row in board.rows)]
    header = ["rank", "recipe", "backbone"]
    for name in averages:
        header += [label(name), "paper"] if name in told else [label(name)]
    lines = []
    for row in board.rows:
        line = [row.standing, _recipe(row), row.backbone]
        for name in averages:
            line.append(_text(row, name))
            if name in told:
                line.append(f"{row.reported[name]:.2f}" if row.reported and name in row.reported else "")
        line += [row.reproduction] if board.compared else []
        lines.append((row, [*line, str(row.confirmed)] if board.confirmed else line))
    header += ["vs published"] if board.compared else []
    return [*header, "confirmed"] if board.confirmed else header, lines


def of_tasks(board: Leaderboard, group: str, tasks: Sequence[str]) -> tuple[list[str], Lines]:
    """Header and lines of one group's table: one decimal and no spaces, so seven tasks fit a page."""
    several = len({row.backbone for row in board.rows}) > 1
    header = ["recipe", *(task.replace("Benchmark", "B") for task in tasks)]
    lines = []
    for row in board.rows:
        name = _recipe(row) + (f"@{row.backbone}" if several else "")
        if row.seeds:  # the table of averages says what failed and what nobody ran
            lines.append((row, [name, *(_text(row, task, short=True) for task in tasks)]))
    return header, lines


ELSEWHERE = (
    "What papers print, single numbers of one seed: other encoders, other text, a hundred times the training. "
    "**Not comparable with the rows above**; it says how far a method goes where it was made."
)
TITLES = {"intra_sentence_similarity": "intra-sentence", "words_r2": "R² of words"}


def of_measures(board: Leaderboard) -> tuple[list[str], Lines]:
    """Header and lines of what the encoders are like, beside how they score."""
    several = len({row.backbone for row in board.rows}) > 1
    lines = []
    for row in board.rows:
        if row.seeds:
            name = _recipe(row) + (f"@{row.backbone}" if several else "")
            lines.append((row, [name, *(_measure(row.measures.get(each)) for each in MEASURES)]))
    return ["recipe", *(TITLES.get(name, name) for name in MEASURES)], lines


def _measure(taken: Summary | None) -> str:
    if taken is None:
        return "not run"
    return f"{taken.mean:.3f}±{taken.sd:.3f}" if taken.sd else f"{taken.mean:.3f}"


def _elsewhere(board: Leaderboard) -> str:
    averages = list(map(average, board.scope.groups))
    header = ["recipe", "encoder", *(escaped(label(name)) for name in averages)]
    rules = [":---", ":---", *("---:" for _ in averages)]
    body = [
        [escaped(recipe), escaped(setting), *(f"{numbers[name]:.2f}" if name in numbers else "" for name in averages)]
        for recipe, setting, numbers in board.elsewhere
    ]
    return table(header, rules, body)


def _recipe(row: Row) -> str:
    """The recipe's name, and the fingerprint of a stale one, which may have several rows."""
    return f"{row.recipe} {row.fingerprint[:6]}" if row.state == "stale" else row.recipe


def _text(row: Row, name: str, short: bool = False) -> str:
    cell = row.cells[name]
    if not isinstance(cell, Summary):
        return cell
    same = "†" if row.deterministic else ""
    if not short:
        return f"{cell.mean:.2f}{same} ({cell.n})" if row.deterministic else str(cell)
    if cell.sd is None or row.deterministic:
        return f"{cell.mean:.1f}{same}"
    return f"{cell.mean:.1f}±{cell.sd:.1f}"


def legend(board: Leaderboard) -> list[str]:
    """What the marks in this very table mean, and nothing else."""
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
    told = {
        "one seed": "one seed: shown, not ranked.",
        "partial": "partial: some tasks were not run; an average over a missing task is missing.",
        "failed": "failed: the run broke. not run: nobody tried.",
        "not run": "not run: nobody tried." if "failed" not in states else "",
        "unregistered": "unregistered: no such recipe is registered now.",
        "stale": "stale: made by an earlier version of the recipe or its data; run it again to rank it.",
    }
    lines += [told[state] for state in STATES if state in states and told.get(state)]
    lines += _incomplete([row for row in rows if row.state in ("ranked", "one seed", "partial")])
    if any(row.measures for row in rows):
        lines.append(
            "Diagnostics, of the last layer on the development set's test sentences: anisotropy, the mean cosine of "
            "tokens of different sentences; intra-sentence, that of a token and its sentence's mean; uniformity and "
            "alignment as SimCSE has them; R² of the regression of a word's weight (integrated gradients) on its "
            "information gain."
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
    """Which seeds failed or were not run, each thing said once."""
    lacking: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.failed or row.missing:
            lacking[_absent(row)].append(row.name)
    return [
        f"{'All rows' if len(names) == len(rows) > 1 else ', '.join(names)}: {what}." for what, names in lacking.items()
    ]


def _absent(row: Row) -> str:
    parts = [(row.failed, "failed"), (row.missing, "not run")]
    said = (f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))} {what}" for seeds, what in parts if seeds)
    return "; ".join(said)
