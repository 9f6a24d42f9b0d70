"""The Python face: light to import, the same from a notebook or a script, and without a trace in its caller."""

from __future__ import annotations

import itertools
import json
import linecache
import logging
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import srlbench as sb
from srlbench import backbones, registry, tracks
from srlbench.errors import SrlbenchError, UsageError
from srlbench.recipe import Loss, Recipe, Registered
from srlbench.recipe.part import written
from srlbench.runs import bar, carried, session
from srlbench.runs.fingerprint import fingerprint

ROOT = Path(sb.__file__).parent.parent
LOGGERS = ("", "transformers", "mteb", "datasets")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE)


def state() -> dict[str, Any]:
    """What a library shall leave alone in the process of its caller."""
    loggers = {name: logging.getLogger(name or None) for name in LOGGERS}
    return {
        "environment": {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
        "random": random.getstate(),
        "numpy": str(np.random.get_state()),
        "torch": torch.get_rng_state().tolist(),
        "threads": torch.get_num_threads(),
        "exact": (torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.deterministic),
        "fills": torch.utils.deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]
        **{f"logger {name}": (each.level, handlers(each)) for name, each in loggers.items()},
        "warnings": [*warnings.filters],
        "folder": os.getcwd(),
        "path": [*sys.path],
        "signals": [signal.getsignal(each) for each in SIGNALS],
        "start method": multiprocessing.get_start_method(allow_none=True),
        "children": multiprocessing.active_children(),
    }


def handlers(logger: logging.Logger) -> list[logging.Handler]:
    """Those that are not pytest's own, which come and go."""
    return [each for each in logger.handlers if type(each).__module__ != "_pytest.logging"]


@pytest.fixture
def untouched() -> Iterator[None]:
    """Whatever happens in the test, the state of this process is the same afterwards."""
    before = state()
    yield
    after = state()
    assert {key: (before[key], value) for key, value in after.items() if before[key] != value} == {}


# --- what is there, and what it costs to import ---------------------------------------------------


def test_importing_it_is_light_and_names_are_there_when_asked_for() -> None:
    code = (
        "import sys, srlbench as sb\n"
        "heavy = {'torch', 'numpy', 'pandas', 'typer', 'mteb'}\n"
        "assert not heavy & set(sys.modules)\n"
        "assert set(sb.__all__) <= set(dir(sb)) and all(hasattr(sb, name) for name in sb.__all__)\n"
        "sb.Recipe(pool='mean'); sb.recipe(name='mine')(lambda: sb.Recipe())\n"
        "assert not heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "lines",
    list(
        itertools.permutations(
            ["import srlbench", "import srlbench.recipe", "from srlbench.recipe import Loss, recipe"]
        )
    ),
)
def test_recipe_is_the_decorator_and_the_module_in_any_order(lines: tuple[str, ...]) -> None:
    code = "; ".join([*lines, "assert callable(srlbench.recipe) and callable(recipe)"])
    code += "\n@srlbench.recipe(name='mine')\ndef f(): return srlbench.recipe.Recipe()\nassert f.entry.name == 'mine'"
    code += "\nassert srlbench.Loss is Loss is srlbench.recipe.Loss"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'sweep'"):
        sb.sweep  # type: ignore[attr-defined]  # noqa: B018


# --- recipes as objects ---------------------------------------------------------------------------


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A notebook: cells are run in a `__main__` without a file, and their text is where IPython puts it."""
    module = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    monkeypatch.setattr("srlbench.registry._collected", known := [*registry._collected])
    monkeypatch.setattr("srlbench.recipe._collected", known)
    count = itertools.count()

    def cell(text: str) -> ModuleType:
        name = f"<ipython-input-{next(count)}>"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(text, name, "exec"), vars(module))
        return module

    return cell


CELL = """
import srlbench as sb
SCALE = 20.0

def scaled(x):
    return SCALE * x

def own(a, b, *, margin=0.0):
    return scaled((a - b).square().mean()) + margin

@sb.recipe()
def mine():
    "My own."
    return sb.Recipe(data="twins", loss=sb.Loss(own, margin=1.0))
