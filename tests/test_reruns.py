"""`srlbench reproduce`, on a quick track and on the published one: what it says, writes, refuses and leaves alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas
import pytest
from conftest import Cli, Take

from srlbench import tracks
from srlbench.records import Record, confirmations, environment, machine_class, read, record_path
from srlbench.runs import rerun as reruns
from srlbench.runs.rerun import find

HOSTILE = "A | B\n<script>alert(1)</script>"


@pytest.fixture(scope="module")
def made(take: Take, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One recipe that trains and one that does not, two seeds."""
    return take(tmp_path_factory.mktemp("made") / "results", "bag-random", "simcse-unsup")


@pytest.fixture
def results(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "results"))


@pytest.fixture(autouse=True)
def conditions() -> Iterator[None]:
    """A rerun sets what its process inherits; the tests after it shall not."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def file_of(results: Path, recipe: str, seed: int) -> Path:
    (path,) = results.glob(f"quick/v4/records/{recipe}/tiny/*/seed-{seed}.json")
    return path


def change(results: Path, recipe: str, seed: int, **changes: object) -> Path:
    path = file_of(results, recipe, seed)
    path.write_text(replace(read(path), **changes).to_json(), encoding="utf-8")
    return path


def test_the_same_machine_gives_the_same_bits(results: Path, quick_track: Path, here: Cli, tmp_path: Path) -> None:
    before = content(results)
    done = here("reproduce", "simcse-unsup", "--track", quick_track, "--results", results, "--by", HOSTILE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("bitwise equal  simcse-unsup@tiny:0  weights, 3 scores, all predictions\n")
    assert "The same machine class." in done.stdout
    assert content(results) == before, "neither the record nor anything beside it is touched"
    written = [path for path in (tmp_path / "srlbench-results").rglob("*") if path.is_file()]
    assert [path.name[:7] for path in written] == ["seed-0-"] and str(written[0].relative_to(tmp_path)) in done.stderr
    kept = json.loads(written[0].read_bytes())
    assert kept["verdict"] == "bitwise equal" and kept["who"] == HOSTILE
    assert kept["rerun"]["seed"] == 0 and kept["rerun"]["command"].startswith("srlbench reproduce")

    # Contributed, it counts: in the files, in the terminal and for programs.
    shutil.copytree(tmp_path / "srlbench-results", results, dirs_exist_ok=True)
    shown = here("leaderboard", "--track", quick_track, "--results", results)
    assert "confirmed" in shown.stdout and "1 (1 bitwise)" in shown.stdout
    page = (results / "quick/v4/leaderboard.md").read_text(encoding="utf-8")
    assert "1 (1 bitwise)" in page and "script" not in page
    table = pandas.read_csv(results / "quick/v4/leaderboard.csv").set_index("recipe")
    assert dict(table["confirmed"]) | {"simcse-unsup": 1} == {**dict.fromkeys(table.index, 0), "simcse-unsup": 1}
    rows = json.loads(here("leaderboard", "--track", quick_track, "--results", results, "--json").stdout)
    assert {row["recipe"]: row["confirmed"]["bitwise"] for row in rows if row["seeds"]} == {
        "simcse-unsup": 1, "bag-random": 0
    }  # fmt: skip


def test_without_confirmations_nothing_speaks_of_them(results: Path, quick_track: Path, here: Cli) -> None:
    shown = here("leaderboard", "--track", quick_track, "--results", results)
    assert shown.returncode == 0
    said = here("leaderboard", "--track", quick_track, "--results", results, "--json").stdout
    place = results / "quick/v4"
    for text in (shown.stdout, said, *((place / f"leaderboard.{kind}").read_text() for kind in ("md", "csv"))):
        assert "confirmed" not in text


def test_a_broken_confirmation_is_said_and_not_counted(results: Path, quick_track: Path, here: Cli) -> None:
    place = results / "quick/v4/confirmations/simcse-unsup/tiny"
    place.mkdir(parents=True)
    (place / "notes.txt").write_text("hello", encoding="utf-8")
    shown = here("leaderboard", "--track", quick_track, "--results", results)
    assert shown.returncode == 0 and "notes.txt" in shown.stderr and "confirmed" not in shown.stdout


def test_other_numbers_are_outside(results: Path, quick_track: Path, here: Cli) -> None:
    for seed in (0, 1):
        scores = dict.fromkeys(read(file_of(results, "bag-random", seed)).scores, 1.0 + seed / 100)
        change(results, "bag-random", seed, scores=scores)
    done = here("reproduce", "bag-random:1", "--track", quick_track, "--results", results, "--out", "mine")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("outside  bag-random@tiny:1  the same weights; largest difference")
    assert "STS avg" in done.stdout and "recorded 1.01" in done.stdout
    found, _ = confirmations(results, "quick", 4)
    assert not found and len(list(Path("mine").rglob("*.json"))) == 1


def test_a_record_alone_is_judged_by_its_digits(results: Path, quick_track: Path, here: Cli, tmp_path: Path) -> None:
    record = read(file_of(results, "bag-random", 0))
    (tmp_path / "one.json").write_text(record.to_json(), encoding="utf-8")
    done = here("reproduce", "one.json", "--track", quick_track)
    assert done.returncode == 0 and "3 scores, all predictions" in done.stdout
    scores = {**record.scores, "GenTREC": record.scores["GenTREC"] + 1}
    (tmp_path / "one.json").write_text(replace(record, scores=scores).to_json(), encoding="utf-8")
    done = here("reproduce", "one.json", "--track", quick_track)
    assert done.returncode == 4 and done.stdout.startswith("differs") and "nothing to judge by" in done.stdout


BREAKS = """
from srlbench.recipe import Recipe, Loss, recipe
import os

