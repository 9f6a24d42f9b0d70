"""The published reference of each track: its views follow from its records to the byte, and its own check passes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from srlbench import analysis, backbones, records, search, standings, suite, tracks, tuning
from srlbench.plan import folder

RESULTS = Path(suite.__file__).parent.parent / "results"
PUBLISHED = [name for name in tracks.names() if folder(RESULTS, tracks.load(name)).is_dir()]

pytestmark = pytest.mark.skipif(not RESULTS.is_dir(), reason="not in a clone")


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """The results folder with the records of a track, and none of its views."""
    rules = tracks.load(request.getfixturevalue("name"))
    place = folder(tmp_path / "results", rules)
    place.mkdir(parents=True)
    for kind in ("records", "predictions", "confirmations", "track.toml", "protocol.toml"):
        os.symlink(folder(RESULTS, rules) / kind, place / kind)
    monkeypatch.setattr(standings, "_published_folder", lambda rules: folder(tmp_path / "results", rules))
    return tmp_path / "results"


@pytest.mark.parametrize("name", PUBLISHED)
def test_views_are_those_of_the_records(name: str, copy: Path) -> None:
    rules = tracks.load(name)
    standings.leaderboard(rules, (), copy, write=True)
    analysis.write_claims(analysis.judge(rules, (), copy), rules, copy)
    for view in ("leaderboard.csv", "leaderboard.md", "claims.md"):
        assert (folder(copy, rules) / view).read_bytes() == (folder(RESULTS, rules) / view).read_bytes(), view


@pytest.mark.parametrize("name", [name for name in PUBLISHED if tracks.load(name).search])
def test_what_a_search_found_follows_from_its_records(name: str, copy: Path) -> None:
    os.symlink(RESULTS / search.FOLDER, copy / search.FOLDER)
    found, written = tuning.searched((), tracks.load(name), (), (), copy)
    assert len(written) == 2 and all(each.chosen for each in found)
    for view in written:
        assert view.read_bytes() == (folder(RESULTS, tracks.load(name)) / view.name).read_bytes(), view.name


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_check_of_the_published_records_passes(name: str) -> None:
    assert standings.check(tracks.load(name), (), RESULTS, None).exit_code == 0


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_registered_recipe_is_measured(name: str) -> None:
    rules = tracks.load(name)
    board, problems = standings.leaderboard(rules, (), RESULTS, write=False)
    assert not problems and {row.state for row in board.rows} == {"ranked"}
    assert {row.backbone for row in board.rows} == {backbones.resolve(start).name for start in rules.backbones}


@pytest.mark.parametrize("name", PUBLISHED)
def test_records_are_of_the_texts_that_the_track_pins(name: str) -> None:
    rules = tracks.load(name)
    for record in records.scan(RESULTS, rules.name, rules.version).records:
        assert record.data == rules.data_hashes, record.key


def test_the_first_table_of_the_readme_is_the_head_of_a_published_one() -> None:
    readme = (RESULTS.parent / "README.md").read_text(encoding="utf-8")
    table = [line for line in readme.split("\n## ")[0:3] for line in line.split("\n") if line.startswith("| ")]
    published = {
        line
        for name in PUBLISHED
        for line in (folder(RESULTS, tracks.load(name)) / "leaderboard.md").read_text().split("\n")
    }
    assert len(table) > 5 and not [line for line in table if line not in published]