"""


def test_a_loss_of_a_notebook_is_known_by_its_text_and_what_that_uses(main: Any) -> None:
    made = main(CELL)
    text = made.mine().loss.source().decode()
    assert "def own" in text and "return SCALE * x" in text and "SCALE = 20.0" in text and "import" not in text
    track, tiny = tracks.load("embedded"), backbones.resolve("tiny")
    before = fingerprint(made.mine.entry, track, tiny)
    assert fingerprint(main("plotted = 3\n" + CELL).mine.entry, track, tiny) == before
    assert fingerprint(main(CELL.replace("20.0", "30.0")).mine.entry, track, tiny) != before


def test_a_recipe_of_a_notebook_travels_with_its_code_and_its_text(main: Any) -> None:
    made = main(CELL)
    entry = made.mine.entry
    assert not registry.is_installed(entry) and registry.is_installed(registry.recipe("simcse-unsup+temperature=1"))
    packed = carried.pack(entry)
    code = (
        "import sys, pickle; (entry,) = pickle.loads(sys.stdin.buffer.read()); loss = entry.recipe.loss\n"
        "import torch; print(float(loss.load()(torch.ones(2, 2), torch.zeros(2, 2), **loss.arguments)))\n"
        "sys.stdout.write(loss.with_argument('margin', 2).source().decode())"
    )
    done = subprocess.run([sys.executable, "-c", code], input=packed, capture_output=True, check=True)
    assert done.stdout.decode() == "21.0\n" + entry.recipe.loss.source().decode()


def test_a_recipe_of_the_session_is_known_by_name_and_shadows_none(main: Any) -> None:
    made = main(CELL)
    assert registry.recipe("mine") is made.mine.entry
    again = main(CELL.replace("My own.", "Again."))
    assert registry.recipe("mine").summary == "Again." and again.mine.entry is registry.recipe("mine")
    taken = main(CELL.replace("sb.recipe()", "sb.recipe(name='simcse-unsup')")).mine
    assert registry.recipe("simcse-unsup").family == "simcse"
    with pytest.raises(UsageError, match="There is a registered recipe 'simcse-unsup' already"):
        session.chosen([taken], ())
    there = main(CELL.replace("sb.recipe()", "sb.recipe(name='simcse-unsup', replaces=True)")).mine
    assert session.chosen([there], ()) == (there.entry,) and not registry.is_installed(there.entry)


def test_recipes_are_given_in_many_ways(main: Any) -> None:
    made, plain = main(CELL), Recipe(pool="max")
    found = session.chosen(["whitening", made.mine, {"plain": plain}, "whitening"], ())
    assert [entry.name for entry in found] == ["whitening", "mine", "plain"] and found[2].recipe is plain
    assert {"plain", "mine", "simcse-unsup"} <= {entry.name for entry in session.chosen(["all"], ())}
    assert isinstance(registry.recipe("plain"), Registered)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([], "Say which recipes to run, or --all"),
        (["simcse-unsop"], "Unknown recipe 'simcse-unsop'. Did you mean 'simcse-unsup'"),
        ([Recipe()], "A Recipe has no name of its own"),
        ([{"a b": Recipe()}], "'a b' is no name for a recipe"),
        ([{"simcse-unsup": Recipe()}], "a registered recipe 'simcse-unsup' already"),
        ([{"mine": Recipe(pool="best")}], "pool = 'best' is not one of"),
        ([3], "3 is no recipe"),
    ],
)
def test_what_is_no_recipe_is_one_sentence(asked: Any, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        sb.run(*asked)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seeds": 3}, "range(3) is the first 3"),
        ({"seeds": [-1]}, "-1 is no seed"),
        ({"seeds": "4-0"}, "runs backwards"),
        ({"seeds": "0-100000000"}, "takes at most 10000 of them"),
        ({"seeds": "9" * 5000}, "a seed is below 4294967296"),
        ({"seeds": "4294967296"}, "a seed is below 4294967296"),
        ({"seeds": "²"}, "is not a list like"),
        ({"seeds": [2**32]}, "below 2^32"),
        ({"seeds": range(10**9)}, "takes at most 10000 of them"),
        ({"seeds": []}, "seeds is empty"),
        ({"track": "embeded"}, "Did you mean 'embedded'"),
        ({"engine": "rai"}, "Did you mean 'ray'"),
        ({"files": ["nosuch.py"]}, "No recipe file"),
    ],
)
def test_what_cannot_be_run_is_one_sentence(given: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        sb.run("whitening", results=tmp_path, **given)


def test_a_loss_whose_source_cannot_be_had_is_refused() -> None:
    with pytest.raises(UsageError, match="is neither"):
        Loss(lambda a, b: a)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec("def lost(a, b): return a", names)
    with pytest.raises(UsageError, match="The source of 'lost' cannot be read"):
        Loss(names["lost"])
    assert written(state).startswith("def state()")


# --- runs -----------------------------------------------------------------------------------------

SCRIPT = """
import os, sys
print("begun")
before = dict(os.environ)
import srlbench as sb

def halved(a, b):
    import torch
    return ((a - b).square().mean()) / 2

def broken(a, b):
    raise ZeroDivisionError("a bug in the loss")

@sb.recipe()
def halves() -> sb.Recipe:
    return sb.Recipe(data="twins", loss=sb.Loss(halved))

track = sys.argv[1]
found = sb.run(halves, "bag-random", {"breaks": sb.Recipe(data="twins", loss=sb.Loss(broken))}, track=track, seeds=[0])
assert os.environ == before and "torch" not in sys.modules, "the caller is left alone"
print(found)
print(*sorted((record.recipe, record.status) for record in found.records))
try:
    sb.run("breaks", track=track, seeds=[0], fail_fast=True)
