"""Where recipes come from: the package, plug-ins found through their entry point, files."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from srlbench import registry
from srlbench.errors import UsageError
from srlbench.recipe import Loss, Recipe, change

MINE = '''
from srlbench.recipe import Recipe, recipe

@recipe()
def {name}() -> Recipe:
    """Somebody's own."""
    return Recipe(pool="max")
'''


@pytest.fixture(autouse=True)
def forget() -> None:
    registry.installed.cache_clear()


def test_a_plug_in_is_found_through_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "somebodys_plugin.py").write_text(MINE.format(name="plugged_in"), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("mine", "somebodys_plugin", "srlbench.recipes")
    monkeypatch.setattr(registry, "entry_points", lambda group, **_: [point] if group == "srlbench.recipes" else [])
    found = registry.recipes()
    assert found["plugged-in"].recipe.pool == "max"
    assert "simcse-unsup" in found
    registry.installed.cache_clear()


def test_a_file_adds_recipes_and_replaces_only_when_it_says_so(tmp_path: Path) -> None:
    added = tmp_path / "added.py"
    added.write_text(MINE.format(name="my_own"), encoding="utf-8")
    assert registry.recipes((added,))["my-own"].family == "added"
    clash = tmp_path / "clash.py"
    clash.write_text(MINE.format(name="untrained_mean"), encoding="utf-8")
    with pytest.raises(UsageError, match="exists already"):
        registry.recipes((clash,))
    clash.write_text(clash.read_text(encoding="utf-8").replace("@recipe()", "@recipe(replaces=True)"), encoding="utf-8")
    assert registry.recipes((clash,))["untrained-mean"].recipe.pool == "max"


def test_what_needs_no_training_comes_first() -> None:
    trained = [entry.recipe.trained for entry in registry.recipes().values()]
    assert trained == sorted(trained)


def test_settings_are_changed_by_name_and_no_other() -> None:
    recipe = Recipe(data="twins", loss=Loss("info_nce", temperature=0.05))
    changed = change(recipe, "r", {"pool": "max", "temperature": 1.0})
    assert changed.pool == "max" and changed.loss == Loss("info_nce", temperature=1.0)
    with pytest.raises(UsageError, match="Did you mean 'temperature'"):
        change(recipe, "r", {"temprature": 1.0})
