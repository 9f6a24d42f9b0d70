"""Sides of a comparison: recipes, runs and results folders, from the published records of the embedded track."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli

import srlbench
from srlbench import records, tracks
from srlbench.analysis.compare import Compared, compare, every_pair
from srlbench.analysis.results import Results
from srlbench.errors import SrlbenchError, UsageError
from srlbench.records import Record, track_folder
from srlbench.tracks import Track

RESULTS = Path(srlbench.__file__).parent.parent / "results"
RULES = tracks.load("embedded")
if not track_folder(RESULTS, RULES.name, RULES.version).is_dir():
    pytest.skip("not in a clone: there are no published results", allow_module_level=True)
SEEDS = range(5)  # as published
KEPT = ("simcse-unsup", "simcse-sup", "untrained-cls", RULES.control)


def folder(results: Path, rules: Track) -> Path:
    return track_folder(results, rules.name, rules.version)


def compared(*sides: str, margin: float = 0.1) -> Compared:
    return compare(Results(RESULTS, RULES), sides, margin)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with a few recipes."""
    place = tmp_path_factory.mktemp("results")
    for kind in ("records", "predictions"):
        for name in KEPT:
            shutil.copytree(folder(RESULTS, RULES) / kind / name, folder(place, RULES) / kind / name)
    return place


@pytest.fixture
def other(small: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small, tmp_path / "other"))


def record(results: Path, recipe: str, seed: int = 0) -> Record:
    found = records.scan(results, RULES.name, RULES.version).records
    return next(each for each in found if (each.recipe, each.seed) == (recipe, seed))


def test_two_recipes_are_compared_on_averages_and_tasks() -> None:
    contest = compared("simcse-sup", "simcse-unsup")
    assert [each.name for each in contest.comparisons][:2] == ["sts_avg", "GenSTS12"] and len(contest.comparisons) == 16
    mine = [record(RESULTS, "simcse-sup", seed).scores["GenSTS12"] for seed in SEEDS]
    assert contest.comparisons[1].a.mean == pytest.approx(sum(mine) / len(mine), abs=1e-9)  # what the records say
    assert contest.comparisons[0].word == "better"
    back = compared("simcse-unsup@tiny", "simcse-sup@tiny")
    assert back.comparisons[0].difference.value == pytest.approx(-contest.comparisons[0].difference.value)


def test_one_pair_says_its_interval_and_word_itself() -> None:
    pytest.importorskip("pandas")
    one = compared("simcse-sup", "simcse-unsup")
    first = one.comparisons[0]
    assert (one.interval, one.difference, one.p, one.word) == (
        first.interval,
        first.difference.value,
        first.p,
        "better",
    )
    frame = one.to_pandas()
    assert len(frame) == 16 and frame["difference"][0] == one.difference and frame["system_score_n"][0] == 5
    for text in (one.to_markdown(), one._repr_html_(), one.to_latex()):
        assert f"{one.difference:+.2f}" in text and "GenSTS12" in text
    with pytest.raises(UsageError, match="These are 2 comparisons on sts_avg"):
        assert compared("modified-mhe").interval


def test_every_pair_is_compared_as_it_is_alone(small: Path) -> None:
    usual, pairs = every_pair(Results(small, RULES))
    assert {each.against for each in usual.comparisons} == {f"{RULES.control}@tiny"}
    assert len(pairs) == 2 * 6  # of four systems, on two averages
    alone = compare(Results(small, RULES), ["simcse-sup", "simcse-unsup"]).comparisons
    (mine,) = (
        each
        for each in pairs
        if each.name == "sts_avg" and {each.system, each.against} == {"simcse-sup@tiny", "simcse-unsup@tiny"}
    )
    mine = mine if mine.system == "simcse-sup@tiny" else mine.turned
    assert (mine.interval, mine.p, mine.word) == (alone[0].interval, alone[0].p, alone[0].word)


def test_a_run_is_named_by_its_seed_or_its_file() -> None:
    key = record(RESULTS, "simcse-sup", 1).key
    by_file = compared(str(records.record_path(RESULTS, key)), "simcse-unsup:1")
    by_seed = compared("simcse-sup:1", "simcse-unsup@tiny:1")
    assert by_file.comparisons[0].difference == by_seed.comparisons[0].difference
    assert (
        by_seed.comparisons[0].a.n == 1 and by_seed.comparisons[0].word == "better"
    )  # these encoders are what was asked about
    assert {each.word for each in compared("simcse-sup:1", "simcse-unsup").comparisons} == {"one seed"}


def test_one_recipe_is_compared_with_the_control_and_what_it_is_a_version_of() -> None:
    found = {(each.system, each.against) for each in compared("modified-mhe").comparisons}
    assert found == {("modified-mhe", RULES.control), ("modified-mhe", "mhe")}


def test_a_folder_is_level_with_its_copy(small: Path, other: Path) -> None:
    contest = compared(str(small), str(other))
    assert len(contest.comparisons) == len(KEPT) * 16 and contest.unmeasured == ()
    assert {(each.word, each.difference.value) for each in contest.comparisons} == {("within noise", 0.0)}


