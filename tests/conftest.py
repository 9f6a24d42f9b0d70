"""Shared fixtures: a track that takes seconds, and a way to run the command line."""

from __future__ import annotations

import contextvars
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from srlbench import data, tracks
from srlbench.data import language
from srlbench.tracks import protocol as protocols

Cli = Callable[..., subprocess.CompletedProcess[str]]
QUICK_TASKS = ("GenSTSB", "GenSTS13", "GenTREC")


@pytest.fixture(scope="session")
def quick_track(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded track cut down to eight steps on 600 lines and three tasks."""
    folder = tmp_path_factory.mktemp("track")
    head = (tracks.FOLDER / "embedded.toml").read_text(encoding="utf-8")
    head = re.sub(r"name = .*", 'name = "quick"', head, count=1)
    head = re.sub(r"protocol = .*", 'protocol = "quick-protocol.toml"', head, count=1)
    head = re.sub(r"steps = \d+", "steps = 8", head, count=1)
    head = re.sub(r"checkpoint_steps = \d+", "checkpoint_steps = 3", head)
    head = re.sub(r"observe_steps = .*", "observe_steps = [0, 4, 8]", head)
    head = re.sub(r"lines = \d+", "lines = 600", head)
    for form in ("twins", "triplets"):
        made = {"twins": language.sentences, "triplets": language.triplets}[form](600, 0)
        sha = data.text_sha256([(line,) if isinstance(line, str) else tuple(line) for line in made])
        head = re.sub(rf'(\[text\.{form}\][^\[]*sha256 = ")[^"]*', rf"\g<1>{sha}", head)
    rules, *tasks = re.split(r"(?=\[tasks\.)", (protocols.FOLDER / "generated.toml").read_text(encoding="utf-8"))
    rules = re.sub(r"folds = \d+", "folds = 3", rules)
    rules = re.sub(r"decay = .*", "decay = [1e-4, 1e-2]", rules)
    kept = [task for task in tasks if re.match(r"\[tasks\.([^\]]*)\]", task)[1] in QUICK_TASKS]  # type: ignore[index]
    (folder / "quick-protocol.toml").write_text(rules + "".join(kept), encoding="utf-8")
    (folder / "quick.toml").write_text(head, encoding="utf-8")
    return folder / "quick.toml"


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Runs `srlbench …` in a fresh folder, as a user's shell would."""

    def run(*args: object, cwd: Path = tmp_path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "srlbench", *map(str, args)],
            cwd=cwd,
            env={**os.environ, "CI": "true", "COLUMNS": "200", **(env or {})},
            capture_output=True,
            text=True,
            timeout=600,
        )

    return run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """As `cli`, in this process, for verbs that start no others: torch is not imported again for each."""
    import torch

    from srlbench import cli as verbs

    threads, exact = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()

    def run(*args: object) -> subprocess.CompletedProcess[str]:
        command = ["srlbench", *map(str, args)]
        monkeypatch.setattr(sys, "argv", command)
        monkeypatch.chdir(tmp_path)
        capsys.readouterr()
        code = 0
        try:
            contextvars.copy_context().run(verbs.main)
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return subprocess.CompletedProcess(command, code, said.out, said.err)

    yield run
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(exact)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Sums in one order, whatever the machine has."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