def sometimes(a, b):
    if os.path.exists({flag!r}):
        raise ZeroDivisionError("not this time")
    return (a - b).square().mean()

@recipe()
def brittle() -> Recipe:
    \"\"\"A loss that depends on the weather.\"\"\"
    return Recipe(data="twins", loss=Loss(sometimes))
"""


def test_a_rerun_that_fails_is_no_verdict(quick_track: Path, here: Cli, tmp_path: Path) -> None:
    flag = tmp_path / "rain"
    (tmp_path / "mine.py").write_text(BREAKS.format(flag=str(flag)), encoding="utf-8")
    where = ("--recipes", "mine.py", "--track", quick_track, "--results", "r")
    assert here("run", "brittle", "--seeds", "0", *where).returncode == 0
    flag.touch()
    done = here("reproduce", "brittle", *where)
    assert done.returncode == 3 and "The rerun of brittle@tiny:0 failed: ZeroDivisionError" in done.stderr
    assert not done.stdout and not (tmp_path / "srlbench-results").exists()


# --- what is refused before anything runs --------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "code", "words"),
    [
        ("simcse-unsop", 2, ["Unknown row 'simcse-unsop'", "Did you mean 'simcse-unsup@tiny'?", "Known:"]),
        ("simcse-unsup@tinny:0", 2, ["Did you mean 'simcse-unsup@tiny'?"]),
        ("simcse-unsup@tiny:9", 2, ["no record of seed 9", "only of 0, 1"]),
        ("simcse-unsup+temperature=1", 2, ["Unknown row"]),
        ("nosuch.json", 2, ["no record file at nosuch.json"]),
        (f"{'x' * 5000}.json", 2, ["no record file"]),
        ("text.json", 2, ["text.json is no record", "not valid JSON"]),
        ("list.json", 2, ["not an srlbench record"]),
        ("failed.json", 4, ["failed when it was recorded"]),
        ("stale.json", 4, ["is stale", "f" * 16]),
        ("threads.json", 4, ["recorded with 7 threads"]),
        ("other.json", 4, ["track small v1", "--track"]),
        ("gone.json", 2, ["Unknown recipe 'gone'"]),
        ("", 2, ["Unknown row ''"]),
    ],
)
def test_what_cannot_be_run_again_is_one_sentence(
    made: Path, quick_track: Path, here: Cli, tmp_path: Path, row: str, code: int, words: list[str]
) -> None:
    record = read(file_of(made, "simcse-unsup", 0))
    odd: dict[str, Record] = {
        "failed": replace(record, status="failed", error={"type": "X", "message": "y"}),
        "stale": replace(record, fingerprint="f" * 16),
        "threads": replace(record, environment={**record.environment, "threads": 7}),
        "other": replace(record, track="small", track_version=1),
        "gone": replace(record, recipe="gone"),
    }
    for name, each in odd.items():
        (tmp_path / f"{name}.json").write_text(each.to_json(), encoding="utf-8")
    (tmp_path / "text.json").write_text("hello", encoding="utf-8")
    (tmp_path / "list.json").write_text("[]", encoding="utf-8")
    done = here("reproduce", row, "--track", quick_track, "--results", made)
    assert done.returncode == code and done.stderr.count("Error:") == 1, done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert not (tmp_path / "srlbench-results").exists()


def test_a_track_without_records_has_nothing_to_reproduce(quick_track: Path, here: Cli) -> None:
    done = here("reproduce", "simcse-unsup", "--track", quick_track)
    assert done.returncode == 4 and "There are no records of track quick v4" in done.stderr


def test_a_place_that_cannot_be_written_is_said_before_the_run(
    made: Path, quick_track: Path, here: Cli, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("a file", encoding="utf-8")
    where = ("--track", quick_track, "--results", made, "--out", "mine/below")
    done = here("reproduce", "bag-random", *where)
    assert done.returncode == 3 and "a file stands" in done.stderr and "again" not in done.stderr


def test_a_name_means_the_current_record_before_a_stale_or_a_failed_one(results: Path, quick_track: Path) -> None:
    rules = tracks.load(str(quick_track))
    now = read(file_of(results, "simcse-unsup", 0))
    for other in (replace(now, fingerprint="0" * 16), replace(now, fingerprint="f" * 16)):
        path = record_path(results, other.key)
        path.parent.mkdir(parents=True)
        path.write_text(other.to_json(), encoding="utf-8")
    for row in ("simcse-unsup", "simcse-unsup@tiny", "simcse-unsup@tiny:0"):
        assert find(row, rules, results, ()).record == now
    file_of_it = record_path(results, now.key)
    assert find(str(file_of_it), rules, None, ()).results == results


# --- what an end in the middle leaves ------------------------------------------------------------


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder with a name that leaves room for a socket's."""
    with tempfile.TemporaryDirectory(prefix="srl-", dir="/tmp") as place:
        yield Path(place)


