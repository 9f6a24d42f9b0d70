"""Encoders that were trained elsewhere: recorded beside the runs of a track, shown apart, compared, published."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli, Take

from srlbench import backbones, records, tracks
from srlbench.analysis.compare import compare
from srlbench.analysis.leaderboard import leaderboard
from srlbench.analysis.results import Results
from srlbench.evaluation import external
from srlbench.publish import dataset

NAME = "their-encoder"


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """The shipped backbone, in a folder of its own: what `untrained-mean` scores too."""
    external.load(str(backbones.fetch(backbones.resolve("tiny"))), "mean")[0].save(str(tmp_path / NAME))
    return tmp_path / NAME


def test_a_recorded_encoder_is_a_row_apart(
    encoder: Path, here: Cli, take: Take, quick_track: Path, tmp_path: Path
) -> None:
    folder = take(tmp_path / "results", "untrained-mean", "simcse-unsup")
    done = here("evaluate", encoder, "--record", "--track", quick_track, "--results", folder, "--json")
    assert done.returncode == 0, done.stderr
    results = Results(folder, tracks.load(str(quick_track)))
    (reference,) = results.references
    untrained = next(r for r in results.records if (r.recipe, r.seed) == ("untrained-mean", 0))
    # The same weights, read in the same way: the digits of the run, and predictions without gold scores.
    assert reference.scores == untrained.scores and reference.recipe == NAME
    theirs, ours = (records.read_predictions(records.predictions_path(folder, r.key)) for r in (reference, untrained))
    assert {*theirs} == {*ours} and all(np.array_equal(theirs[name], ours[name]) for name in ours)

    board = leaderboard(results)
    assert NAME not in {row.recipe for row in board.rows}
    text = board.to_csv()
    row = next(row for row in csv.DictReader(text.splitlines()) if row["recipe"] == NAME)
    assert (row["state"], row["rank"], row["sts_avg_n"]) == ("reference", "", "1")
    said = here("leaderboard", "--track", quick_track, "--results", folder)
    assert "Encoders that were trained elsewhere" in said.stdout and NAME in said.stdout

    # It has no other seeds: it is compared with all seeds of a recipe, and not called "one seed".
    against = compare(results, [NAME, "simcse-unsup"])
    assert against._primary.a.n == 1 and against._primary.b.n == 2 and not against._primary.one_seed
    assert abs(compare(results, [NAME, "untrained-mean"]).difference) < 1e-9
    assert here("compare", NAME, "--track", quick_track, "--results", folder).returncode == 2

    (upload,) = dataset.uploads(results, [], "lab/board")
    assert sum("/references/" in path for path in upload.files) == 1
    again = here("evaluate", encoder, "--record", "--track", quick_track, "--results", folder)
    assert again.returncode == 0 and len(Results(folder, results.track).references) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tiny", "--pool", "mean"), "is of this suite"),
        (("simcse-unsup@tiny:0",), "is of this suite"),
        ((NAME, "--tasks", "STS12"), "leave --tasks out"),
        ((NAME, "--protocol", "mteb"), "leave --protocol out"),
        ((NAME, "--probe", "senteval"), "leave --probe out"),
        ((".hidden",), "cannot be the name of a row"),
    ],
)
def test_what_cannot_be_a_reference_is_refused(words: tuple[str, ...], said: str, here: Cli, tmp_path: Path) -> None:
    done = here("evaluate", *words, "--record", "--track", "embedded", "--results", tmp_path / "results")
    assert done.returncode == 2 and said in done.stderr and not (tmp_path / "results").exists()
