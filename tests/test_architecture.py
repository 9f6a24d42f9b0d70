"""The directions of imports, the size of what is written, and what the light verbs do not load.

docs/architecture.md says the same in words.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import srlbench

PACKAGE = Path(srlbench.__file__).parent
# Groups from left to right: a room may import from its own group only itself, and from the groups left of it anything.
ROAD = """
errors stats escape shared | backbones | recipe | losses recipes variants | tracks registry | data records
| training | augmentations rewrites companions posts | evaluation | diagnostics | runs | analysis | publish | cli
"""
GROUPS = [group.split() for group in ROAD.split("|")]
ROOMS = [room for group in GROUPS for room in group]
FACE = ("__init__", "__main__")  # they open every room, when it is asked for
LARGEST, LONGEST, MOST = 250, 50, 6  # lines of a module, lines of a function, parameters of a function
FILES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Full names of the modules a file imports, wherever in the file."""
    names: set[str] = set()
    package = ["srlbench", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) + 1 - node.level]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return names


def allowed(here: str) -> set[str]:
    """The rooms that one may import from: itself, and those left of its group."""
    place = next(place for place, group in enumerate(GROUPS) if here in group)
    return {here, *(room for group in GROUPS[:place] for room in group)}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    here = room(path)
    if here in (*FACE, "cli"):
        return
    assert here in ROOMS, f"a new room '{here}': give it its place here and in docs/architecture.md"
    ours = {name.split(".")[1] for name in imported(path) if name.startswith("srlbench.")} - {"__version__"}
    assert ours <= allowed(here)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_each_library_has_its_one_door(path: Path) -> None:
    names = imported(path)
    if room(path) != "evaluation":
        assert not [name for name in names if name.split(".")[0] == "mteb"]
    if path.relative_to(PACKAGE).as_posix() != "runs/engines/ray.py":
        assert not [name for name in names if name.split(".")[0] == "ray"]
    if path.name != "trainer.py":
        assert not [name for name in names if name.endswith("Trainer")]


def test_every_room_is_on_the_map_and_few_modules_are_loose() -> None:
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    there = {room(path) for path in FILES} - {*FACE}
    assert there == {*ROOMS}
    assert not [name for name in ROOMS if f"`{name}/`" not in page and f"`{name}.py`" not in page]
    assert len([path for path in PACKAGE.glob("*.py") if path.stem not in FACE]) <= 6


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_is_read_in_one_go(path: Path) -> None:
    assert path.read_text(encoding="utf-8").count("\n") <= LARGEST
    for each in functions(path):
        assert (each.end_lineno or 0) - each.lineno < LONGEST, each.name
        given = [*each.args.posonlyargs, *each.args.args, *each.args.kwonlyargs]
        own = [argument for argument in given if argument.arg not in ("self", "cls")]
        # Verbs have an argument an option; a loss has what its paper gives it.
        assert len(own) <= MOST or room(path) in ("cli", "losses", "__init__"), each.name


@pytest.mark.parametrize(
    "verb",
    [
        ["list"],
        ["leaderboard"],
        ["check"],
        ["run", "--all", "--dry-run"],
        ["show", "whitening"],
        ["publish", "--hub", "a/b", "--results", str(PACKAGE.parent / "results")],
    ],
    ids=lambda verb: verb[0],
)
def test_light_verbs_load_no_heavy_library(verb: list[str], tmp_path: Path) -> None:
    code = (
        "import sys\nfrom srlbench import cli\nsys.argv = ['srlbench', *sys.argv[1:]]\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'mteb', 'transformers', 'sentence_transformers', 'datasets'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *verb], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
