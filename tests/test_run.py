"""Whole suites on a quick track: the same digits however they are run, and no harm from what goes wrong."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli, Take

from srlbench import shared
from srlbench.evaluation import scores
from srlbench.evaluation.similarity import aggregates
from srlbench.records import Record, scan
from srlbench.records.files import locked

RECIPES = ("bag-random", "simcse-unsup", "simcse-sup")
BAD = '''
from srlbench.recipe import Loss, Recipe, recipe

def nan(a, b):
    return (a - b).sum() * float("nan")

def broken(a, b):
    raise ZeroDivisionError("a bug in the loss")

@recipe()
def bad_nan() -> Recipe:
    """A loss that is not a number."""
    return Recipe(data="twins", loss=Loss(nan))

@recipe()
def bad_bug() -> Recipe:
    """A loss that raises."""
    return Recipe(data="twins", loss=Loss(broken))

def death(a, b):
    import os, signal
    os.kill(os.getpid(), signal.SIGKILL)

@recipe()
def bad_death() -> Recipe:
    """A loss that takes the whole process with it."""
    return Recipe(data="twins", loss=Loss(death))
'''


def found(results: Path) -> dict[tuple[str, int], Record]:
    held = scan(results, "quick", 4)
    assert not held.problems
    return {(record.recipe, record.seed): record for record in held.records}


def digits(results: Path) -> dict[tuple[str, int], tuple[str | None, dict[str, float]]]:
    return {key: (record.weights_sha256, record.scores) for key, record in found(results).items()}


@pytest.fixture(scope="module")
def first(take: Take, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recipes, two seeds, made two at a time."""
    return take(tmp_path_factory.mktemp("first") / "results", *RECIPES, kept=True)


def test_every_run_is_recorded_whole(first: Path, trained: Path) -> None:
    records = found(first)
    assert set(records) == {(recipe, seed) for recipe in RECIPES for seed in (0, 1)}
    one = records["simcse-unsup", 0]
    assert set(one.scores) == {"GenSTSB", "GenSTS13", "GenTREC"}
    assert {result["task_name"] for result in one.results} == set(one.scores)
    assert one.environment["packages"]["torch"] and one.command.startswith("srlbench run")
    assert one.diagnostics["pairs"]["uniformity"] < 0 < one.diagnostics["pairs"]["alignment"]
    assert one.training["steps"] == 8 and one.timings["total_s"] > 0 and one.peak_memory_mb
    place = first / "quick" / "v4"
    assert len(list(place.glob("predictions/*/tiny/*/seed-*.npz"))) == 6
    place = trained / "quick" / "v4"
    assert not list(place.glob("work/*/tiny/*/seed-*")), "finished runs leave no work behind"
    assert (place / "leaderboard.md").is_file() and (place / "leaderboard.csv").is_file()


def test_seeds_differ_in_weights_and_scores(first: Path) -> None:
    made = digits(first)
    for recipe in RECIPES:
        assert made[recipe, 0][0] != made[recipe, 1][0]
        assert made[recipe, 0][1] != made[recipe, 1][1]


def test_a_second_run_does_nothing_and_says_so(first: Path, quick_track: Path, here: Cli) -> None:
    start = time.perf_counter()
    done = here("run", *RECIPES, "--track", quick_track, "--seeds", "0-1", "--results", first)
    assert done.returncode == 0 and "Nothing to do: all 6 runs" in done.stderr
    assert time.perf_counter() - start < 5


def test_alone_and_one_at_a_time_gives_the_same_digits(
    first: Path, quick_track: Path, here: Cli, tmp_path: Path
) -> None:
    done = here("run", "simcse-unsup", "--track", quick_track, "--seeds", "1", "--jobs", "1", "--results", "again")
    assert done.returncode == 0, done.stderr
    assert digits(tmp_path / "again")["simcse-unsup", 1] == digits(first)["simcse-unsup", 1]


def test_text_that_is_not_as_pinned_is_one_sentence_in_a_record(quick_track: Path, here: Cli, tmp_path: Path) -> None:
    shutil.copy(quick_track.with_name("quick-protocol.toml"), tmp_path)
    rules = re.sub(r"(\[text.twins\][^\[]*sha256 = \")..", r"\g<1>zz", quick_track.read_text())
    (tmp_path / "other.toml").write_text(rules)
    done = here("run", "simcse-unsup", "--track", tmp_path / "other.toml", "--seeds", "0", "--results", "r")
    assert done.returncode == 3 and "it was changed" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("by_name", [True, False])
