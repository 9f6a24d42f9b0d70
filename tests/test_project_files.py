"""Workflows, forms, hooks, images and the citation: they parse, and they agree with the project."""

from __future__ import annotations

import configparser
import fnmatch
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
import typer
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from test_documents import blocks, parse

import srlbench
from srlbench.publish.site.papers import citations

ROOT = Path(srlbench.__file__).parent.parent
GITHUB = ROOT / ".github"
pytestmark = pytest.mark.skipif(not GITHUB.is_dir(), reason="not in a clone")

WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
FORMS = sorted(path for path in GITHUB.glob("ISSUE_TEMPLATE/*.yml") if path.stem != "config")
YAML = [*sorted(GITHUB.rglob("*.yml")), ROOT / ".pre-commit-config.yaml", ROOT / "CITATION.cff"]
DOCKERFILE, IGNORED = ROOT / "Dockerfile", ROOT / ".dockerignore"
DEVCONTAINER = ROOT / ".devcontainer/devcontainer.json"
TEXTS = [ROOT / "SECURITY.md", ROOT / "CODE_OF_CONDUCT.md", GITHUB / "pull_request_template.md"]
LOWEST = ROOT / "constraints-lowest.txt"
ALL = [*YAML, *TEXTS, DEVCONTAINER, DOCKERFILE, IGNORED, LOWEST, ROOT / "tox.ini"]
PAPERS = {"2212.09170", "2402.18281", "2310.15921", "2311.03881"}


def named(paths: list[Path]) -> Any:
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.name)


