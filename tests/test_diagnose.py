"""`srlbench diagnose`: an encoder that exists; `srlbench plot`: dynamics of recorded runs, maps of simulated angles."""

from __future__ import annotations

import csv
import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import Cli, Take

from srlbench import records


@pytest.fixture(scope="module")
def runs(take: Take, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return take(tmp_path_factory.mktemp("runs") / "results", "simcse-unsup", "mhs", kept=True)


def test_a_trained_run_records_what_its_gradient_was_made_of(runs: Path) -> None:
    found = {(r.recipe, r.seed): r.diagnostics["dynamics"] for r in records.scan(runs, "quick", 4).records}
    assert all([seen["step"] for seen in steps] == [0, 4, 8] for steps in found.values())
    for seen in (each["gradients"] for each in found["simcse-unsup", 0]):
        assert seen["unexplained_mean"] < 1e-6 and abs(seen["ratio_mean"] - 1) < 1e-6
        assert 0 < seen["dissipation_mean"] < 1
    for first, *others in found.values():
        assert first["function"] == first["content"] == 0, "nothing has changed before the first step"
        assert others[-1]["content"] != 0
        assert all(-1 < seen["anisotropy"] < 1 and seen["uniformity"] < 0 < seen["norm"] for seen in others)
    assert all(abs(seen["gradients"]["dissipation_mean"] - 1) < 1e-6 for seen in found["mhs", 1])


def test_the_end_is_looked_at_as_closely_as_the_last_step(runs: Path) -> None:
    for record in records.scan(runs, "quick", 4).records:
        assert record.measured("isotropy.layers.-1.baseline") == record.measured("dynamics.-1.anisotropy")
        assert record.measured("pairs.uniformity") == record.measured("dynamics.-1.uniformity")
        assert len(record.diagnostics["isotropy"]["layers"]) == 3
        assert set(record.diagnostics["words"]) == {"integrated-gradients", "leave-one-out"}
        assert 0 <= record.measured("words.integrated-gradients.information_gain.r2") <= 1  # type: ignore[operator]
        assert record.measured("words.shapley.information_gain.r2") is None


@pytest.mark.skipif(find_spec("shap") is None, reason="shap is not installed: srlbench[explain]")
def test_looking_closer_leaves_every_digit(runs: Path, quick_track: Path, cli: Cli, tmp_path: Path) -> None:
    close = tmp_path / "close"
    args = ("run", "simcse-unsup", "--track", quick_track, "--seeds", "0", "--results", close)
    done = cli(*args, "--observe-every", "3", "--explain")
    assert done.returncode == 0, done.stderr
    (closer,) = records.scan(close, "quick", 4).records
    usual = next(r for r in records.scan(runs, "quick", 4).records if r.key == closer.key)
    assert (closer.weights_sha256, closer.scores) == (usual.weights_sha256, usual.scores)
    assert [seen["step"] for seen in closer.diagnostics["dynamics"]] == [0, 3, 6, 8]
    assert closer.diagnostics["dynamics"][-1] == usual.diagnostics["dynamics"][-1]
    assert closer.measured("words.shapley.self_information.words") > 20  # type: ignore[operator]


def test_the_board_shows_what_encoders_are_like(runs: Path, quick_track: Path, here: Cli) -> None:
    done = here("leaderboard", "--track", quick_track, "--results", runs)
    assert done.returncode == 0 and "R² of words" in done.stdout
    folder = runs / "quick" / "v4"
    row = next(csv.DictReader((folder / "leaderboard.csv").open()))
    assert float(row["anisotropy_mean"]) < 1 and row["words_r2_n"] == "2"
    assert "## Diagnostics" in (folder / "leaderboard.md").read_text()


def test_dynamics_are_drawn_from_records(runs: Path, quick_track: Path, here: Cli, tmp_path: Path) -> None:
    args = ("plot", "dynamics", "--track", quick_track, "--results", runs)
    done = here(*args)
    picture = runs / "quick" / "v4" / "dynamics.svg"
    assert done.returncode == 0 and str(picture) in done.stdout.replace("\n", "")
    assert b"<svg" in picture.read_bytes()
    assert here(*args, "--out", "a.png").returncode == 0 and (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    done = here(*args, "simcse-unsup", "mhs")
    assert done.returncode == 0 and (runs / "quick" / "v4" / "dynamics-simcse-unsup-mhs.svg").is_file(), done.stderr
    assert here(*args, "--measure", "norm", "--out", "n.svg").returncode == 0
    unknown = here(*args, "--measure", "nrm")
    assert unknown.returncode == 2 and "Did you mean 'norm'" in unknown.stderr
    absent = here(*args, "met")
    assert absent.returncode == 3 and "No run of met" in absent.stderr
    wrong = here(*args, "--out", "a.docx")
    assert wrong.returncode == 2 and "written as .svg or .png" in wrong.stderr


def test_an_encoders_own_gradients(runs: Path, here: Cli, tmp_path: Path) -> None:
    args = ("diagnose", "gradients", "simcse-unsup@tiny:1", "--results", runs, "--pairs", "16")
    done = here(*args, "--loss", "info_nce", "--loss", "met+margin=2", "--json", "--out", "g.json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert json.loads((tmp_path / "g.json").read_text()) == found
    assert found["info_nce"]["ratio_mean"] == pytest.approx(1, abs=1e-6)
    assert found["met+margin=2"]["dissipation_mean"] == pytest.approx(1, abs=1e-6), "no pair reaches this margin"
    shown = here(*args).stdout
    assert "gradient dissipation" in shown and "info_nce" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--loss", "info_ncee"), "Did you mean 'info_nce'"),
        (("--out", "g.csv"), "ends in .json"),
        (("--loss", "met+margn=1"), "Did you mean 'margin'"),
        (("--pairs", "127"), "at most 126 do"),
        (("--text", "nosuch.txt"), "Cannot read nosuch.txt"),
    ],
)
def test_what_cannot_be_measured_is_said(here: Cli, words: tuple[str, ...], said: str) -> None:
    done = here("diagnose", "gradients", "tiny", "--pool", "mean", *words)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr


def test_two_views_that_are_equal_are_said(here: Cli) -> None:
    for name, equal in (("static", True), ("tiny", False)):
        pool = () if name == "static" else ("--pool", "mean")
        done = here("diagnose", "gradients", name, *pool, "--pairs", "16")
        assert done.returncode == 0 and ("two views of every sentence are equal" in done.stderr) is equal


def test_a_map_of_a_loss(here: Cli, tmp_path: Path) -> None:
    done = here("plot", "maps", "--loss", "mpt", "--cells", "2", "--batches", "1", "--out", "m.svg")
    assert done.returncode == 0 and (tmp_path / "m.svg").is_file(), done.stderr


def test_no_records_no_figure(here: Cli) -> None:
    done = here("plot", "dynamics", "--results", "nothing")
    assert done.returncode == 3 and "was looked at" in done.stderr


def test_isotropy_of_an_encoder_layer_by_layer(here: Cli) -> None:
    args = ("diagnose", "isotropy", "tiny", "--pool", "mean", "--count", "60")
    done = here(*args, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [layer["layer"] for layer in found["layers"]] == [0, 1, 2] and found["sentences"] == 60
    assert all(-1 <= layer["baseline"] <= 1 and layer["norm"] > 0 for layer in found["layers"])
    assert "within a sentence" in here(*args).stdout


def test_words_before_and_after_a_run(runs: Path, quick_track: Path, here: Cli, tmp_path: Path) -> None:
    run = ("simcse-unsup@tiny:1", "--track", quick_track, "--results", runs)
    done = here("diagnose", "words", *run, "--count", "12", "--method", "leave-one-out", "--out", "why")
    assert done.returncode == 0, done.stderr
    assert "before training" in done.stdout and "generated language knows" in done.stdout
    assert {path.name for path in (tmp_path / "why").iterdir()} == {"words.json", "words.svg", "sentences.svg"}
    found = json.loads((tmp_path / "why" / "words.json").read_text())
    stages = found["methods"]["leave-one-out"]
    assert set(stages) == {"before", "after"} and found["estimator"]["self_information_error"] < 0.5
    assert stages["before"]["information_gain"]["r2"] != stages["after"]["information_gain"]["r2"]
    assert all(each["information_gain"] > 0 for each in found["words"].values())


def test_words_of_other_text_than_the_tracks(here: Cli, tmp_path: Path) -> None:
    lines = ["the cat sat on a mat", "a dog sat on the cat", "no cat ran", "the dog ran to the mat"] * 3
    (tmp_path / "mine.txt").write_text("\n".join(lines))
    args = ("diagnose", "words", "tiny", "--pool", "mean", "--corpus", "mine.txt", "--sentences", "mine.txt", "--json")
    done = here(*args, "--least", "1", "--method", "mean-contributions", "--before", "tiny", "--before-pool", "cls")
    assert done.returncode == 2 and "does not pool by the mean" in done.stderr
    done = here(*args, "--least", "1", "--method", "mean-contributions")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["estimator"] is None and found["before"] is None and {"cat", "dog", "the"} <= set(found["words"])
    rare = here(*args)
    assert rare.returncode == 3 and "needs three words" in rare.stderr and "Traceback" not in rare.stderr
    assert "Did you mean 'shapley'" in here(*args, "--method", "shaply").stderr


def test_everything_about_one_encoder(runs: Path, quick_track: Path, here: Cli, tmp_path: Path) -> None:
    run = ("mhs:0", "--track", quick_track, "--results", runs)
    done = here("diagnose", "all", *run, "--count", "20", "--out", "why")
    assert done.returncode == 0, done.stderr
    assert all(said in done.stdout for said in ("gradient dissipation", "within a sentence", "weight by"))
    assert {"gradients", "isotropy", "words"} == set(json.loads((tmp_path / "why" / "diagnosis.json").read_text()))