except sb.errors.SrlbenchError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def made(quick_track: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What a script without a guard says, and the folder it ran in."""
    folder = tmp_path_factory.mktemp("script")
    (folder / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py", str(quick_track)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout, folder / "srlbench-results"


def test_a_script_without_a_guard_runs_once_and_prints_nothing_of_ours(made: tuple[str, Path]) -> None:
    said, folder = made
    assert said.splitlines() == [
        "begun",
        f"Results of track quick v4 in {folder.name}: 3 records, 1 failed",
        "('bag-random', 'ok') ('breaks', 'failed') ('halves', 'ok')",
        "The run breaks@tiny:0 failed: ZeroDivisionError: a bug in the loss",
    ]


def test_results_are_a_value_that_reads_well(made: tuple[str, Path], quick_track: Path, untouched: None) -> None:
    found = sb.results(made[1], quick_track)
    assert len(found) == 3 and "3 records, 1 failed" in repr(found)
    frame = found.to_pandas()
    assert set(frame["recipe"]) == {"halves", "bag-random", "breaks"}
    assert found.records[0].command.startswith("srlbench.run(")
    assert [row.recipe for row in sb.leaderboard(found).rows if row.state == "one seed"] == ["bag-random"]


def test_what_compares_says_so_in_the_words_of_the_command_line(
    made: tuple[str, Path], quick_track: Path, untouched: None
) -> None:
    found = sb.results(made[1], quick_track)
    with pytest.raises(UsageError, match="The two sides are one and the same"):
        sb.compare(found, "bag-random", "bag-random")
    with pytest.raises(SrlbenchError, match="no fresh record of whitening"):
        sb.compare(found, "bag-random", "whitening")


def test_a_run_leaves_its_caller_as_it_was(quick_track: Path, tmp_path: Path, untouched: None) -> None:
    found = sb.run({"max": Recipe(pool="max")}, track=quick_track, seeds=[0], results=tmp_path, progress=True)
    assert [record.status for record in found.records] == ["ok"]


# --- encoders -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny() -> Any:
    from srlbench.evaluation import external

    return external.load(str(backbones.resolve("tiny").path), "mean")[0]


def test_an_encoder_is_evaluated_and_not_changed(tiny: Any, quick_track: Path, untouched: None) -> None:
    tiny.train()
    before = deepcopy(tiny.state_dict())
    protocol = quick_track.with_name("quick-protocol.toml")
    found = sb.evaluate(tiny, protocol, ["GenSTSB", "GenTREC"])
    assert tiny.training and all(part.training for part in tiny.modules())
    assert all(torch.equal(value, before[name]) for name, value in tiny.state_dict().items())
    assert found.scores == sb.evaluate("tiny", protocol, ["GenSTSB", "GenTREC"], pool="mean").scores
    assert "GenSTSB" in set(found.to_pandas()["task"]) and "transfer" in repr(found)
    double = sb.evaluate(deepcopy(tiny).double(), protocol, "GenSTSB")
    assert double.scores == {"GenSTSB": found.scores["GenSTSB"]}


@pytest.mark.parametrize("what", ["isotropy", "gradients", "words"])
def test_a_diagnosis_is_plain_values(what: Any, tiny: Any, quick_track: Path, untouched: None) -> None:
    tiny.train()
    found = sb.diagnose(tiny, what, track=quick_track, count=16)
    assert tiny.training and not any(parameter.grad is not None for parameter in tiny.parameters())
    assert found and json.dumps(found)


def test_what_is_no_encoder_is_one_sentence(tiny: Any) -> None:
    for call, said in (
        (lambda: sb.evaluate(3, "generated"), "int is none"),  # type: ignore[arg-type]
        (lambda: sb.evaluate(tiny, "generated", pool="mean"), "leave pool out"),
        (lambda: sb.evaluate(tiny, "simsce"), "Did you mean 'simcse'"),
        (lambda: sb.evaluate(tiny, probe="both"), "Unknown probe 'both'"),  # type: ignore[arg-type]
        (lambda: sb.diagnose(tiny, "isotropie"), "Did you mean 'isotropy'"),  # type: ignore[arg-type]
    ):
        with pytest.raises(UsageError, match=said):
            call()


def test_a_bar_is_shown_in_a_notebook_alone() -> None:
    assert not bar.wanted(None) and bar.wanted(True) and not bar.wanted(False)


# --- the page and the examples --------------------------------------------------------------------

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


def test_every_snippet_of_the_page_runs_in_order(
    quick_track: Path, tmp_path: Path, main: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 8
    quick = f'seeds=range(2), track="{quick_track}"'
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        main(block.replace("seeds=range(2)", quick).replace('track="embedded"', f'track="{quick_track}"'))
    assert {record.status for record in sb.results("my-results", quick_track).records} == {"ok"}


def test_public_names_are_all_on_the_page() -> None:
    assert all(f"`{name}`" in PAGE for name in sb.__all__ if name != "__version__")


@pytest.mark.parametrize("name", ["own_loss.py", "published.py"])
def test_an_example_runs(name: str, quick_track: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples" / name), str(quick_track)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "points, between" in done.stdout if name == "own_loss.py" else "simcse-sup" in done.stdout
