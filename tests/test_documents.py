"""Documents run: their commands, their examples, their links, and the versions they promise."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from conftest import Cli
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import srlbench
from srlbench.cli import app

ROOT = Path(srlbench.__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
# They need records or text, or minutes.
PARSED = {
    "check", "claims", "compare", "data", "diagnose", "doctor", "evaluate", "export", "plot", "pretrain", "reproduce",
    "shrink",
}  # fmt: skip
VERBS = [
    "run", "sweep", "tune", "evaluate", "diagnose", "leaderboard", "compare", "claims", "check", "reproduce", "publish",
    "export", "pretrain", "shrink", "list", "show", "doctor", "data", "plot",
]  # fmt: skip


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def examples(verb: Any) -> Iterator[str]:
    """The commands that a verb's help lists under "Examples:"."""
    yield from re.findall(r"^ *- `([^`]+)`$", (verb.callback.__doc__ or "").partition("Examples:")[2], re.MULTILINE)


def quoted() -> Iterator[str]:
    """Every `srlbench …` between backquotes of a page, and of a workflow."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        yield from re.findall(r"`(srlbench [^`\n]+)`", text)
        yield from re.findall(r"^ *- run: (srlbench .*)", text, re.MULTILINE)


SHOWN = [line for block in blocks(README, "bash") for line in block.splitlines() if line.startswith("srlbench ")]
CALLED = [*app.registered_commands, *(v for g in app.registered_groups for v in g.typer_instance.registered_commands)]
TAUGHT = [line for verb in CALLED for line in examples(verb)]
COMMANDS = sorted({shlex.join(shlex.split(line, comments=True)) for line in SHOWN + TAUGHT})
RUNNABLE = [line for line in COMMANDS if line.split()[1] not in PARSED]


def test_there_are_examples() -> None:
    assert len(SHOWN) >= 5 and len(TAUGHT) >= 5
    assert {line.split()[1] for line in COMMANDS} == set(VERBS)
    assert not [verb.callback.__name__ for verb in CALLED if not [*examples(verb)]]  # type: ignore[union-attr]


def test_the_verbs_are_these() -> None:
    assert set(program().commands) == set(VERBS)


WRONG: Any = typer.BadParameter.__base__  # what typer raises for any wrong command line


@cache
def program() -> Any:
    return typer.main.get_command(app)


def parse(line: str, whole: bool = True) -> None:
    """Read a command line as the program would, down to the options of its last verb.

    whole: false for a verb that is only named, without its arguments; its options must exist all the same.
    """
    words, command = shlex.split(line), program()
    context = None
    while hasattr(command, "commands"):
        context = command.make_context(words[0], words[1:], parent=context)
        words = words[1:]
        if not words or words[0].startswith("-"):
            return  # of the program, or of a group of verbs: nothing more to read
        command = command.commands[words[0]]
    try:
        command.make_context(words[0], words[1:], parent=context)
    except Exception as error:
        if whole or type(error).__name__ != "MissingParameter":
            raise


@pytest.mark.parametrize("line", sorted({*COMMANDS, *quoted()}))
def test_a_command_parses(line: str) -> None:
    assert line.startswith("srlbench ")
    parse(line, whole=line in COMMANDS)


# --- what the program itself advises --------------------------------------------------------------


def texts(tree: ast.AST) -> Iterator[str]:
    """Every text of a module, with an `x` for each value that is put into it."""
    inner: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inner |= {id(part) for part in node.values}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            yield node.value


def advice() -> Iterator[str]:
    """Every `srlbench …` that the program prints, in a message, a help text, or on a page of the site."""
    package = Path(srlbench.__file__).parent
    for path in package.rglob("*.py"):
        for text in texts(ast.parse(path.read_text(encoding="utf-8"))):
            yield from re.findall(r"`(srlbench [^`]+)`", text)
    for path in package.rglob("*.html"):
        page = re.sub(r"\{\{[^}]*\}\}", "x", path.read_text(encoding="utf-8"))
        for block in re.findall(r"<code>(srlbench .*?)</code>", page, re.DOTALL):
            yield from block.splitlines()


ADVICE = sorted(set(advice()))


def test_there_is_advice() -> None:
    assert len(ADVICE) > 20 and any("check --accept" in line for line in ADVICE)


@pytest.mark.parametrize("line", ADVICE)
def test_advice_parses(line: str) -> None:
    parse(line, whole=False)


@pytest.mark.parametrize(
    "line",
    ["srlbench baseline", "srlbench check --junit x", "srlbench diagnose maps", "srlbench data pull --trak x",
     "srlbench show", "srlbench check --accept"],
)  # fmt: skip
def test_a_wrong_command_would_be_found(line: str) -> None:
    with pytest.raises((KeyError, WRONG)):
        parse(line)


def some_of_the_published(to: Path) -> None:
    """The published results of a few recipes."""
    kept = {"simcse-unsup", "simcse-sup", "bag-random-weighted"}
    among = ("records", "predictions")
    shutil.copytree(
        ROOT / "results", to, ignore=lambda folder, names: {*names} - kept if Path(folder).name in among else set()
    )


@pytest.mark.parametrize("line", RUNNABLE)
def test_a_command_runs(cli: Cli, tmp_path: Path, line: str) -> None:
    _, *words = shlex.split(line)
    if "mine.py" in words:
        (mine,) = (block for block in blocks(README, "python") if block.startswith("# mine.py"))
        (tmp_path / "mine.py").write_text(mine, encoding="utf-8")
    if words[0] in ("run", "sweep", "tune") and "--dry-run" not in words:
        words.append("--dry-run")
    if words[0] in ("leaderboard", "publish", "show"):
        for name in ("results", "srlbench-results"):
            whole = "--hub" in words  # whose tables must be those of the records
            shutil.copytree(ROOT / "results", tmp_path / name) if whole else some_of_the_published(tmp_path / name)
    done = cli(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


# --- the two commands of the README --------------------------------------------------------------


@pytest.mark.parametrize("name", ["run", "tests"])
def test_a_command_is_one_line_from_pinned_versions(name: str) -> None:
    (block,) = re.findall(rf"^<!-- command: {name} -->\n```bash\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    (line,) = block.splitlines()
    assert "pip install" in line and " -c constraints.txt " in line


def test_continuous_integration_runs_the_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (program,) = re.findall(r"awk '([^']*)' README\.md", script)
    found = subprocess.run(["awk", program, "README.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout in README and found.stdout.count("\n") == 1
    assert found.stdout.startswith("python3 -m venv ") and found.stdout.endswith("/tox\n")


# --- links and versions --------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert not [link for link in links if link and not (page.parent / link).exists()]


def pins() -> dict[str, Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in found}


def test_every_direct_dependency_is_pinned_to_a_version_it_allows() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = pins()
    for line in sum(project["optional-dependencies"].values(), project["dependencies"]):
        needed = Requirement(line)
        pin = known.get(canonicalize_name(needed.name))
        assert pin, f"{needed.name} is not in constraints.txt"
        ((operator, version),) = [(each.operator, each.version) for each in pin.specifier]
        assert operator == "==" and needed.specifier.contains(version), f"{line} against {pin}"


def test_constraints_name_versions_and_no_place() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert "://" not in text and " @ " not in text
    assert not re.search(r"^\s*-", text, re.MULTILINE)
