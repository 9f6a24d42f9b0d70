"""A run that is killed at each replace, fsync and rmtree in turn, and drivers that race: nothing is lost, all is equal.

These tests take minutes: `tox -e attack`. That they can fail is tested with two bugs that are planted.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from srlbench import records
from srlbench.records import predictions_path

PLANTED = Path(__file__).with_name("planted")
RECIPES = ("bag-random", "simcse-unsup")
pytestmark = pytest.mark.slow


def start(results: Path, track: Path, log: Path, at: int = 0, plant: str = "", jobs: int = 1) -> subprocess.Popen[str]:
    """A driver in a process group of its own, which the planted module counts, kills or spoils."""
    path = os.pathsep.join(filter(None, [str(PLANTED), os.environ.get("PYTHONPATH", "")]))
    mine = {"SRLBENCH_KILL_LOG": str(log), "SRLBENCH_KILL_AT": str(at), "SRLBENCH_PLANT": plant, "PYTHONPATH": path}
    words = ["run", *RECIPES, "--track", track, "--seeds", "0", "--results", results, "--jobs", jobs]
    return subprocess.Popen(
        [sys.executable, "-m", "srlbench", *map(str, words)],
        env={**os.environ, "CI": "true", **mine},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run(*args: object, **options: object) -> tuple[int, str]:
    done = start(*args, **options)  # type: ignore[arg-type]
    said, _ = done.communicate(timeout=300)
    return done.returncode, said


def digits(results: Path) -> dict[str, object]:
    """What must be equal of each run: weights, scores, predictions."""
    found = records.scan(results, "quick", 4)
    assert not found.problems, found.problems
    return {r.recipe: (r.weights_sha256, r.scores, r.predictions_sha256) for r in found.records if r.status == "ok"}


def faults(results: Path) -> list[str]:
    """What no moment may show: a record that is damaged or failed, or an ok one without its predictions."""
    found = records.scan(results, "quick", 4)
    bad = [str(problem) for problem in found.problems]
    for record in found.records:
        if record.status != "ok":
            bad.append(f"{record.recipe} {record.status}")
        elif not predictions_path(results, record.key).is_file():
            bad.append(f"{record.recipe} has no predictions")
    return bad


def litter(results: Path) -> list[Path]:
    """What a whole run must not leave: files of the work on a run. Hidden temporary files are swept after an hour."""
    return [path for path in results.glob("*/*/work/**/*") if path.is_file() and path.name != "lock"]


def points(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def whole(quick_track: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], list[str]]:
    """An unbroken run: its digits, and every point at which a run can be killed."""
    folder = tmp_path_factory.mktemp("whole")
    code, said = run(folder / "results", quick_track, folder / "log")
    assert code == 0, said
    assert not litter(folder / "results")
    return digits(folder / "results"), points(folder / "log")


def killed(at: int, track: Path, place: Path, plant: str = "") -> tuple[list[str], Path]:
    """Kill a run at a point; return the faults that are to be seen then, and its results folder."""
    results = place / f"results-{at}"
    code, said = run(results, track, place / f"log-{at}", at, plant)
    assert code == -signal.SIGKILL, said
    return faults(results), results


def test_a_run_that_is_killed_anywhere_goes_on_to_the_same_bits(
    whole: tuple[dict[str, object], list[str]], quick_track: Path, tmp_path: Path
) -> None:
    expected, every = whole
    kinds = {point.split()[0] for point in every}
    assert kinds == {"replace", "fsync", "rmtree"} and len(every) >= 10
    for at in range(1, len(every) + 1):
        seen, results = killed(at, quick_track, tmp_path)
        assert not seen, (at, every[at - 1], seen)
        code, said = run(results, quick_track, tmp_path / f"again-{at}")
        assert code == 0, (at, every[at - 1], said)
        assert digits(results) == expected, (at, every[at - 1])
        assert not litter(results), (at, every[at - 1], litter(results))


def test_a_disk_that_is_full_at_any_point_costs_one_sentence(
    whole: tuple[dict[str, object], list[str]], quick_track: Path, tmp_path: Path
) -> None:
    expected, every = whole
    for at in range(1, len(every) + 1):
        results = tmp_path / f"results-{at}"
        code, said = run(results, quick_track, tmp_path / f"log-{at}", at, "full")
        assert code in (0, 2, 3) and "Traceback" not in said and "This is a bug" not in said, (at, every[at - 1], said)
        seen = [fault for fault in faults(results) if not fault.endswith(" failed")]
        assert not seen, (at, every[at - 1], seen)
        code, said = run(results, quick_track, tmp_path / f"again-{at}")
        assert (code, digits(results)) == (0, expected), (at, every[at - 1], said)


def test_the_harness_finds_a_record_that_is_written_before_its_predictions(
    whole: tuple[dict[str, object], list[str]], quick_track: Path, tmp_path: Path
) -> None:
    _, every = whole
    near = [at for at, point in enumerate(every, 1) if point.endswith((".npz", ".json")) and "seed-0" in point]
    seen = [fault for at in near for fault in killed(at, quick_track, tmp_path, "order")[0]]
    assert any("has no predictions" in fault for fault in seen)


def race(drivers: int, track: Path, place: Path, plant: str = "") -> tuple[set[int], list[str]]:
    """Drivers that start together on one folder, under readers: their exit codes, and the faults that were seen."""
    results = place / "results"
    started = [start(results, track, place / f"log-{n}", plant=plant) for n in range(drivers)]
    seen: list[str] = []
    while any(each.poll() is None for each in started):
        for verb in ("leaderboard", "check"):
            words = [sys.executable, "-m", "srlbench", verb, "--track", str(track), "--results", str(results)]
            done = subprocess.run(words, capture_output=True, text=True, timeout=300)
            if done.returncode not in (0, 2, 4) or "Traceback" in done.stderr:
                seen.append(done.stderr)
        seen += faults(results)
    for each in started:
        each.communicate()
    return {each.returncode for each in started}, [*seen, *map(str, litter(results))]


@pytest.mark.parametrize("drivers", [2, 4])
def test_drivers_that_race_give_what_one_gives(
    drivers: int, whole: tuple[dict[str, object], list[str]], quick_track: Path, tmp_path: Path
) -> None:
    assert race(drivers, quick_track, tmp_path) == ({0}, [])
    assert digits(tmp_path / "results") == whole[0]


def test_the_harness_finds_a_record_that_is_written_in_place(quick_track: Path, tmp_path: Path) -> None:
    _, seen = race(2, quick_track, tmp_path, "torn")
    assert any("not valid JSON" in fault for fault in seen)
