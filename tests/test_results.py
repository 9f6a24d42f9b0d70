"""A results folder as one value: what it scans, what is current, how it is spelled, its data frame."""

from __future__ import annotations

import re
import shlex
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import srlbench
from srlbench import records, tracks
from srlbench.analysis import search
from srlbench.analysis.results import DEFAULT, Results
from srlbench.analysis.search import Searched
from srlbench.runs.plan import freeze
from srlbench.stats import with_averages

PUBLISHED = Path(srlbench.__file__).parent.parent / "results"
TRACK = tracks.load("embedded")
in_a_clone = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="not in a clone")


def test_the_command_names_the_whole_folder_and_is_one_a_shell_takes() -> None:
    assert Results(DEFAULT, TRACK).command("claims") == "srlbench claims --track embedded"
    for path in ("a/b", "results", "my results/x"):
        assert shlex.split(Results(Path(path), TRACK).command("claims"))[-2:] == ["--results", path]


@pytest.mark.parametrize("name", ["prüfung", "a b", "日本"])
def test_rules_and_records_of_any_track_lie_in_one_folder(name: str, tmp_path: Path) -> None:
    track = replace(TRACK, name=name)
    freeze(tmp_path, track)
    freeze(tmp_path, track)  # the rules that are there are these
    folder = Results(tmp_path, track).folder
    assert {path.name for path in folder.iterdir()} == {"track.toml", "protocol.toml"}
    key = records.Key(name, track.version, "r", "b", "a" * 16, 0)
    assert records.record_path(tmp_path, key).is_relative_to(folder)
    assert tmp_path in folder.resolve().parents


@in_a_clone
def test_a_folder_is_scanned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scans = []
    scan = records.scan
    monkeypatch.setattr(records, "scan", lambda *of: scans.append(of) or scan(*of))
    results = Results(PUBLISHED, TRACK)
    assert results.records and results.fresh and results.without_variants.records and results.current
    assert results.problems == ()
    assert len(scans) == 1


@in_a_clone
@pytest.mark.parametrize("name", [name for name in tracks.names() if Results(PUBLISHED, tracks.load(name)).records])
def test_no_published_record_is_stale(name: str) -> None:
    results = Results(PUBLISHED, tracks.load(name))
    assert [record.key for record in results.records if not results.is_current(record)] == []
    assert {record.key for record in results.fresh} == {record.key for record in results.records}


@in_a_clone
def test_a_data_frame_has_a_row_a_score() -> None:
    results = Results(PUBLISHED, TRACK)
    frame = results.to_pandas()
    scores = {
        (record.recipe, record.backbone, record.seed, task): score
        for record in results.records
        for task, score in with_averages(record.scores, TRACK.groups).items()
    }
    cells = zip(frame["recipe"], frame["backbone"], frame["seed"], frame["task"], strict=True)
    assert dict(zip(cells, frame["score"], strict=True)) == scores
    assert frame["current"].all() and set(frame["status"]) == {"ok"}


def test_an_empty_folder_is_an_empty_frame(tmp_path: Path) -> None:
    frame = Results(tmp_path, TRACK).to_pandas()
    assert len(frame) == 0 and "score" in frame.columns


@pytest.mark.parametrize("backbone", ["tiny", "org/model@" + "0" * 40, 'a "b" [c]'])
def test_what_a_search_chose_is_read_back_as_it_was(backbone: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"lr": 1e-3, "steps": 5, "unit": True, "pool": "cls", "dropout": None}
    text = search.to_toml([Searched("simcse-unsup", backbone, ((settings, 50.0),))], "srlbench tune")
    assert tomllib.loads(text)[backbone]["simcse-unsup"] == {**settings, "dropout": "none"}
    head = (tracks.FOLDER / "small.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(re.sub(r"name = .*", 'name = "mine"', head, count=1), encoding="utf-8")
    (tmp_path / "mine.chosen").write_text(text, encoding="utf-8")
    assert tracks.read(tmp_path / "mine.toml").chosen[backbone]["simcse-unsup"] == settings
