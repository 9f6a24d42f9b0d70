"""Tokens and the home folder stay out of records, tables, pages and messages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import Cli
from test_text_and_streams import TRACK, made

from srlbench import records
from srlbench.records import Confirmation
from srlbench.records.private import hidden

# Every variable from which a library that srlbench uses takes a secret.
VARIABLES = (
    "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_TOKEN", "WANDB_API_KEY", "MLFLOW_TRACKING_TOKEN",
    "MLFLOW_TRACKING_PASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_CLIENT_SECRET", "GITHUB_TOKEN",
    "COMET_API_KEY", "RAY_SERVE_API_KEY", "TRACKIO_HF_TOKEN", "PIP_PASSWORD", "GOOGLE_PRIVATE_KEY",
)  # fmt: skip


def planted(name: str) -> str:
    return f"planted-{name.lower()}-7f3a9c"


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, planted(name))


RECIPE = """
import os
from srlbench.recipe import Loss, Recipe, recipe


def leaky(a, b, *, temperature=0.1):
    raise RuntimeError("cannot log in with " + " ".join(value for value in os.environ.values() if "planted" in value))


@recipe()
def leaks() -> Recipe:
    \"\"\"It tells what it should not.\"\"\"
    return Recipe(data="twins", loss=Loss(leaky), pool="mean", head="none")
"""


@pytest.mark.slow
def test_a_run_that_fails_with_tokens_in_its_error_keeps_none(cli: Cli, quick_track: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(RECIPE, encoding="utf-8")
    home = tmp_path / "home-of-somebody"
    home.mkdir()
    env = {name: planted(name) for name in VARIABLES} | {"HOME": str(home)}
    words = ("--track", quick_track, "--results", home / "results", "--recipes", "mine.py")
    done = [cli("run", "leaks", "bag-random", "--seeds", "0", *words, env=env)]
    assert done[0].returncode == 3 and "[HF_TOKEN]" in done[0].stderr, done[0].stderr
    for verb in (["leaderboard"], ["show", "leaks@tiny:0"], ["check"], ["claims"], ["publish", "--out", "site"]):
        done.append(cli(*verb, *words, env=env))
    said = "".join(each.stdout + each.stderr for each in done)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 20 and any(path.suffix == ".html" for path in files)
    for path in files:
        said += path.read_bytes().decode(errors="replace")
    assert "7f3a9c" not in said
    (failed,) = home.glob("results/*/*/records/leaks/*/*/*.failed.json")
    text = failed.read_text(encoding="utf-8")
    assert "home-of-somebody" not in text and "~/results" in text


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("name", VARIABLES)
def test_no_secret_is_recorded(name: str, tmp_path: Path) -> None:
    text = f"srlbench run x --data https://me:{planted(name)}@host/ {Path.home()}/x {Path.home()}-y"
    error = {"type": "OSError", "message": text, "traceback": text}
    records.write(tmp_path, made(command=text, status="failed", scores={}, error=error))
    (found,) = records.scan(tmp_path, TRACK.name, TRACK.version).records
    for kept in (found.command, *(found.error or {}).values()):
        assert planted(name) not in kept
    assert f"me:[{name}]@host/ ~/x {Path.home()}-y" in found.command


def test_a_user_without_a_home_loses_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as for a user that nobody knows, without HOME
    records.write(tmp_path, made(command="srlbench run ~/x"))
    assert records.scan(tmp_path, TRACK.name, TRACK.version).records[0].command == "srlbench run ~/x"


@pytest.mark.usefixtures("secrets")
def test_a_confirmation_that_is_sent_in_has_none(tmp_path: Path) -> None:
    rerun = made(command=f"srlbench reproduce x --data {Path.home()}/{planted('HF_TOKEN')}")
    sent = Confirmation(
        record_sha256="0" * 64, verdict="bitwise equal", reason="x", difference=0.0, who="", rerun=rerun,
        when="2026-01-01T00:00:00+00:00",
    )  # fmt: skip
    text = records.confirm(tmp_path, sent).read_text(encoding="utf-8")
    assert "7f3a9c" not in text and "--data ~/[HF_TOKEN]" in text


def test_what_is_short_or_no_secret_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "short")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    monkeypatch.setenv("MONKEY", "a-long-value-that-is-no-secret")
    text = f"short false a-long-value-that-is-no-secret {os.sep}"
    assert hidden(text) == text
