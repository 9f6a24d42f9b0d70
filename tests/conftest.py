"""Shared fixtures: a track that takes seconds, and a way to run the command line."""

from __future__ import annotations

import contextvars
import fcntl
import ipaddress
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from srlbench import tracks
from srlbench.data import language
from srlbench.data.rows import digest
from srlbench.tracks import protocol as protocols

Cli = Callable[..., subprocess.CompletedProcess[str]]
QUICK_TASKS = ("GenSTSB", "GenSTS13", "GenTREC")


class NetworkUsed(Exception):
    """A test that reached for something beyond this machine."""


def _here(host: str) -> bool:
    """Whether an address is of this machine: it alone can be bound to. A name is not looked up."""
    if host in ("", "localhost", socket.gethostname()):
        return True
    try:
        ipaddress.ip_address(host)
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as tried:
            tried.bind((host, 0))
    except (OSError, ValueError):
        return False
    return True


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """No test speaks to another machine; those that publish or download speak to a server of their own here."""
    connect, connect_ex, resolve = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def checked(address: Any) -> None:
        if isinstance(address, tuple) and not _here(str(address[0])):
            raise NetworkUsed(f"a test connects to {address[0]}")

    def guarded(call: Callable[..., Any]) -> Callable[..., Any]:
        def inner(own: socket.socket, address: Any) -> Any:
            checked(address)
            return call(own, address)

        return inner

    def resolved(host: Any, *args: Any, **options: Any) -> Any:
        if host is not None:
            checked((host.decode() if isinstance(host, bytes) else host,))
        return resolve(host, *args, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket.socket, "connect", guarded(connect))
        patched.setattr(socket.socket, "connect_ex", guarded(connect_ex))
        patched.setattr(socket, "getaddrinfo", resolved)
        yield


