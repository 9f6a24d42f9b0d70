"""A search by a sampler: the same points for one seed, few digits, and no trial twice, however often it is killed."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli

from srlbench import records, registry, tracks
from srlbench.errors import UsageError
from srlbench.records import Record
from srlbench.runs import sampler
from srlbench.runs.plan import Options, Plan
from srlbench.runs.sampler import Axis, Sampling, Study
from srlbench.tracks import Track

SEARCH = """
[search]
seed = 100

[search.tiny]
lr = [1e-4, 1e-2]
word_dropout = [0.1, 0.8]
"""


@pytest.fixture
def rules(quick_track: Path, tmp_path: Path) -> Path:
    """The quick track with a search."""
    for path in quick_track.parent.glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    path = tmp_path / quick_track.name
    path.write_text(
        path.read_text(encoding="utf-8").replace("[text.twins]", f"{SEARCH}\n[text.twins]"), encoding="utf-8"
    )
    return path


# --- without Optuna -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("axis", "value", "short"),
    [
        (Axis((1e-4, 1e-2), True), 0.00123456, 0.0012),
        (Axis((1e-4, 1e-2), True), 0.0099999, 0.01),
        (Axis((0.104, 0.8)), 0.1041, 0.104),
        (Axis((0.1, 0.849)), 0.8489, 0.849),
        (Axis((10, 400)), 156, 160),
        (Axis((10, 404)), 403, 400),
        (Axis(("cls", "mean")), "cls", "cls"),
        (Axis((True, False)), True, True),
    ],
)
def test_a_point_has_two_digits_and_stays_in_its_range(axis: Axis, value: Any, short: Any) -> None:
    assert axis.rounded(value) == short and type(axis.rounded(value)) is type(value)


def test_the_grid_of_the_track_spans_the_space() -> None:
    space = sampler.space(tracks.load("small"), "static")
    assert {key: (*axis.ends, axis.log) for key, axis in space.items()} == {
        "lr": (1e-3, 1e-2, True), "word_dropout": (0.1, 0.8, False),
    }  # fmt: skip
    assert [str(axis) for axis in space.values()] == ["0.001 to 0.01 (logarithmic)", "0.1 to 0.8"]
    with pytest.raises(UsageError, match="declares no search for the backbone 'tiny'"):
        sampler.space(tracks.load("small"), "tiny")
    with pytest.raises(UsageError, match="declares no search: its recipes"):
        sampler.space(tracks.load("embedded"), "tiny")


def test_what_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, here: Cli) -> None:
    with pytest.raises(UsageError, match=r"Unknown sampler 'tpa'\. Did you mean 'tpe'"):
        sampler.check("tpa")
    monkeypatch.setattr(sampler, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=re.escape("needs Optuna: pip install 'srlbench[optuna]'")):
        sampler.check("tpe")
    sampler.check("grid")
    done = here("tune", "simcse-unsup", "--trials", "5")
    assert done.returncode == 2 and "add --sampler tpe" in done.stderr


# --- with it --------------------------------------------------------------------------------------


@pytest.fixture
def optuna() -> None:
    pytest.importorskip("optuna", reason="optuna is not installed")


def score(name: str) -> float | None:
    """A development score with its best at lr 0.002 and word_dropout 0.6; low rates fail."""
    lr, dropout = (float(value) for value in re.findall(r"=([^,]+)", name))
    return None if lr < 2e-4 else 60 - 4 * abs(math.log10(lr / 0.002)) - 20 * (dropout - 0.6) ** 2


def make(planned: Plan, made: list[str]) -> int:
    """Record the missing runs of a plan, with scores from a formula."""
    failed = 0
    for run in planned.missing:
        key, value = run.key, score(run.key.recipe)
        content: dict[str, Any] = {
            "track": key.track, "track_version": key.version, "protocol": planned.track.protocol.label,
            "recipe": key.recipe, "backbone": key.backbone, "seed": key.seed, "fingerprint": key.fingerprint,
            "command": planned.options.command,
        }  # fmt: skip
        if value is None:
            content |= {"status": "failed", "error": {"type": "Diverged", "message": "the loss is nan"}}
        else:
            content |= {"status": "ok", "scores": {planned.track.development: value}}
        records.write(planned.results, Record(**content))
        made.append(key.recipe)
        failed += value is None
    return failed


class Killed(Exception):
    pass


def search(
    track: Track, results: Path, sampling: Sampling, kill_after: int | None = None, recipes: str = "simcse-unsup mhs"
) -> tuple[list[Study], list[str]]:
    """A search with made-up runs: its studies, and the runs that were made."""
    made: list[str] = []
    studies = sampler.studies([registry.known(name) for name in recipes.split()], track, ["tiny"], sampling)
    for _, planned in sampler.rounds(studies, track, Options(results), sampling):
        assert {run.key.seed for run in planned.runs} == {100} and not planned.scored
        if kill_after is not None and len(made) >= kill_after:
            part = replace(planned, runs=planned.runs[:1])  # killed in the middle of a round
            make(part, made)
            raise Killed
        make(planned, made)
    return studies, made


@pytest.mark.usefixtures("optuna")
def test_one_seed_asks_for_the_same_points_and_finds_better_ones(rules: Path, tmp_path: Path) -> None:
    track = tracks.read(rules)
    (one, other), made = search(track, tmp_path / "a", Sampling(24, 7))
    (again, _), _ = search(track, tmp_path / "b", Sampling(24, 7))
    (alone,), _ = search(track, tmp_path / "c", Sampling(24, 7), recipes="simcse-unsup")
    (shorter,), _ = search(track, tmp_path / "d", Sampling(12, 7), recipes="simcse-unsup")
    assert one.trials == again.trials == alone.trials and shorter.trials == one.trials[:12]
    assert [point for point, _ in one.trials[:10]] == [point for point, _ in other.trials[:10]]  # before scores count
    assert [point for point, _ in search(track, tmp_path / "e", Sampling(3, 8))[0][0].trials] != [
        point for point, _ in one.trials[:3]
    ]
    assert len(made) <= 48 and {name.partition("+")[0] for name in made} == {"simcse-unsup", "mhs"}
    for point, value in one.trials:
        assert 1e-4 <= point["lr"] <= 1e-2 and 0.1 <= point["word_dropout"] <= 0.8
        assert all(number == float(f"{number:.2g}") for number in point.values())
        name = f"simcse-unsup+lr={point['lr']:g},word_dropout={point['word_dropout']:g}"
        assert value == score(name)
    good = [value or 0.0 for _, value in one.trials]
    assert max(good[10:]) >= max(good[:10]) and sum(good[12:]) / 12 > sum(good[:10]) / 10
    assert any(value is None for _, value in one.trials)  # a run that failed is no score, and stops nothing


@pytest.mark.usefixtures("optuna")
@pytest.mark.parametrize("kill_after", [0, 1, 7, 16])
def test_a_killed_search_goes_on_where_it_was(rules: Path, tmp_path: Path, kill_after: int) -> None:
    track, sampling = tracks.read(rules), Sampling(14, 0)
    whole, made = search(track, tmp_path / "whole", sampling)
    with pytest.raises(Killed):
        search(track, tmp_path / "killed", sampling, kill_after)
    before = {path: path.read_bytes() for path in (tmp_path / "killed").rglob("seed-100.json")}
    resumed, later = search(track, tmp_path / "killed", sampling)
    assert [study.trials for study in resumed] == [study.trials for study in whole]
    kept = {records.read(path).recipe for path in before}
    assert not kept & set(later) and {*later} | kept == {*made}
    assert all(path.read_bytes() == content for path, content in before.items())
    # Another time there is nothing to make but what fails each time.
    assert all(score(name) is None for name in search(track, tmp_path / "killed", sampling)[1])


@pytest.mark.usefixtures("optuna")
def test_the_verb_searches_and_writes_a_page(
    rules: Path, here: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr("srlbench.cli.searches.make", lambda plan, choice, dry_run, json: make(plan, made))
    line = ["tune", "simcse-unsup", "--track", rules, "--results", "found", "--sampler", "tpe", "--trials", "12"]
    done = here(*line)
    failed = sum(score(name) is None for name in made)
    assert done.returncode == (3 if failed else 0), done.stderr
    page = (tmp_path / "found" / "quick" / "v4" / "searches" / "simcse-unsup@tiny-tpe.md").read_text(encoding="utf-8")
    assert re.search(r"Sampler: TPE of optuna [\d.]+, seed 0, 12 trials, within", page)
    assert "lr 0.0001 to 0.01 (logarithmic); word_dropout 0.1 to 0.8" in page
    rows = [line for line in page.splitlines() if re.match(r"\| \d", line)]
    best = max((name for name in made if score(name)), key=lambda name: score(name) or 0)
    assert len(rows) == 12 and f"**{score(best):.2f}**" in page and f"`{best}@tiny`" in page
    assert page.count("failed") == failed
    found = records.scan(tmp_path / "found" / "search", "quick", 4).records
    assert {record.command.partition(" --track")[2].endswith("--trials 12 --seed 0") for record in found} == {True}
    assert "| trial" not in done.stdout and "Trial 12 of 12:" in done.stderr and "trial" in done.stdout
    named = here("tune", "--track", rules, "--sampler", "tpe")
    assert named.returncode == 2 and "name one or more" in named.stderr
    assert not (tmp_path / "found" / "quick" / "v4" / "search.md").exists()


@pytest.mark.usefixtures("optuna")
def test_a_dry_run_shows_the_first_round(rules: Path, here: Cli) -> None:
    line = ["tune", "simcse-unsup", "--track", rules, "--sampler", "tpe", "--trials", "3", "--seed", "1", "--dry-run"]
    done = here(*line)
    assert done.returncode == 0 and "Trial 1 of 3:" in done.stderr and "1 to make" in done.stdout, done.stderr
    assert "simcse-unsup+lr=" in done.stdout
