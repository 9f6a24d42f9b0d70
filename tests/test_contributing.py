"""CONTRIBUTING, tried to the letter: every block is written into a copy of the project, and every command is run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import srlbench

ROOT = Path(srlbench.__file__).parent.parent
PAGE = ROOT / "CONTRIBUTING.md"
COPIED = (
    "srlbench",
    "tests",
    "docs",
    "benchmarks",
    "pyproject.toml",
    "README.md",
    "CONTRIBUTING.md",
    "constraints.txt",
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="not in a clone")


@dataclass(frozen=True)
class Change:
    """One of the changes that the page teaches: its title, and its blocks of code in their order."""

    title: str
    blocks: tuple[tuple[str, str], ...]

    def of(self, *languages: str) -> list[str]:
        return [text for language, text in self.blocks if language in languages]


def changes() -> list[Change]:
    sections = re.split(r"^## (?=\d+\. )", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    parts = [re.split(r"^## ", section, maxsplit=1, flags=re.MULTILINE)[0] for section in sections]
    return [Change(part.partition("\n")[0], tuple(BLOCK.findall(part))) for part in parts]


CHANGES = changes() if PAGE.is_file() else []
each = pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.title.partition(":")[0])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    copy = tmp_path / "project"
    copy.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__", "published"))
        else:
            shutil.copy(source, copy / name)
    return copy


def write(change: Change, project: Path) -> None:
    """The files and edits of a change."""
    for language, text in change.blocks:
        if language == "diff":
            done = subprocess.run(
                ["git", "apply", "--recount", "-"], input=text, cwd=project, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{done.stderr}\n{text}"
        elif found := re.match(r"(?:#|<!--|\{#) (\S+/\S+\.\w+)", text):
            path = project / found[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            assert not path.exists(), path
            path.write_text(text.partition("\n")[2], encoding="utf-8")


def test_ten_changes_are_taught() -> None:
    assert [change.title.partition(".")[0] for change in CHANGES] == [str(number) for number in range(1, 11)]
    assert all(change.of("bash") and change.of("python", "diff", "toml", "html") for change in CHANGES)


@each
def test_its_blocks_can_be_written(change: Change, project: Path) -> None:
    write(change, project)
    for path in project.joinpath("srlbench").rglob("*.py"):
        compile(path.read_text(encoding="utf-8"), str(path), "exec")


@pytest.mark.slow
@each
def test_its_commands_do_what_they_should(change: Change, project: Path, quick_track: Path) -> None:
    write(change, project)
    tools = project / "tools"
    tools.mkdir()
    for name in ("srlbench", "pytest"):
        (tools / name).write_text(f'#!/bin/sh\nexec {sys.executable} -m {name} "$@"\n', encoding="utf-8")
        (tools / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(project), "CI": "true"}
    for line in "".join(change.of("bash")).splitlines():
        line = line.replace("--track embedded", f"--track {quick_track}")
        done = subprocess.run(line, shell=True, cwd=project, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