@pytest.fixture(scope="session")
def quick_track(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded track cut down to eight steps on 600 lines and three tasks."""
    folder = tmp_path_factory.mktemp("track")
    head = (tracks.FOLDER / "embedded.toml").read_text(encoding="utf-8")
    head = re.sub(r"name = .*", 'name = "quick"', head, count=1)
    head = re.sub(r"protocol = .*", 'protocol = "quick-protocol.toml"', head, count=1)
    head = re.sub(r"steps = \d+", "steps = 8", head, count=1)
    head = re.sub(r"checkpoint_steps = \d+", "checkpoint_steps = 3", head)
    head = re.sub(r"observe_steps = .*", "observe_steps = [0, 4, 8]", head)
    head = re.sub(r"lines = \d+", "lines = 600", head)
    for form in ("twins", "triplets"):
        made = {"twins": language.sentences, "triplets": language.triplets}[form](600, 0)
        sha = digest([(line,) if isinstance(line, str) else tuple(line) for line in made])
        head = re.sub(rf'(\[text\.{form}\][^\[]*sha256 = ")[^"]*', rf"\g<1>{sha}", head)
    rules, *tasks = re.split(r"(?=\[tasks\.)", (protocols.FOLDER / "generated.toml").read_text(encoding="utf-8"))
    rules = re.sub(r"folds = \d+", "folds = 3", rules)
    rules = re.sub(r"decay = .*", "decay = [1e-4, 1e-2]", rules)
    kept = [task for task in tasks if re.match(r"\[tasks\.([^\]]*)\]", task)[1] in QUICK_TASKS]  # type: ignore[index]
    (folder / "quick-protocol.toml").write_text(rules + "".join(kept), encoding="utf-8")
    (folder / "quick.toml").write_text(head, encoding="utf-8")
    return folder / "quick.toml"


# The files that take minutes begin first: two workers then end at about the same time.
LONG = (
    "test_ray.py", "test_run.py", "test_regression.py", "test_python.py", "test_composed.py", "test_sparsify.py",
    "test_tracks.py", "test_variants.py", "test_ranks.py", "test_reruns.py", "test_external.py", "test_recipes.py",
    "test_hub.py", "test_diagnose.py", "test_documents.py", "test_cli.py", "test_resume.py", "test_site.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


# What several files of tests look at: trained once, by whichever process of pytest needs it first.
SPARSE = "sparse-simcse-unsup+granularity=neuron,sparsity=0.5"
TRAINED = ("bag-random", "untrained-mean", "simcse-unsup", "simcse-sup", "mhs", "simcse-unsup+pool=mean", SPARSE)
Take = Callable[..., Path]


@pytest.fixture(scope="session")
def trained(quick_track: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder of the quick track: TRAINED at seeds 0 and 1, with their encoders. Nobody writes to it."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "trained"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "said").exists():
            words = ["run", *TRAINED, "--track", quick_track, "--seeds", "0-1", "--results", shared / "results"]
            command = [sys.executable, "-m", "srlbench", *map(str, words), "--jobs", "2"]
            done = subprocess.run(command, env={**os.environ, "CI": "true"}, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            (shared / "said").write_text(done.stdout + done.stderr)
    said = (shared / "said").read_text()
    assert f"[{2 * len(TRAINED)}/{2 * len(TRAINED)}]" in said and "simcse-unsup" in said
    return shared / "results"


@pytest.fixture(scope="session")
def take(trained: Path) -> Take:
    """Copies what was trained of some recipes into a folder of one's own."""

    def copy(to: Path, *recipes: str, seeds: Sequence[int] = (0, 1), kept: bool = False) -> Path:
        for kind in ("records", "predictions", *(["encoders"] if kept else [])):
            for name in recipes:
                for path in trained.glob(f"quick/v4/{kind}/{quote(name, safe='@+= ')}/tiny/*/*"):
                    if any(path.name.startswith(f"seed-{seed}") for seed in seeds):
                        there = to / path.relative_to(trained)
                        there.parent.mkdir(parents=True, exist_ok=True)
                        shutil.copytree(path, there) if path.is_dir() else shutil.copy(path, there)
        for name in ("track.toml", "protocol.toml"):
            shutil.copy(trained / "quick" / "v4" / name, to / "quick" / "v4")
        return to

    return copy


@pytest.fixture(scope="module", autouse=True)
def no_recipe_stays() -> Iterator[None]:
    """What a file of tests registers for its session is gone after it: a leaderboard would show it as not run."""
    from srlbench import recipe, registry

    before = list(recipe._collected)
    yield
    recipe._collected[:] = [each for each in recipe._collected if each in before or id(each[1]) in registry._taken]


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Runs `srlbench …` in a fresh folder, as a user's shell would."""

    def run(*args: object, cwd: Path = tmp_path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "srlbench", *map(str, args)],
            cwd=cwd,
            env={**os.environ, "CI": "true", "COLUMNS": "200", **(env or {})},
            capture_output=True,
            text=True,
            timeout=600,
        )

    return run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """As `cli`, in this process: torch is not imported again, and the process that makes runs stays for the next."""
    import torch

    from srlbench import cli as verbs
    from srlbench.cli.show import terminal

    threads, exact = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()

    def run(*args: object) -> subprocess.CompletedProcess[str]:
        command = ["srlbench", *map(str, args)]
        monkeypatch.setattr(sys, "argv", command)
        monkeypatch.setattr(terminal.out, "width", 200)
        monkeypatch.setenv("CI", "true")
        monkeypatch.chdir(tmp_path)
        capsys.readouterr()
        code, test = 0, os.environ.pop("PYTEST_CURRENT_TEST")  # with it, every test would have another environment
        try:
            contextvars.copy_context().run(verbs.main)
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            os.environ["PYTEST_CURRENT_TEST"] = test
        said = capsys.readouterr()
        return subprocess.CompletedProcess(command, code, said.out, said.err)

    yield run
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(exact)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Sums in one order, whatever the machine has."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
