"""A regression planted on purpose is found and named; other seeds alone are not one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import Cli

PLANTED = '''
from srlbench.recipe import Loss, Recipe, recipe

@recipe(replaces=True)
def simcse_sup() -> Recipe:
    """SimCSE with a temperature that teaches nothing."""
    return Recipe(data="triplets", loss=Loss("info_nce", temperature=5.0), pool="cls", head="mlp")

@recipe(replaces=True)
def untrained_mean() -> Recipe:
    """A mean that somebody broke."""
    return Recipe(pool="max")
'''
RECIPES = ("simcse-sup", "untrained-mean", "bag-random")


@pytest.fixture(scope="module")
def learning_track(quick_track: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quick track with as many steps as a temperature needs to show."""
    path = tmp_path_factory.mktemp("track") / "quick.toml"
    rules = re.sub(r"observe_steps = .*", "observe_steps = []", quick_track.read_text(encoding="utf-8"))
    path.write_text(re.sub(r"steps = 8", "steps = 30", rules), encoding="utf-8")
    shutil.copy(quick_track.with_name("quick-protocol.toml"), path.parent)
    return path


def split(results: Path, seeds: Sequence[int], to: Path, *recipes: str) -> None:
    """Copies the records of some seeds."""
    for name in recipes:
        for path in results.glob(f"quick/v4/records/{name}/tiny/*/*"):
            if path.name in {f"seed-{seed}.json" for seed in seeds}:
                (to / path.relative_to(results)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, to / path.relative_to(results))


@pytest.mark.slow
def test_planted_regressions_are_named_and_seeds_are_not(learning_track: Path, here: Cli, tmp_path: Path) -> None:
    track = ("--track", learning_track)
    assert here("run", *RECIPES, *track, "--seeds", "0-4", "--results", "whole").returncode == 0
    split(tmp_path / "whole", range(3), tmp_path / "known", *RECIPES)
    split(tmp_path / "whole", (3, 4), tmp_path / "seeds", *RECIPES)
    accepted = here("check", "--accept", "a test", *track, "--results", "known", "--out", "baseline.toml")
    assert accepted.returncode == 0, accepted.stderr
    against = (*track, "--baseline", "baseline.toml", "--results")

    same = here("check", *against, "known")
    assert same.returncode == 0 and "3 ok" in same.stdout

    seeds = here("check", *against, "seeds")
    assert seeds.returncode == 0, seeds.stdout
    assert "regressed" not in seeds.stdout

    (tmp_path / "planted.py").write_text(PLANTED, encoding="utf-8")
    planted = ("--recipes", "planted.py")
    split(tmp_path / "whole", (0, 1), tmp_path / "bad", "bag-random")
    assert here("run", *RECIPES, *track, *planted, "--seeds", "0-1", "--results", "bad").returncode == 0
    found = here("check", *against, "bad", *planted)
    assert found.returncode == 1, found.stdout
    for name in ("simcse-sup", "untrained-mean"):
        (line,) = [line for line in found.stdout.splitlines() if re.match(rf"regressed\s+{name}@", line)]
        assert "STS avg" in line
    assert re.search(r"regressed\s+GenSTSB", found.stdout)
    assert re.search(r"^ok\s+bag-random@", found.stdout, re.MULTILINE)

    nothing = here("check", *against, "nowhere")
    assert nothing.returncode == 4
