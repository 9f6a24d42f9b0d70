"""The directions of imports, and what the light verbs do not load; docs/architecture.md says the same in words."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import srlbench

PACKAGE = Path(srlbench.__file__).parent
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "recipe": {"errors", "registry"},
    "recipes": {"recipe"},
    "losses": set(),
    "records": {"errors", "records"},
    "stats": {"errors", "records"},
    "leaderboard": {"cells", "errors", "records", "stats"},
    "reproduction": {"errors", "leaderboard", "records", "stats"},
    "tables": {"leaderboard", "markdown", "records", "stats"},
    "markdown": set(),
    "cells": set(),
    "hub": {"errors", "records"},
    "cards": {"backbones", "data", "markdown", "records", "stats", "tracks"},
    "reports": {"errors", "markdown", "records", "verdicts"},
    "baseline": {"errors", "records", "stats"},
    "verdicts": {"errors", "stats"},
    "check": {"errors", "records", "stats", "baseline", "verdicts"},
    "registry": {"errors", "recipe", "recipes", "losses", "variants"},
    "protocols": {"errors", "recipe"},
    "scores": {"cells", "errors"},
    "tracks": {"errors", "protocols", "recipe"},
    "backbones": {"errors"},
    "data": {"errors", "protocols", "tracks", "data"},
    "diagnostics": {"errors", "diagnostics"},
    "plots": {"plots"},
    "fingerprint": {"backbones", "recipe", "tracks", "training", "variants"},
    "training": {"errors", "markdown", "recipe", "records", "registry", "data", "protocols", "tracks", "training"},
    "evaluation": {"errors", "data", "protocols", "tracks", "training", "evaluation"},
    "jobs": {"records"},
    "plan": {"errors", "backbones", "data", "fingerprint", "jobs", "recipe", "records", "registry", "tracks"},
    "variants": {"errors", "recipe"},
    "dynamics": {"records"},
    "compare": {"stats"},
    "comparisons": {"compare", "markdown", "stats"},
    "sides": {"errors", "records", "tracks"},
    "agreement": set(),
    "search": {"errors", "markdown", "recipe", "records", "tracks", "variants"},
    "sweep": {"cells", "dynamics", "leaderboard", "markdown", "plots", "records", "stats"},
    "claims": {"claims", "markdown", "records", "stats"},
    "site": {"claims", "errors", "leaderboard", "records", "site", "stats", "tables", "tracks", "variants"},
    "engines": {"backbones", "data", "engines", "errors", "job", "jobs", "protocols", "records", "tracks"},
    "diagnosis": {"errors", "data", "diagnostics", "evaluation", "tracks"},
    "job": {
        "errors", "backbones", "diagnosis", "evaluation", "fingerprint",
        "jobs", "recipe", "records", "registry", "tracks", "training",
    },
}  # fmt: skip
ABOVE = {
    "cli",
    "terminal",
    "progress",
    "readings",
    "findings",
    "standings",
    "reruns",
    "rows",
    "suite",
    "scoring",
    "analysis",
    "contests",
    "publication",
    "tuning",
    "inspection",
    "website",
    "compaction",
    "doctor",
    "__main__",
    "__init__",
}


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


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    here = room(path)
    if here in ABOVE:
        return
    ours = {name.split(".")[1] for name in imported(path) if name.startswith("srlbench.")} - {"__version__"}
    assert here in ALLOWED, f"a new room '{here}': add it here and to docs/architecture.md"
    assert ours <= ALLOWED[here]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_each_library_has_its_one_door(path: Path) -> None:
    names = imported(path)
    if room(path) != "evaluation":
        assert not [name for name in names if name.split(".")[0] == "mteb"]
    if path.relative_to(PACKAGE).as_posix() != "engines/ray.py":
        assert not [name for name in names if name.split(".")[0] == "ray"]
    if path.name != "trainer.py":
        assert not [name for name in names if name.endswith("Trainer")]


def test_every_room_is_on_the_map() -> None:
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {room(path) for path in FILES} - {"__main__", "__init__", "errors", "recipe", "registry"}
    assert not [name for name in rooms if f"`{name}/`" not in page and f"`{name}.py`" not in page]


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
