"""What verbs print in terminals of three widths: the published results, as these commands show them now."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass

from _pages.places import ROOT


@dataclass(frozen=True)
class Screen:
    """A command, how many of its lines are shown, and in which widths."""

    command: str
    lines: int
    widths: tuple[int, ...] = (120, 80, 60)


SCREENS = (
    Screen("srlbench leaderboard --results results", 9),
    Screen("srlbench compare simcse-sup simcse-unsup --results results", 7),
    Screen("srlbench claims --results results", 8),
    Screen("srlbench check --results results", 4, (120, 60)),
    Screen("srlbench show simcse-unsup@tiny:0 --results results", 9, (80, 60)),
    Screen("srlbench run simcse-unsup mixcse --seeds 0-4 --dry-run", 7, (80, 60)),
)


def listed() -> str:
    """Each command, and its screen in each width."""
    parts = []
    for screen in SCREENS:
        parts.append(f"## `{screen.command}`")
        for width in screen.widths:
            parts += [f"At {width} columns:", f"```text\n{printed(screen.command, width, screen.lines)}\n```"]
    return "\n\n".join(parts)


def printed(command: str, width: int, lines: int) -> str:
    """The first lines of what a command prints into a terminal of that width."""
    environment = os.environ | {"COLUMNS": str(width), "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "srlbench", *shlex.split(command)[1:]]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=ROOT, check=True)
    kept = [line.rstrip() for line in done.stdout.splitlines()]
    return "\n".join([*kept[:lines], *(["…"] if len(kept) > lines else [])])
