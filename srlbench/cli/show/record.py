"""One record in the terminal: its scores, command, settings and environment, or why it failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from srlbench.cli.show.terminal import duration, err, out, paragraph, warn
from srlbench.records import Record, address
from srlbench.stats import Groups, average, label, with_averages


def record(run: Record, path: Path, now: str | None, groups: Groups) -> None:
    """Everything that is recorded of a run.

    now: the fingerprint that the run would have today; None if it cannot be made any more.
    groups: the tasks behind each average; empty if the track is not known here.
    """
    colour = "green" if run.status == "ok" else "red"
    paragraph(f"[bold cyan]{escape(str(address.of(run)))}[/]  [{colour}]{run.status}[/]")
    _lines("", _head(run, path, now))
    if run.error:
        _error(run)
    if run.scores:
        out.print()
        out.print(_scores(run, groups))
    _lines("how it was made", _made(run))
    _lines("where it was made", _where(run.environment))
    _lines("settings, as the track resolved them", ((key, _text(value)) for key, value in run.resolved.items()))


def notes(record: Record, others: Sequence[Record]) -> None:
    """Print a note if the run failed, and one if other records have the same address."""
    if record.status == "failed":
        again = (
            f"srlbench run {record.recipe} --track {record.track} --backbone {record.backbone} --seeds {record.seed}"
        )
        warn(f"{address.of(record)} is recorded as failed only; `{again}` makes the run again.")
    if others:
        prints = ", ".join(f"{other.fingerprint} ({other.status})" for other in others)
        warn(f"Other versions of the same run are recorded too: {prints}. Name a record's file to see one.")


def _head(record: Record, path: Path, now: str | None) -> Iterator[tuple[str, str]]:
    yield "file", str(path)
    yield "track", f"{record.track} v{record.track_version}, protocol {record.protocol}"
    yield "seed", str(record.seed)
    if now is None:
        state = "nobody can say whether it is current: its recipe, backbone or track is not known here"
    else:
        state = "current" if now == record.fingerprint else f"stale: today it would be {now}"
    yield "fingerprint", f"{record.fingerprint} ({state})"
    yield "weights", record.weights_sha256 or "–"


def _error(record: Record) -> None:
    error = record.error or {}
    paragraph(f"\n[bold red]{escape(str(error['type']))}[/]: {escape(str(error['message']))}")
    if text := error.get("traceback"):
        paragraph(f"[dim]{escape(str(text).rstrip())}[/]")
    else:
        err.print("No traceback was recorded.")


def _scores(record: Record, groups: Groups) -> Table:
    """One line for each task, after the average of its group."""
    table = Table("task", "score", box=None, title="scores", title_justify="left", title_style="bold")
    table.columns[1].justify = "right"
    values = with_averages(record.scores, groups)
    for group, tasks in groups.items():
        mean = values.get(average(group))
        table.add_row(f"[bold]{escape(label(average(group)))}[/]", "–" if mean is None else f"[bold]{mean:.2f}[/]")
        for task in tasks:
            table.add_row(escape(task), f"{values[task]:.2f}" if task in values else "not run")
    for task in record.scores.keys() - values.keys():
        table.add_row(escape(task), f"{record.scores[task]:.2f}")
    return table


def _made(record: Record) -> Iterator[tuple[str, str]]:
    yield "command", record.command or "–"
    stages = {name.removesuffix("_s"): seconds for name, seconds in record.timings.items()}
    total = stages.pop("total", None)
    parts = [f"{name} {duration(seconds)}" for name, seconds in stages.items()]
    yield "time", ", ".join([*parts, *([f"{duration(total)} in all"] if total is not None else [])]) or "–"
    yield "peak memory", "–" if record.peak_memory_mb is None else f"{record.peak_memory_mb:,.0f} MB"
    for key in ("steps", "loss_first", "loss_last"):
        if key in record.training:
            value = record.training[key]
            yield key.replace("_", " "), f"{value:.4f}" if isinstance(value, float) else str(value)


def _where(environment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Versions and machine of the run."""
    packages = environment.get("packages") or {}
    yield "python", str(environment.get("python", "–"))
    yield "packages", ", ".join(f"{name} {version}" for name, version in packages.items() if version) or "–"
    names = ("os", "machine", "cpu", "cpu_capability", "instructions", "cores", "threads", "gpu")
    for name in (*names, "determinism", "settings", "git"):
        value = environment.get(name)
        if value or (value is not None and name in names):
            yield name.replace("_", " "), _text(value)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(inner)}" for key, inner in value.items())
    return "–" if value is None else str(value)


def _lines(title: str, lines: Iterator[tuple[str, str]]) -> None:
    table = Table(box=None, show_header=False, title=title or None, title_justify="left", title_style="bold")
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, about in lines:
        table.add_row(escape(name), escape(about))
    if title:
        out.print()
    out.print(table)
