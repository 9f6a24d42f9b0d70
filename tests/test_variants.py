"""Variants of recipes: one name for one setting, and settings that are stronger than the track's."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cli, Take

from srlbench import backbones, registry, tracks, variants
from srlbench.errors import UsageError
from srlbench.runs.fingerprint import fingerprint
from srlbench.tracks.resolve import resolved

TRACK, TINY = tracks.load("embedded"), backbones.resolve("tiny")


def test_a_variant_has_one_name_and_one_fingerprint_however_it_is_written() -> None:
    names = ("simcse-unsup+temperature=0.10,lr=1e-3", "simcse-unsup+lr=0.001,temperature=1e-1")
    one, other = (registry.recipe(name) for name in names)
    assert one.name == other.name == "simcse-unsup+lr=0.001,temperature=0.1"
    assert fingerprint(one, TRACK, TINY) == fingerprint(other, TRACK, TINY)
    assert registry.recipe(one.name) == one
    whole, real = (registry.recipe(f"simcse-unsup+temperature={value}") for value in ("1", "1.0"))
    assert fingerprint(whole, TRACK, TINY) == fingerprint(real, TRACK, TINY)


def test_its_settings_are_stronger_than_the_tracks() -> None:
    assert resolved(registry.recipe("simcse-unsup"), TRACK, TINY).pool == "first-last"
    assert resolved(registry.recipe("simcse-unsup+pool=cls"), TRACK, TINY).pool == "cls"
    assert resolved(registry.recipe("simcse-unsup+dropout=none"), TRACK, TINY).dropout is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("simcse-unsup+", "is not a recipe variant"),
        ("simcse-unsup+temperature", "is not a recipe variant"),
        ("simcse-unsup+temprature=1", "Did you mean 'temperature'"),
        ("simcse-unsup+pool=min", "pool = 'min' is not one of"),
        ("simcse-unsup+steps=0", "steps = 0 must be positive"),
        ("simcse-unsub+steps=9", "Did you mean 'simcse-unsup'"),
        ("simcse-unsup+lr=fast", "lr = 'fast' is not a number"),
        ("simcse-unsup+lr=inf", "lr = 'inf' is not a number"),
        ("simcse-unsup+lr=1e400", "lr = 'inf' is not a number"),
        ("simcse-unsup+lr=true", "lr = True is not a number"),
        ("simcse-unsup+steps=abc", "steps = 'abc' is not a whole number"),
        ("simcse-unsup+steps=1.5", "steps = 1.5 is not a whole number"),
        ("simcse-unsup+steps=true", "steps = True is not a whole number"),
        ("simcse-unsup+dropout=abc", "dropout = 'abc' is not a number"),
        ("simcse-unsup+sparsity=abc", "sparsity = 'abc' is not a number"),
        ("simcse-unsup+temperature=nan", "temperature = 'nan' is not a number"),
        ("simcse-unsup+temperature=NaN", "temperature = 'nan' is not a number"),
        ("modified-mhe+margin=Infinity", "margin = 'inf' is not a number"),
        ("simcse-unsup+skip_dropped=1", "skip_dropped = 1 is not true or false"),
        ("simcse-unsup+prompt=" + "x" * 300, "has more letters than a file's name may have"),
    ],
)
def test_what_is_no_variant_is_refused(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("(", r"\(")):
        registry.recipe(name)


def test_one_number_has_one_name_and_is_of_its_kind() -> None:
    assert registry.recipe("simcse-unsup+batch_size=64.0").changes == {"batch_size": 64}
    assert registry.recipe("simcse-unsup+temperature=1").changes == {"temperature": 1}
    assert registry.recipe("modified-mhe+margin=none").changes == {"margin": None}


def test_a_grid_is_every_combination_once() -> None:
    points = list(variants.grid(["a=1,2,2", "b=none,x"]))
    assert points == [{"a": 1, "b": None}, {"a": 1, "b": "x"}, {"a": 2, "b": None}, {"a": 2, "b": "x"}]
    for wrong in (["a"], ["a="], ["a=1,,2"], ["=1"]):
        with pytest.raises(UsageError, match="is not like"):
            list(variants.grid(wrong))
    with pytest.raises(UsageError, match="twice"):
        list(variants.grid(["a=1", "a=2"]))


def test_a_sweep_records_its_points_and_keeps_out_of_the_leaderboard(
    quick_track: Path, here: Cli, take: Take, tmp_path: Path
) -> None:
    args = ("--track", quick_track, "--seeds", "0-1", "--results", "found")
    take(tmp_path / "found", "untrained-mean")
    assert here("leaderboard", "--track", quick_track, "--results", "found").returncode == 0
    done = here("sweep", "untrained-mean", "--set", "pool=cls,max", *args)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "found" / "quick" / "v4"
    lines = (folder / "sweeps" / "untrained-mean+pool.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    assert [row[0] for row in rows] == ["pool", "---:", "as registered", "cls", "max"]
    assert all("(2)" in row[2] for row in rows[2:])
    assert "+pool" not in (folder / "leaderboard.md").read_text()
    board = here("leaderboard", "--track", quick_track, "--results", "found").stdout
    assert "untrained-mean" in board and "+pool" not in board
    again = here("sweep", "untrained-mean", "--set", "pool=cls,max", *args)
    assert "Nothing to do" in again.stderr
    table = (folder / "sweeps" / "untrained-mean+pool.csv").read_text().splitlines()
    assert table[0].startswith("recipe,backbone,pool,sts_avg_mean,sts_avg_sd,sts_avg_n") and len(table) == 4
