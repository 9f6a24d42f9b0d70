"""`srlbench diagnose`: gradients of an encoder that exists, dynamics of recorded runs, maps of simulated angles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Cli

from srlbench import records


@pytest.fixture(scope="module")
def trained(quick_track: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import subprocess
    import sys

    results = tmp_path_factory.mktemp("trained") / "results"
    args = ("run", "simcse-unsup", "mhs", "--track", quick_track, "--seeds", "0-1", "--results", results)
    done = subprocess.run([sys.executable, "-m", "srlbench", *map(str, args)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return results


def test_a_trained_run_records_what_its_gradient_was_made_of(trained: Path) -> None:
    found = {(r.recipe, r.seed): r.diagnostics["dynamics"] for r in records.scan(trained, "quick", 3).records}
    assert all([seen["step"] for seen in steps] == [0, 4, 8] for steps in found.values())
    for seen in (each["gradients"] for each in found["simcse-unsup", 0]):
        assert seen["unexplained_mean"] < 1e-6 and abs(seen["ratio_mean"] - 1) < 1e-6
        assert 0 < seen["dissipation_mean"] < 1
    assert all(abs(seen["gradients"]["dissipation_mean"] - 1) < 1e-6 for seen in found["mhs", 1])


def test_dynamics_are_drawn_from_records(trained: Path, quick_track: Path, cli: Cli, tmp_path: Path) -> None:
    args = ("diagnose", "dynamics", "--track", quick_track, "--results", trained)
    done = cli(*args)
    picture = trained / "quick" / "v3" / "dynamics.svg"
    assert done.returncode == 0 and str(picture) in done.stdout.replace("\n", "")
    assert b"<svg" in picture.read_bytes()
    assert cli(*args, "--out", "a.png").returncode == 0 and (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    wrong = cli(*args, "--out", "a.docx")
    assert wrong.returncode == 2 and "written as .svg or .png" in wrong.stderr


def test_an_encoders_own_gradients(trained: Path, cli: Cli) -> None:
    args = ("diagnose", "gradients", "simcse-unsup/tiny/seed-1", "--results", trained, "--pairs", "16")
    done = cli(*args, "--loss", "info_nce", "--loss", "met+margin=2", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["info_nce"]["ratio_mean"] == pytest.approx(1, abs=1e-6)
    assert found["met+margin=2"]["dissipation_mean"] == pytest.approx(1, abs=1e-6), "no pair reaches this margin"
    shown = cli(*args).stdout
    assert "gradient dissipation" in shown and "info_nce" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--loss", "info_ncee"), "Did you mean 'info_nce'"),
        (("--loss", "met+margn=1"), "Did you mean 'margin'"),
        (("--pairs", "127"), "at most 126 do"),
        (("--text", "nosuch.txt"), "Cannot read nosuch.txt"),
    ],
)
def test_what_cannot_be_measured_is_said(cli: Cli, words: tuple[str, ...], said: str) -> None:
    done = cli("diagnose", "gradients", "tiny", "--pool", "mean", *words)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr


def test_a_map_of_a_loss(cli: Cli, tmp_path: Path) -> None:
    done = cli("diagnose", "maps", "--loss", "mpt", "--cells", "2", "--batches", "1", "--out", "m.svg")
    assert done.returncode == 0 and (tmp_path / "m.svg").is_file(), done.stderr


def test_no_records_no_figure(cli: Cli) -> None:
    done = cli("diagnose", "dynamics", "--results", "nothing")
    assert done.returncode == 3 and "has observed gradients" in done.stderr


def test_isotropy_of_an_encoder_layer_by_layer(cli: Cli) -> None:
    args = ("diagnose", "isotropy", "tiny", "--pool", "mean", "--sentences", "60")
    done = cli(*args, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [layer["layer"] for layer in found["layers"]] == [0, 1, 2] and found["sentences"] == 60
    assert all(-1 <= layer["baseline"] <= 1 and layer["norm"] > 0 for layer in found["layers"])
    assert "within a sentence" in cli(*args).stdout