def test_a_kept_encoder_scores_what_its_record_says(
    first: Path, quick_track: Path, here: Cli, tmp_path: Path, by_name: bool
) -> None:
    (folder,) = (first / "quick" / "v4" / "encoders" / "simcse-sup" / "tiny").glob("*/seed-0")
    which = "simcse-sup@tiny:0" if by_name else folder
    protocol = quick_track.with_name("quick-protocol.toml")
    done = here(
        "evaluate", which, "--protocol", protocol, "--results", first, "--out", "mine.json", "--out", "mine.csv"
    )
    assert done.returncode == 0, done.stderr
    (mine,) = scores.from_json(tmp_path / "mine.json")
    assert mine.scores == pytest.approx(found(first)["simcse-sup", 0].scores, abs=1e-9)
    assert mine.averages == pytest.approx({
        "sts": (mine.scores["GenSTSB"] + mine.scores["GenSTS13"]) / 2, "transfer": mine.scores["GenTREC"]
    })  # fmt: skip
    assert (tmp_path / "mine.csv").read_text().startswith("model,protocol,probe,GenSTS13,GenSTSB,GenTREC,sts_avg")
    with np.load(tmp_path / "mine.npz") as saved:
        key = "generated/GenSTSB"
        again = aggregates(saved[key], saved[f"{key}:gold"], saved[f"{key}:subset"])
    assert {name: mine.detail["GenSTSB"][name] for name in again} == again


def test_a_name_that_fits_two_runs_is_refused(first: Path, here: Cli) -> None:
    done = here("evaluate", "simcse-sup", "--results", first)
    assert done.returncode == 2 and "is 2 encoders: simcse-sup@tiny:0, simcse-sup@tiny:1" in done.stderr


def test_dry_run_tells_done_from_to_do(first: Path, quick_track: Path, here: Cli) -> None:
    done = here("run", *RECIPES, "--track", quick_track, "--seeds", "0-2", "--results", first, "--dry-run")
    assert "9 runs, 3 to make" in done.stdout
    assert not (first / "quick" / "v4" / "work").exists() or "to do" in done.stdout


def test_bad_recipes_fail_alone(first: Path, quick_track: Path, here: Cli, tmp_path: Path) -> None:
    shutil.copytree(first, tmp_path / "results")
    (tmp_path / "bad.py").write_text(BAD, encoding="utf-8")
    args = ("bad-nan", "bad-bug", "bad-death", "bag-random", "--recipes", "bad.py", "--track", quick_track)
    done = here("run", *args, "--seeds", "0", "--results", "results")
    assert done.returncode == 3 and "Traceback" not in done.stderr
    assert "the loss became nan at step 1" in done.stderr
    assert "ZeroDivisionError: a bug in the loss" in done.stderr
    assert "ended by SIGKILL" in done.stderr
    records = found(tmp_path / "results")
    assert {records[name, 0].status for name in ("bad-nan", "bad-bug", "bad-death")} == {"failed"}
    assert "Traceback" in (records["bad-bug", 0].error or {})["traceback"]
    kept = {key: value for key, value in digits(tmp_path / "results").items() if not key[0].startswith("bad")}
    assert kept == digits(first)


