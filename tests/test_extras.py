"""With the required dependencies alone: all that needs no extra works, and what needs one says which."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import srlbench

ROOT = Path(srlbench.__file__).parent.parent
# The packages of each extra that is no tool of a contributor.
PACKAGES = {
    "explain": ("captum", "shap"), "ray": ("ray",), "gguf": ("gguf",), "lora": ("peft",),
    "tensorboard": ("tensorboard",), "wandb": ("wandb",), "mlflow": ("mlflow",), "trackio": ("trackio",),
    "optuna": ("optuna",),
}  # fmt: skip
NEEDS = {
    "explain": "run simcse-unsup --seeds 0 --explain",
    "ray": "run simcse-unsup --seeds 0 --engine ray",
    "gguf": "run simcse-unsup --seeds 0 --backbone model.gguf",
    "lora": "run simcse-unsup+adapter=lora --seeds 0 --track TRACK",
    "tensorboard": "run bag-random --seeds 0 --track-with tensorboard",
    "wandb": "run bag-random --seeds 0 --track-with wandb",
    "mlflow": "run bag-random --seeds 0 --track-with mlflow",
    "trackio": "run bag-random --seeds 0 --track-with trackio",
    "optuna": "tune simcse-unsup --track small --sampler tpe --trials 1",
}
WORKS = {
    "list": 0, "show simcse-unsup": 0, "run --all --dry-run": 0, "run bag-random --seeds 0-1 --track TRACK": 0,
    "leaderboard --track TRACK": 0, "claims --track TRACK": 4, "publish --track TRACK --out site": 0,
    "check --track TRACK --accept why --out baseline.toml": 0, "check --track TRACK --baseline baseline.toml": 0,
    "compare bag-random@tiny:0 bag-random@tiny:1 --track TRACK": 0,
}  # fmt: skip
PROGRAM = """
import io, json, shlex, sys
from contextlib import redirect_stderr, redirect_stdout

from srlbench.cli import main

commands = json.loads(sys.argv[1])

if __name__ == "__main__":
    found = []
    for command in commands:
        sys.argv, said, code = ["srlbench", *shlex.split(command)], io.StringIO(), 0
        try:
            with redirect_stdout(said), redirect_stderr(said):
                main()
        except SystemExit as end:
            code = end.code or 0
        found.append([code, said.getvalue()])
    print(json.dumps(found))
"""


# For the processes that make runs too.
BLOCKS = """
import os, sys

for name in os.environ["SRLBENCH_LACKING"].split():
    sys.modules[name] = None  # as if it were not installed
"""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def said(quick_track: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """The exit code and the output of each command, where no extra is installed."""
    place = tmp_path_factory.mktemp("bare")
    (place / "model.gguf").write_bytes(b"GGUF")
    (place / "program.py").write_text(PROGRAM, encoding="utf-8")
    commands = [*NEEDS.values(), *WORKS]
    (place / "without").mkdir()
    (place / "without" / "sitecustomize.py").write_text(BLOCKS, encoding="utf-8")
    lacking = " ".join(name for names in PACKAGES.values() for name in names)
    path = os.pathsep.join(filter(None, [str(place / "without"), os.environ.get("PYTHONPATH")]))
    words = [sys.executable, "program.py", json.dumps([each.replace("TRACK", str(quick_track)) for each in commands])]
    env = {**os.environ, "PYTHONPATH": path, "SRLBENCH_LACKING": lacking, "CI": "true"}
    done = subprocess.run(words, cwd=place, env=env, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return dict(zip(commands, map(tuple, found), strict=True))


def test_every_extra_of_a_user_is_here() -> None:
    if not (ROOT / "pyproject.toml").is_file():
        pytest.skip("not in a clone")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert PACKAGES.keys() == NEEDS.keys() == extras.keys() - {"test", "browser", "docs", "lint", "type"}


@pytest.mark.parametrize("extra", NEEDS)
def test_what_needs_an_extra_says_which(extra: str, said: dict[str, tuple[int, str]]) -> None:
    code, text = said[NEEDS[extra]]
    assert f"pip install 'srlbench[{extra}]'" in text.replace("\n", " ") and "Traceback" not in text, text
    assert code in (2, 3), text


@pytest.mark.parametrize("command", WORKS)
def test_everything_else_needs_none(command: str, said: dict[str, tuple[int, str]]) -> None:
    code, text = said[command]
    assert code == WORKS[command] and "pip install" not in text and "Traceback" not in text, text