def test_folders_differ_in_what_fell_failed_and_is_missing(small: Path, other: Path) -> None:
    for seed in SEEDS:  # simcse-sup now answers as the untrained encoder did
        mine, theirs = (records.predictions_path(other, record(other, name, seed).key) for name in KEPT[1:3])
        shutil.copyfile(theirs, mine)
    for seed in SEEDS:
        there = record(other, "simcse-unsup", seed)
        records.record_path(other, there.key).unlink()
        broken = {"status": "failed", "scores": {}, "error": {"type": "ValueError", "message": "<script>|"}}
        records.write(other, Record(**{**vars(there), **broken}))
    shutil.rmtree(folder(other, RULES) / "records" / RULES.control)
    contest = compared(str(other), str(small))
    words = {each.system.partition("@")[0]: each.word for each in contest.comparisons if each.name == "sts_avg"}
    assert words == {"simcse-sup": "worse", "untrained-cls": "within noise"}
    rest = {each.name.partition("@")[0]: each.word for each in contest.unmeasured}
    assert rest == {"simcse-unsup": "newly failing", RULES.control: "not comparable"}
    turned = {each.name.partition("@")[0]: each.word for each in compared(str(small), str(other)).unmeasured}
    assert turned["simcse-unsup"] == "newly fixed"


@pytest.mark.parametrize(
    ("sides", "said"),
    [
        (["simcse-supp", "mhe"], "Did you mean 'simcse-sup'"),
        (["a", "b", "c"], "Two are compared at a time"),
        (["simcse-sup", "simcse-sup"], "one and the same"),
        (["simcse-sup:77", "mhe"], "no fresh record of simcse-sup:77"),
        ([str(RESULTS), "mhe"], "is a results folder: compare it with another one"),
        ([str(RESULTS), "/tmp"], "There are no records of track embedded"),
        (["nosuch.json", "mhe"], "Cannot read nosuch.json"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(sides: list[str], said: str) -> None:
    with pytest.raises((UsageError, SrlbenchError), match=said):
        compared(*sides)


def test_a_record_out_of_its_place_or_of_another_track_is_refused(tmp_path: Path) -> None:
    there = records.record_path(RESULTS, record(RESULTS, "simcse-sup").key)
    stray = Path(shutil.copyfile(there, tmp_path / "stray.json"))
    with pytest.raises(UsageError, match="is no record of a good run in its place"):
        compared(str(stray), "mhe")
    with pytest.raises(UsageError, match="is of track embedded v4, not of small v1"):
        compare(Results(RESULTS, tracks.load("small")), [str(there), "mhe"])


def test_records_of_another_protocol_are_never_compared(other: Path) -> None:
    paths = [records.record_path(other, each.key) for each in records.scan(other, RULES.name, RULES.version).records]
    for path in paths:
        path.write_text(path.read_text().replace(f'"{RULES.protocol.label}"', '"another"'))
    with pytest.raises(UsageError, match=f"was scored under protocol another, not {RULES.protocol.label}"):
        compared(str(paths[0]), "mhe")
    with pytest.raises(UsageError, match=f"protocol {RULES.protocol.label}, in "):
        compared(str(other), str(RESULTS))


def test_predictions_of_another_length_are_refused(small: Path, other: Path) -> None:
    path = records.predictions_path(other, record(other, "simcse-sup", 3).key)
    found = records.read_predictions(path)
    np.savez(path, **{**found, "GenSTS13": found["GenSTS13"][:-1]})
    with pytest.raises(SrlbenchError, match=r"simcse-sup@tiny in .* on GenSTS13, seed 3, are \d+, of \d+ items"):
        compared(str(other), str(small))


def test_predictions_that_are_not_finite_are_refused(other: Path, small: Path) -> None:
    path = records.predictions_path(other, record(other, "simcse-sup", 3).key)
    found = records.read_predictions(path)
    np.savez(path, **{**found, "GenSTS13": np.full(len(found["GenSTS13"]), np.nan)})
    with pytest.raises(SrlbenchError, match=r"simcse-sup@tiny in .* on GenSTS13, seed 3, are not all finite"):
        compared(str(other), str(small))


def test_without_predictions_the_seeds_must_do(other: Path, cli: Cli) -> None:
    results = Results(other, RULES)
    whole = compare(results, ["simcse-sup", "simcse-unsup"])
    records.predictions_path(other, record(other, "simcse-sup", 3).key).unlink()
    found = compare(results, ["simcse-sup", "simcse-unsup"])
    for one, each in zip(whole.comparisons, found.comparisons, strict=True):
        assert (
            each.seeds_only
            and not one.seeds_only
            and each.difference.value == pytest.approx(one.difference.value, abs=1e-3)
        )
        assert 0 < each.difference.se < one.difference.se  # it lacks the chance of items
    done = cli("compare", "simcse-sup", "simcse-unsup", "--results", other)
    assert "better (seeds alone)" in done.stdout and "Seeds alone: where predictions are not" in done.stdout
    with pytest.raises(SrlbenchError, match="of tasks from both sides, and predictions or several seeds"):
        compare(results, ["simcse-sup:3", "simcse-unsup:3"])


def test_the_terminal_says_what_the_seeds_can_tell_and_json_the_same(cli: Cli) -> None:
    arguments = ["compare", "simcse-sup", "simcse-unsup", "--results", RESULTS]
    done = cli(*arguments)
    assert done.returncode == 0, done.stderr
    assert "STS avg: with 5 seeds and sd " in done.stdout and "GenSTS12" in done.stdout and "better" in done.stdout
    told = json.loads(cli(*arguments, "--json").stdout)
    assert told["track"] == "embedded" and len(told["comparisons"]) == 16 and told["rest"] == []
    assert f"{told['comparisons'][0]['difference']:+.2f}" in done.stdout
