"""The published reference of each track: its views follow from its records to the byte, and its own check passes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import srlbench
from srlbench import backbones, records, tracks
from srlbench.analysis import search
from srlbench.analysis.check import check
from srlbench.analysis.claims import judge
from srlbench.analysis.leaderboard import leaderboard, page
from srlbench.analysis.results import Results
from srlbench.runs.search import FOLDER, searched

RESULTS = Path(srlbench.__file__).parent.parent / "results"
PUBLISHED = [name for name in tracks.names() if Results(RESULTS, tracks.load(name)).folder.is_dir()]

pytestmark = pytest.mark.skipif(not RESULTS.is_dir(), reason="not in a clone")


# Not measured on this backbone yet: a run of each takes minutes there. The list may only become shorter.
WAITING = {
    "mini": {
        "all-but-the-top", "angle", "arccse", "congen", "consert", "contrastive-tension", "cosent", "dclr",
        "debiased-infonce", "diffcse", "distillcse", "esimcse", "focal-infonce", "gist", "gs-infonce", "promptbert",
        "rankcse", "sct", "simcse-mlm", "sncse", "tsdae", "whitenedcse", "whitening-64",
    }
}  # fmt: skip


def of(name: str) -> Results:
    return Results(RESULTS, tracks.load(name))


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Results:
    """The results folder with the records of a track and none of its views, under the name that it has in a clone."""
    made = Results(Path("results"), tracks.load(request.getfixturevalue("name")))
    monkeypatch.chdir(tmp_path)
    made.folder.mkdir(parents=True)
    for kind in ("records", "references", "predictions", "confirmations", "track.toml", "protocol.toml"):
        os.symlink(of(made.track.name).folder / kind, made.folder / kind)
    monkeypatch.setattr(records, "published_results", lambda: made.path)
    return made


@pytest.mark.parametrize("name", PUBLISHED)
def test_views_are_those_of_the_records(name: str, copy: Results) -> None:
    page.write(leaderboard(copy), copy.folder, copy.command("leaderboard"))
    judge.write(judge.judge(copy), copy)
    for view in ("leaderboard.csv", "leaderboard.md", "claims.md"):
        assert (copy.folder / view).read_bytes() == (of(name).folder / view).read_bytes(), view


@pytest.mark.parametrize("name", [name for name in PUBLISHED if tracks.load(name).search])
def test_what_a_search_found_follows_from_its_records(name: str, copy: Results) -> None:
    os.symlink(RESULTS / FOLDER, copy.path / FOLDER)
    found = search.collect(searched((), ()), copy)
    written = search.write(found, copy)
    unfinished = {(each.recipe, each.backbone) for each in found if not each.chosen}
    assert len(written) == 2 and unfinished <= {(recipe, at) for at, recipes in WAITING.items() for recipe in recipes}
    for view in written:
        assert view.read_bytes() == (of(name).folder / view.name).read_bytes(), view.name


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_check_of_the_published_records_passes(name: str) -> None:
    assert check(of(name)).exit_code == 0


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_registered_recipe_is_measured(name: str) -> None:
    results = of(name)
    board, starts = leaderboard(results), results.track.backbones
    assert not results.problems and {row.state for row in board.rows} <= {"ranked", "not run"}
    waiting: dict[str, set[str]] = {}
    for row in board.rows:
        if row.state == "not run":
            waiting.setdefault(row.backbone, set()).add(row.recipe)
    assert waiting == (WAITING if name == "small" else {})
    assert {row.backbone for row in board.rows} == {backbones.resolve(start).name for start in starts}


@pytest.mark.parametrize("name", PUBLISHED)
def test_records_are_of_the_texts_that_the_track_pins(name: str) -> None:
    rules = tracks.load(name)
    for record in records.scan(RESULTS, rules.name, rules.version).records:
        assert record.data == rules.data_of(record.recipe, record.backbone, record.seed), record.key


def test_the_first_table_of_the_readme_is_the_head_of_a_published_one() -> None:
    readme = (RESULTS.parent / "README.md").read_text(encoding="utf-8")
    table = [line for line in readme.split("\n## ")[0:3] for line in line.split("\n") if line.startswith("| ")]
    published = {line for name in PUBLISHED for line in (of(name).folder / "leaderboard.md").read_text().split("\n")}
    assert len(table) > 5 and not [line for line in table if line not in published]