class Strict(yaml.SafeLoader):
    """YAML in which a key stands once, and `on` is a word."""

    yaml_implicit_resolvers: ClassVar[Any] = {
        letter: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:bool" or letter in "tTfF"]
        for letter, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise yaml.constructor.ConstructorError(None, None, f"{twice} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


@cache
def read(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Strict)


@cache
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@cache
def tox() -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None)
    found.read(ROOT / "tox.ini", encoding="utf-8")
    return found


def environments() -> set[str]:
    """The environments of tox.ini; `py{311,312}` is two."""
    names = (section.removeprefix("testenv:") for section in tox().sections() if section.startswith("testenv:"))
    return {name for written in names for name in expanded(written)}


def expanded(name: str) -> list[str]:
    head, brace, rest = name.partition("{")
    inside, _, tail = rest.partition("}")
    return [f"{head}{part}{tail}" for part in inside.split(",")] if brace else [name]


@cache
def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile: the word, and what follows it on one line."""
    lines = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines.splitlines() if line.strip()]


def pythons() -> list[str]:
    """The versions of Python that the package says it is for."""
    written = "\n".join(pyproject()["project"]["classifiers"])
    return re.findall(r"^Programming Language :: Python :: (3\.\d+)$", written, re.MULTILINE)


# --- everything parses ----------------------------------------------------------------------------


@named(YAML)
def test_yaml_parses(path: Path) -> None:
    assert isinstance(read(path), dict)


def test_a_key_that_stands_twice_is_seen() -> None:
    with pytest.raises(yaml.constructor.ConstructorError, match="stands twice"):
        yaml.load("a: 1\na: 2\n", Strict)
    assert yaml.load("on: true", Strict) == {"on": True}


@named([DEVCONTAINER])
def test_json_parses(path: Path) -> None:
    assert isinstance(json.loads(path.read_text(encoding="utf-8")), dict)


# A host, a URL, or an option that names one: from where packages come is the business of who installs them.
PLACES = re.compile(r"\w://\S+|\b[\w-]+\.(?:org|com|io|net)\b|(?:index[-_]url|find[-_]links)[= ]\S+", re.IGNORECASE)
SAID = ["ftp://there", "there.net", "pip install --find-links there x", "ARG PIP_FIND_LINKS=there"]


@pytest.mark.parametrize("text", SAID)
def test_a_place_of_packages_is_seen(text: str) -> None:
    assert PLACES.search(text)


@named(ALL)
def test_no_place_of_packages_is_named(path: Path) -> None:
    assert not PLACES.findall(path.read_text(encoding="utf-8"))


# --- commands: of tox, and of srlbench ------------------------------------------------------------


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in read(path)["jobs"].values():
        yield from job["steps"]


def shell() -> Iterator[tuple[str, str]]:
    """Every line that a workflow or the image runs, and the file that says so."""
    for path in WORKFLOWS:
        yield from ((path.name, line) for step in steps(path) for line in str(step.get("run", "")).splitlines())
    words = (json.loads(value) for key, value in instructions() if key in ("ENTRYPOINT", "CMD"))
    yield "Dockerfile", shlex.join(word for part in words for word in part)


def quoted() -> Iterator[tuple[str, str]]:
    """Every command between backquotes of a text, a form or tox.ini, and those in the comment of the Dockerfile."""
    for path in (*TEXTS, *FORMS, ROOT / ".pre-commit-config.yaml", ROOT / "tox.ini", LOWEST):
        yield from ((path.name, line) for line in re.findall(r"`([^`\n]+)`", path.read_text(encoding="utf-8")))
    for line in re.findall(r"^#.*docker run .*? srlbench (\w.*?)(?:  +#.*)?$", DOCKERFILE.read_text(), re.MULTILINE):
        yield "Dockerfile", f"srlbench {line}"


def matrix() -> list[dict[str, str]]:
    (job,) = read(GITHUB / "workflows/tests.yml")["jobs"].values()
    rows: list[dict[str, str]] = job["strategy"]["matrix"]["include"]
    return rows


def asked_of_tox() -> Iterator[tuple[str, str]]:
    for where, line in [*shell(), *quoted()]:
        for names in re.findall(r"\btox (?:run )?-e (\S+)", line.replace("${{ matrix.env }}", "MATRIX")):
            written = ",".join(row["env"] for row in matrix()) if names == "MATRIX" else names
            yield from ((where, name) for name in written.split(","))


def test_every_environment_is_one_of_tox() -> None:
    asked = [*asked_of_tox()]
    assert {where for where, _ in asked} >= {"tests.yml", "nightly.yml", "docs.yml", "pull_request_template.md"}
    assert not [(where, name) for where, name in asked if name not in environments()]


def commands() -> list[str]:
    found = set()
    for where, line in [*shell(), *quoted()]:
        if match := re.search(r"(?:^|/)(srlbench (?!:).*)", line):
            found.add((where, match[1].replace(" …", "")))
    return sorted(f"{where}: {line}" for where, line in found)


def test_there_are_commands() -> None:
    assert {line.partition(":")[0] for line in commands()} >= {"Dockerfile", "release.yml", "bug.yml", "SECURITY.md"}


@pytest.mark.parametrize("line", commands() if GITHUB.is_dir() else [])
def test_a_command_parses(line: str) -> None:
    with suppress(typer.Exit):  # --version ends the program
        parse(line.partition(": ")[2], whole=False)


def test_ci_runs_what_it_ran() -> None:
    assert tox()["tox"]["env_list"] == "lint, whole"


# --- versions of Python, and the lowest of everything ---------------------------------------------


def test_the_versions_of_python_agree() -> None:
    supported = SpecifierSet(pyproject()["project"]["requires-python"])
    assert pythons() and all(supported.contains(version) for version in pythons())
    oldest = min(pythons(), key=lambda version: int(version[2:]))
    assert not supported.contains(f"3.{int(oldest[2:]) - 1}.99")  # it is the oldest that may be installed
    assert {row["python"] for row in matrix()} == set(pythons())
    assert {name for name in environments() if re.fullmatch(r"py\d+", name)} == {short(each) for each in pythons()}
    for row in matrix():
        assert not row["env"].startswith("py") or row["env"] == short(row["python"])
    (lowest,) = [row["python"] for row in matrix() if row["env"] == "lowest"]
    assert lowest == oldest and tox()["testenv:lowest"]["base_python"] == f"python{oldest}"
    assert pyproject()["tool"]["ruff"]["target-version"] == short(oldest)


@named(WORKFLOWS)
def test_a_workflow_takes_a_python_that_is_supported(path: Path) -> None:
    taken = [str(step["with"]["python-version"]) for step in steps(path) if "setup-python" in step.get("uses", "")]
    assert taken and set(taken) <= {*pythons(), "${{ matrix.python }}"}


def short(version: str) -> str:
    return f"py{version.replace('.', '')}"


def lower_bounds(extras: list[str]) -> dict[str, str]:
    project, found = pyproject()["project"], {}
    for line in sum((project["optional-dependencies"][extra] for extra in extras), project["dependencies"]):
        needed = Requirement(line)
        bounds = [each.version for each in needed.specifier if each.operator == ">="]
        assert len(bounds) == 1, f"{line} has no lower bound"
        assert found.setdefault(canonicalize_name(needed.name), bounds[0]) == bounds[0], f"{line} has two lower bounds"
    return found


def test_every_dependency_has_one_lower_bound() -> None:
    assert lower_bounds([*pyproject()["project"]["optional-dependencies"]])


def test_the_lowest_versions_are_those_of_pyproject() -> None:
    used = lower_bounds(tox()["testenv:tests"]["extras"].split(", "))
    written = [line for line in LOWEST.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert written == [f"{name}=={version}" for name, version in sorted(used.items())]
    assert LOWEST.name in tox()["testenv:lowest"]["install_command"]


# --- workflows ------------------------------------------------------------------------------------

MAY_WRITE = {  # nothing else has more than the right to read what is in the repository
    ("docs.yml", "deploy"): {"pages": "write", "id-token": "write"},
    ("release.yml", "publish"): {"id-token": "write"},
}


@named(WORKFLOWS)
def test_a_workflow_has_few_rights_and_an_end(path: Path) -> None:
    content = read(path)
    assert content["permissions"] == {"contents": "read"} and content["concurrency"]["group"]
    assert "pull_request_target" not in content["on"] and "secrets" not in path.read_text(encoding="utf-8")
    for name, job in content["jobs"].items():
        assert job["timeout-minutes"] <= 180 and "latest" not in job["runs-on"]
        rights = MAY_WRITE.get((path.name, name))
        assert job.get("permissions") == rights
        assert ("environment" in job) == (rights is not None)  # reviewers can be asked before it


@named(WORKFLOWS)
def test_actions_are_pinned(path: Path) -> None:
    used = [step for step in steps(path) if "uses" in step]
    assert not [s["uses"] for s in used if not re.fullmatch(r"[\w.-]+/[\w./-]+@v\d+\.\d+\.\d+", s["uses"])]
    taken = [step for step in used if step["uses"].startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in taken)


def test_actions_have_one_version_each() -> None:
    pairs = {tuple(step["uses"].split("@")) for path in WORKFLOWS for step in steps(path) if "uses" in step}
    assert len(pairs) == len({name for name, _ in pairs})


@named(WORKFLOWS)
def test_nothing_of_an_event_is_put_into_a_shell(path: Path) -> None:
    """A branch or a title can hold a command: what `run` takes from an expression is our own."""
    for step in steps(path):
        assert set(re.findall(r"\$\{\{\s*(.*?)\s*\}\}", step.get("run", ""))) <= {"matrix.env"}


def test_the_published_site_is_the_one_that_tox_builds() -> None:
    (path,) = [s["with"]["path"] for s in steps(GITHUB / "workflows/docs.yml") if "upload-pages" in s.get("uses", "")]
    (built,) = re.findall(r"--site-dir (\S+)", tox()["testenv:docs"]["commands"])
    assert built.replace("{work_dir}", ".tox").replace("{/}", "/") == path


def test_a_release_is_checked_before_it_is_published_without_a_token() -> None:
    jobs = read(GITHUB / "workflows/release.yml")["jobs"]
    told = "\n".join(step.get("run", "") for step in jobs["build"]["steps"])
    assert "python -m build" in told and "twine check --strict" in told and "${GITHUB_REF_NAME#v}" in told
    assert jobs["publish"]["needs"] == "build"
    assert "with" not in next(s for s in jobs["publish"]["steps"] if s["uses"].startswith("pypa/"))


@pytest.mark.skipif(not shutil.which("actionlint"), reason="actionlint is not installed")
def test_actionlint_finds_nothing() -> None:
    done = subprocess.run(["actionlint", *map(str, WORKFLOWS)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("schema", "paths"),
    [("github-workflows", WORKFLOWS), ("github-issue-forms", FORMS), ("citation-file-format", [ROOT / "CITATION.cff"])],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_schema_holds(schema: str, paths: list[Path]) -> None:
    pytest.importorskip("check_jsonschema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


# --- forms ----------------------------------------------------------------------------------------


@named(FORMS)
def test_a_form_can_be_filled_in(path: Path) -> None:
    form = read(path)
    assert {"name", "description", "body"} <= form.keys() <= {"name", "description", "body", "labels"}
    fields = [element for element in form["body"] if element["type"] != "markdown"]
    assert {element["type"] for element in fields} <= {"textarea", "input", "dropdown", "checkboxes"}
    ids, labels = ([*found] for found in zip(*((each["id"], each["attributes"]["label"]) for each in fields)))
    assert len({*ids}) == len({*labels}) == len(fields) and all(re.fullmatch(r"[\w-]+", each) for each in ids)
    assert any(element.get("validations", {}).get("required") for element in fields)
    for element in form["body"]:
        known = {"type", "attributes"} | ({"id", "validations"} if element in fields else set())
        assert element.keys() <= known
        assert element["type"] not in ("dropdown", "checkboxes") or element["attributes"]["options"]


def test_each_form_has_a_name_of_its_own() -> None:
    assert len({read(path)["name"] for path in FORMS}) == len(FORMS) == 3


# --- hooks ----------------------------------------------------------------------------------------


def hooks() -> dict[str, dict[str, Any]]:
    (local,) = read(ROOT / ".pre-commit-config.yaml")["repos"]  # of nobody else: only packages are fetched
    assert local["repo"] == "local"
    return {hook["id"]: hook for hook in local["hooks"]}


def test_hooks_have_the_versions_of_the_project() -> None:
    extras = pyproject()["project"]["optional-dependencies"]
    allowed = {canonicalize_name(r.name): r for extra in extras.values() for r in map(Requirement, extra)}
    for name, hook in hooks().items():
        assert (hook["language"] == "python") == ("additional_dependencies" in hook), name
        for pin in map(Requirement, hook.get("additional_dependencies", [])):
            ((operator, version),) = [(each.operator, each.version) for each in pin.specifier]
            assert operator == "==" and version == pins().get(canonicalize_name(pin.name), version), pin
            assert pin.name not in allowed or allowed[canonicalize_name(pin.name)].specifier.contains(version), pin
    pinned = {Requirement(pin).name for hook in hooks().values() for pin in hook.get("additional_dependencies", [])}
    assert pinned & pins().keys()


def test_hooks_look_at_what_tox_looks_at() -> None:
    for command in tox()["testenv:lint"]["commands"].strip().splitlines():
        tool, verb, *folders = [word for word in command.split() if not word.startswith("--")]
        hook = hooks()[f"{tool}-{verb}"]
        assert hook["entry"].startswith(f"{tool} {verb} ")
        for folder in [path.name for path in ROOT.iterdir() if path.is_dir()]:
            assert bool(re.search(hook["files"], f"{folder}/x.py")) == (folder in folders)
    assert hooks()["mypy"]["entry"] == tox()["testenv:type"]["commands"]


# --- images ---------------------------------------------------------------------------------------


def stage(which: int) -> list[tuple[str, str]]:
    starts = [place for place, (key, _) in enumerate(instructions()) if key == "FROM"]
    end = [*starts, None][which % len(starts) + 1]
    return instructions()[starts[which] : end]


def test_the_image_runs_the_first_command_of_the_readme() -> None:
    first = blocks((ROOT / "README.md").read_text(encoding="utf-8"), "bash")[0].strip()
    (said,) = [line for where, line in shell() if where == "Dockerfile"]
    assert first.endswith(f"&& .venv/bin/{said}")
    (made,) = [value for key, value in instructions() if key == "RUN" and "pip install" in value]
    installed = [re.search(r"pip install (?:-\S+ )*?(-c .*?)(?: &&|$)", line) for line in (first, made)]
    assert installed[0] and installed[1] and installed[0][1] == installed[1][1]


def test_the_image_has_no_rights_and_no_network() -> None:
    last = stage(-1)
    users = [value for key, value in last if key == "USER"]
    (made,) = [value for key, value in last if key == "RUN"]
    assert users == ["1000"] and "--uid 1000" in made
    (settings,) = [value for key, value in last if key == "ENV"]
    assert dict(word.split("=", 1) for word in shlex.split(settings))["HF_HUB_OFFLINE"] == "1"
    assert not any(key == "RUN" and "install" in value for key, value in last)


def test_the_stages_have_one_python_that_is_supported() -> None:
    tags = [value.split()[0] for key, value in instructions() if key == "FROM"]
    versions = {re.fullmatch(r"python:(3\.\d+)(\.\d+)(?:-slim)?-\w+", tag).groups() for tag in tags}  # type: ignore[union-attr]
    assert len(versions) == 1 and versions.pop()[0] in pythons()


def let_through(path: str) -> bool:
    """Whether .dockerignore lets a path through: the last rule that fits it or a folder above it decides."""
    parts, kept = path.split("/"), True
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    for rule in IGNORED.read_text(encoding="utf-8").split("\n"):
        pattern = rule.removeprefix("!").removeprefix("**/")
        if pattern and not pattern.startswith("#"):
            tried = [*above, *parts] if "**/" in rule else above
            kept = rule.startswith("!") if any(fnmatch.fnmatchcase(each, pattern) for each in tried) else kept
    return kept


def test_the_image_is_built_from_what_the_wheel_needs() -> None:
    own = [value.split() for key, value in instructions() if key == "COPY" and "--from" not in value]
    copied = {word for words in own for word in words[:-1]}
    targets = pyproject()["tool"]["hatch"]["build"]["targets"]["wheel"]
    project = pyproject()["project"]
    assert copied == {
        "constraints.txt", "pyproject.toml", "hatch_build.py", project["readme"], *project["license-files"],
        *targets["packages"], "results",
    }  # fmt: skip
    assert all(let_through(name) and (ROOT / name).exists() for name in copied)
    assert let_through("srlbench/losses/info_nce.py") and not let_through("srlbench/losses/__pycache__/info_nce.pyc")
    here = {path.name for path in ROOT.iterdir()}
    assert {name for name in here if let_through(name)} == copied


def test_the_devcontainer_is_a_stage_of_the_image() -> None:
    content = json.loads(DEVCONTAINER.read_text(encoding="utf-8"))
    assert (DEVCONTAINER.parent / content["build"]["dockerfile"]).resolve() == DOCKERFILE
    (made,) = [value for key, value in stage(0) if key == "RUN"]
    assert instructions()[0][1].endswith(f" AS {content['build']['target']}") and made.endswith(content["remoteUser"])
    install = blocks((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), "bash")[0].splitlines()[0]
    assert content["postCreateCommand"].startswith(install)


@pytest.mark.skipif(not shutil.which("hadolint"), reason="hadolint is not installed")
def test_hadolint_finds_nothing() -> None:
    done = subprocess.run(["hadolint", str(DOCKERFILE)], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout, done.stdout


# --- citation -------------------------------------------------------------------------------------


def test_the_citation_is_of_this_version() -> None:
    cited, project = read(ROOT / "CITATION.cff"), pyproject()["project"]
    assert cited["version"] == srlbench.__version__ and cited["license"] == project["license"]
    assert cited["keywords"] == project["keywords"] and cited["authors"] == [{"name": "The srlbench authors"}]


def test_the_four_papers_are_cited_as_the_site_cites_them() -> None:
    known = {each.arxiv: each for each in citations().values() if each.arxiv in PAPERS}
    found = {}
    for paper in read(ROOT / "CITATION.cff")["references"]:
        (number,) = [each["value"].removeprefix("arXiv:") for each in paper["identifiers"]]
        found[number] = (", ".join(each["family-names"] for each in paper["authors"]), paper["year"], paper["title"])
    assert found == {number: (each.authors, each.year, each.title) for number, each in known.items()}
    assert found.keys() == PAPERS
