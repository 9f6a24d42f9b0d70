"""The environment tells the machine, names nobody, and imports nothing."""

from __future__ import annotations

import getpass
import json
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from srlbench.records import environment


def test_it_is_json_and_names_nobody() -> None:
    told = environment()
    text = json.dumps(told)
    assert told["python"] == platform.python_version()
    assert told["packages"]["numpy"] and told["cpu"] and told["cores"] > 0
    assert platform.node() not in text or len(platform.node()) < 4
    assert str(Path.home()) not in text and str(Path.cwd()) not in text
    assert f"/{getpass.getuser()}" not in text


def test_records_and_their_views_load_nothing_heavy() -> None:
    code = (
        "import sys, srlbench.analysis.leaderboard, srlbench.analysis.check\n"
        "from srlbench.records import environment; environment()\n"
        "heavy = {'torch', 'mteb', 'transformers', 'sentence_transformers', 'datasets', 'scipy', 'pandas'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_git_speaks_of_this_package_only() -> None:
    git = environment()["git"]
    if git is None:
        pytest.skip("not a git checkout")
    assert re.fullmatch("[0-9a-f]{40}", git["commit"]) and git["dirty"] in (True, False)