def test_a_corrupt_record_is_said_kept_and_made_again(
    first: Path, quick_track: Path, here: Cli, tmp_path: Path
) -> None:
    shutil.copytree(first, tmp_path / "results")
    (path,) = (tmp_path / "results").glob("quick/v4/records/bag-random/tiny/*/seed-0.json")
    path.write_text(path.read_text(encoding="utf-8")[:200], encoding="utf-8")
    told = here("leaderboard", "--track", quick_track, "--results", "results")
    assert told.returncode == 0 and "seed-0.json" in told.stderr and "cut short" in told.stderr
    done = here("run", "bag-random", "--track", quick_track, "--seeds", "0-1", "--results", "results")
    assert done.returncode == 0
    assert digits(tmp_path / "results") == digits(first)
    assert path.with_name("seed-0.json.unreadable").is_file()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_is_one_sentence_and_harms_no_record(
    first: Path, quick_track: Path, here: Cli, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", small], capture_output=True)
    if mounted.returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        args = ("run", "bag-random", "--track", quick_track, "--seeds", "0-1", "--results", small)
        assert here(*args).returncode == 0
        free = shutil.disk_usage(small).free
        (small / "ballast").write_bytes(b"x" * (free - 2048))
        done = here("run", "bag-random", "--track", quick_track, "--seeds", "2", "--results", small)
        assert done.returncode == 3 and "disk is full" in done.stderr and "Traceback" not in done.stderr
        held = {key: value for key, value in digits(small).items() if key[1] < 2}
        assert held == {key: value for key, value in digits(first).items() if key[0] == "bag-random"}
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_temporary_folder_with_a_long_name_changes_no_digit(
    first: Path, quick_track: Path, cli: Cli, tmp_path: Path
) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    command = ["run", "bag-random", "--seeds", "0", "--track", quick_track, "--results", tmp_path / "out"]
    done = cli(*command, env={"TMPDIR": str(deep)})
    assert done.returncode == 0, done.stderr
    assert digits(tmp_path / "out").items() <= digits(first).items()


def test_an_interrupt_is_one_sentence_and_leaves_a_table(quick_track: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "srlbench", "run", "bag-random", "simcse-unsup", "--seeds", "0-19", "--jobs", "1"]
    args = [*command, "--track", str(quick_track), "--results", str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(args, text=True, **pipes) as started:
        assert started.stderr and started.stdout
        lines = []
        for line in started.stderr:
            lines.append(line)
            if "So far: 2 rows" in line:  # the table of the first seed
                break
        started.send_signal(signal.SIGINT)
        shown, said = started.stdout.read(), started.stderr.read()
    assert started.returncode == 130
    assert "Interrupted" in said and "Traceback" not in said
    assert [line.split()[1] for line in lines[1:3]] == ["bag-random", "simcse-unsup"]
    assert {record.seed for record in found(tmp_path).values()} == {0}, "all recipes come before a second seed"
    assert "bag-random" in shown and (tmp_path / "quick" / "v4" / "leaderboard.md").is_file()


def test_what_an_earlier_run_made_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, Any] = {}
    monkeypatch.setattr(shared, "known", {})
    monkeypatch.setattr(shared, "_tell", told.__setitem__)
    made = []

    def make() -> list[int]:
        made.append(1)
        return [1]

    texts = ["a sentence"]
    assert shared.once("x", make, texts) is shared.once("x", make, texts) and len(made) == 1
    for other in (("y", make, texts), ("x", make, ["another"]), ("x", make, texts, None, 32)):
        shared.once(*other)
    assert len(made) == 4 and told == shared.known


def kill_and_resume(quick_track: Path, results: Path, after: float) -> None:
    """A suite killed without warning, driver first, then run again."""
    command = [
        sys.executable,
        "-m",
        "srlbench",
        "run",
        "simcse-unsup",
        "simcse-sup",
        "--seeds",
        "0",
        "--jobs",
        "2",
    ]
    args = [*command, "--track", str(quick_track), "--results", str(results)]
    victim = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    time.sleep(after)
    if random.random() < 0.5:
        os.killpg(victim.pid, signal.SIGKILL)  # everything at once, as when a machine dies
    else:
        os.kill(victim.pid, signal.SIGKILL)  # the driver alone: its runs must notice
    victim.wait()
    again = subprocess.run(args, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr


def test_killed_and_resumed_gives_the_same_digits(first: Path, quick_track: Path, tmp_path: Path) -> None:
    kill_and_resume(quick_track, tmp_path / "results", after=12)
    wanted = {key: value for key, value in digits(first).items() if key[1] == 0 and key[0] != "bag-random"}
    assert digits(tmp_path / "results") == wanted


@pytest.mark.slow
def test_killed_at_twenty_random_moments(first: Path, quick_track: Path, tmp_path: Path) -> None:
    wanted = {key: value for key, value in digits(first).items() if key[1] == 0 and key[0] != "bag-random"}
    random.seed(0)
    for turn in range(20):
        results = tmp_path / str(turn)
        kill_and_resume(quick_track, results, after=random.uniform(2, 25))
        assert digits(results) == wanted, f"turn {turn}"


def test_work_that_a_kill_left_of_a_recorded_run_is_removed(
    here: Cli, take: Take, quick_track: Path, tmp_path: Path
) -> None:
    results = take(tmp_path / "results", "bag-random")
    left = []
    for path in results.glob("quick/v4/records/*/*/*/seed-*.json"):
        left.append(results / "quick/v4/work" / path.relative_to(results / "quick/v4/records").with_suffix(""))
        left[-1].mkdir(parents=True)
        (left[-1] / "lock").touch()
        (left[-1] / "half").touch()
    words = ("run", "bag-random", "--track", quick_track, "--seeds", "0-1", "--results", results)
    assert here(*words, "--dry-run").returncode == 0 and all(work.is_dir() for work in left)
    with locked(left[0] / "lock"):
        assert here(*words).returncode == 0
    assert len(left) == 2 and [work.is_dir() for work in left] == [True, False]
