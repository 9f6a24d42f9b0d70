"""The command line as a user meets it: what it prints, its exit codes, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from conftest import Cli

from srlbench import registry


def said_once(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """One sentence of error on stderr, the right code, no traceback."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    errors = [line for line in done.stderr.splitlines() if line.startswith(("Error:", "Usage"))]
    assert len(errors) == 1, done.stderr
    for word in words:
        assert word in done.stderr


def test_list_is_quick_and_complete(cli: Cli) -> None:
    start = time.perf_counter()
    done = cli("list", "--json")
    assert time.perf_counter() - start < 3  # under 1 s on an idle machine; tests share theirs
    kinds = json.loads(done.stdout)
    assert set(kinds) == {"recipes", "tracks", "losses", "tasks", "backbones"}
    assert set(kinds["recipes"]) == set(registry.recipes())
    assert len(kinds["tasks"]) == 14
    for kind in kinds:
        assert kind in cli("list", kind).stdout


def test_show_tells_every_setting(cli: Cli) -> None:
    about = json.loads(cli("show", "simcse-unsup", "--json").stdout)
    assert about["backbones"]["tiny"]["loss"] == {"name": "info_nce", "temperature": 0.05}
    assert len(about["backbones"]["tiny"]["fingerprint"]) == 16
    assert about["reported"]["paper/google-bert/bert-base-uncased"]["sts_avg"] == 76.25


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            ["run", "simcse-unsop"],
            ["Unknown recipe 'simcse-unsop'", "Did you mean 'simcse-unsup'?", "Known:"],
        ),
        (["run", "--all", "--track", "embeded"], ["Unknown track", "Did you mean 'embedded'?"]),
        (["run", "--all", "--seeds", "x"], ["--seeds 'x'", "0-4"]),
        (["run", "--all", "--seeds", "4-1"], ["backwards"]),
        (["run"], ["--all"]),
        (["run", "simcse-unsup", "--all"], ["one of the two"]),
        (["run", "--all", "--backbone", "nosuch"], ["Unknown backbone 'nosuch'"]),
        (["run", "--all", "--backbone", "org/name@main"], ["not pinned"]),
        (["run", "--all", "--recipes", "nosuch.py"], ["No recipe file at nosuch.py"]),
        (["show", "nosuch"], ["Unknown recipe 'nosuch'"]),
        (["list", "recipe"], ["Unknown kind 'recipe'", "Did you mean 'recipes'?"]),
        (["evaluate", "nosuch", "--tasks", "STS11"], ["Unknown task of protocol simcse 'STS11'", "Did you mean 'STS1"]),
        (["evaluate", "nosuch", "--protocol", "mtep"], ["Unknown protocol 'mtep'", "Did you mean 'mteb'"]),
        (["evaluate", "nosuch", "--probe", "adam"], ["Unknown probe 'adam'", "converged"]),
        (["evaluate", "nosuch"], ["'nosuch' is no encoder"]),
        (["evaluate", "tiny"], ["plain transformers model", "--pool cls"]),
        (["evaluate", "tiny", "--pool", "mean", "--data", "nosuch"], ["There is no folder or archive at nosuch"]),
        (["evaluate", "tiny", "--compare", "nosuch.json"], ["Cannot read nosuch.json"]),
        (["data", "path", "--data", "nosuch"], ["There is no folder or archive at nosuch"]),
        (["check", "--baseline", "nosuch.toml"], ["no baseline at nosuch.toml"]),
        (["pretrain", "out", "--corpus", "nosuch.txt"], ["no corpus file at nosuch.txt"]),
    ],
)
def test_bad_input_gets_one_sentence(cli: Cli, args: list[str], words: list[str]) -> None:
    said_once(cli(*args), 2, *words)


def test_a_wrong_flag_value_is_usage(cli: Cli) -> None:
    done = cli("run", "--all", "--jobs", "0")
    assert done.returncode == 2
    assert "--jobs" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", ["registers no recipe"]),
        ("def of nothing:", ["cannot be read", "SyntaxError"]),
        (
            "from srlbench.recipe import *\n@recipe()\ndef simcse_unsup():\n    return Recipe()",
            ["exists already"],
        ),
        (
            "from srlbench.recipe import *\n@recipe()\ndef odd():\n    return Recipe(pool='min')",
            ["pool", "'min'"],
        ),
        (
            "from srlbench.recipe import *\n@recipe()\ndef odd():\n    return Recipe(data='twins')",
            ["go together"],
        ),
        (
            "from srlbench.recipe import *\n@recipe()\ndef odd():\n"
            "    return Recipe(data='twins', loss=Loss('infonce'))",
            ["Unknown loss 'infonce'", "Did you mean 'info_nce'?"],
        ),
    ],
)
def test_a_bad_recipe_file_gets_one_sentence(cli: Cli, tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    said_once(cli("run", "--all", "--recipes", "mine.py"), 2, *words)


def test_a_results_folder_that_cannot_be_written_is_said_before_training(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file", encoding="utf-8")
    start = time.perf_counter()
    said_once(cli("run", "bag-random", "--results", "results"), 3, "Cannot", "results")
    assert time.perf_counter() - start < 5


def test_help_shows_examples_and_groups(cli: Cli) -> None:
    shown = cli("run", "--help").stdout
    for words in ("Examples:", "What to run", "How it is run", "Where it is kept"):
        assert words in shown


def test_debug_shows_the_traceback(cli: Cli) -> None:
    done = cli("--debug", "show", "nosuch")
    assert done.returncode == 2 and "Traceback" in done.stderr


def test_without_ray_its_engine_says_what_to_install(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['ray'] = None\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = cli("run", "bag-random", "--engine", "ray", env={"PYTHONPATH": path})
    assert done.returncode == 2 and "pip install 'srlbench[ray]'" in done.stderr and "Traceback" not in done.stderr
    assert cli("run", "bag-random", "--dry-run", env={"PYTHONPATH": path}).returncode == 0