def started(quick_track: Path, made: Path, cwd: Path, temporary: Path) -> subprocess.Popen[str]:
    """A rerun in the middle of its training."""
    command = [sys.executable, "-m", "srlbench", "reproduce", "simcse-unsup", "--track", str(quick_track)]
    running = subprocess.Popen(
        [*command, "--results", str(made)], cwd=cwd, env={**os.environ, "TMPDIR": str(temporary)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    for _ in range(600):
        if list(temporary.glob(f"{reruns.PREFIX}*/run/lock")):
            return running
        time.sleep(0.1)
    raise AssertionError("the run never began")


def test_an_interrupt_is_one_sentence_and_leaves_nothing(
    quick_track: Path, made: Path, tmp_path: Path, temporary: Path
) -> None:
    before = content(made)
    running = started(quick_track, made, tmp_path, temporary)
    running.send_signal(signal.SIGINT)
    out, said = running.communicate(timeout=60)
    assert running.returncode == 130 and "Interrupted. Nothing was written." in said
    assert "Traceback" not in said and not out
    assert not (tmp_path / "srlbench-results").exists() and content(made) == before
    assert not list(temporary.glob(f"{reruns.PREFIX}*"))


def test_a_kill_leaves_no_result_and_what_it_leaves_is_swept(
    quick_track: Path, made: Path, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(made)
    running = started(quick_track, made, tmp_path, temporary)
    running.kill()
    running.communicate(timeout=60)
    assert not (tmp_path / "srlbench-results").exists() and content(made) == before
    (left,) = temporary.glob(f"{reruns.PREFIX}*")
    monkeypatch.setattr(tempfile, "tempdir", str(left.parent))
    reruns._sweep()
    assert left.is_dir(), "it may be one that is about to begin"
    os.utime(left, (0, 0))
    for _ in range(300):  # its run notices at its next word that nobody listens
        reruns._sweep()
        if not left.exists():
            return
        time.sleep(0.1)
    raise AssertionError("it was not swept")


# --- the published reference ---------------------------------------------------------------------


@pytest.mark.parametrize("row", ["bag-random", pytest.param("simcse-unsup@tiny:0", marks=pytest.mark.slow)])
def test_a_published_record_is_reproduced(here: Cli, row: str) -> None:
    recorded = find(row, tracks.load("embedded"), None, ()).record
    done = here("reproduce", row)
    theirs, ours = ((machine_class(each), each["packages"]) for each in (recorded.environment, environment()))
    if theirs == ours:
        assert done.returncode == 0 and done.stdout.startswith("bitwise equal"), done.stdout + done.stderr
    else:  # other last digits, perhaps, but not another result
        assert done.returncode == 0, done.stdout + done.stderr
