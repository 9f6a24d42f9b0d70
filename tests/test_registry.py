"""Where recipes come from: the package, plug-ins found through their entry point, files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from conftest import Cli

from srlbench import registry
from srlbench.errors import UsageError
from srlbench.recipe import Loss, Recipe, change, plugins, recipe

MINE = '''
from srlbench.recipe import Recipe, recipe

@recipe()
def {name}() -> Recipe:
    """Somebody's own."""
    return Recipe(pool="max")
'''


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    registry.installed.cache_clear()
    monkeypatch.setattr(plugins, "_broken", {})
    yield
    registry.installed.cache_clear()


def plug(monkeypatch: pytest.MonkeyPatch, *added: EntryPoint) -> None:
    """As if packages with these entry points were installed."""

    def found(group: str, name: str | None = None) -> list[EntryPoint]:
        return [point for point in added if point.group == group and name in (None, point.name)]

    monkeypatch.setattr(plugins, "entry_points", found)


def test_a_plug_in_is_found_through_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "somebodys_plugin.py").write_text(MINE.format(name="plugged_in"), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("mine", "somebodys_plugin", "srlbench.recipes")
    plug(monkeypatch, point)
    found = registry.recipes()
    assert found["plugged-in"].recipe.pool == "max"
    assert "simcse-unsup" in found
    registry.installed.cache_clear()


BROKEN = {
    "it ends the program": "import sys\nsys.exit(0)\n",
    "it raises": MINE.format(name="half_made") + "raise RuntimeError('no such device')\n",
    "it takes a known name": MINE.format(name="simcse_unsup"),
    "it is no Python": "def (",
    "it is not there": None,
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_plug_in_costs_what_it_adds_and_no_more(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "broken_" + "_".join(how.split())
    if (text := BROKEN[how]) is not None:
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    (tmp_path / "good_plugin.py").write_text(MINE.format(name="from_a_good_one"), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    bad, good = (EntryPoint(*each, "srlbench.recipes") for each in (("a-broken-one", name), ("good", "good_plugin")))
    plug(monkeypatch, bad, good, EntryPoint("badloss", f"{name}:badloss", "srlbench.losses"))
    assert plugins.broken() == []
    found = registry.recipes()
    assert "from-a-good-one" in found and found["simcse-unsup"].family == "simcse" and "half-made" not in found
    (said,) = plugins.broken()
    assert f"The plug-in 'a-broken-one = {name}' is broken and was left out: " in said
    with pytest.raises(UsageError, match=r"Unknown recipe 'half-made'.*The plug-in 'a-broken-one"):
        registry.recipe("half-made")
    with pytest.raises(UsageError, match=r"The plug-in 'badloss = .* is broken and was left out: ") as caught:
        Loss.KIND.load("badloss")
    assert "half-made" not in registry.recipes()
    assert "Did you mean" not in str(caught.value)
    assert Loss.KIND.load("info_nce").__name__ == "info_nce"
    sys.modules.pop("good_plugin", None)


def test_doctor_names_a_broken_plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from srlbench.runs import doctor

    assert doctor._plugins() == ("plug-ins", True, "no entry points of other packages")
    plug(monkeypatch, EntryPoint("badloss", "nowhere_at_all", "srlbench.losses"))
    _, good, said = doctor._plugins()
    assert not good and "'badloss = nowhere_at_all'" in said and "ModuleNotFoundError" in said


@pytest.mark.parametrize("name", ["x[/y]", "a/b", "", ".hidden", "x" * 101, "a\nb", "a+b", "\ud800"])
def test_a_name_that_no_record_may_have_is_refused_when_it_is_registered(name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a recipe"):
        recipe(name=name)(lambda: Recipe(pool="max")) if name else registry.enter(
            replace(registry.recipe("mhs"), name=name)
        )


def test_a_recipe_file_that_ends_the_program_is_refused(here: Cli, tmp_path: Path) -> None:
    (tmp_path / "ends.py").write_text("import sys\nsys.exit(0)\n", encoding="utf-8")
    done = here("check", "--recipes", tmp_path / "ends.py", "--results", tmp_path)
    assert done.returncode == 2 and "ends.py cannot be read: SystemExit: 0." in done.stderr


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
