"""Figures: written whole, the same bytes twice, and saying what their intervals are."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srlbench import plots

LOSSES = [f"loss_{k}" for k in range(20)]


def runs(losses: int, seeds: int = 3) -> dict[str, list[dict[str, list[float | None]]]]:
    steps: list[float | None] = [0, 100, 200, 300]
    return {
        name: [
            {
                "step": steps,
                "dissipation": [math.exp(-t / 100 / (k + 1)) + 0.02 * s for t in range(0, 400, 100)],
                "ratio": [1.0 + k / 10 + 0.1 * s, 1.2, None, math.nan],
            }
            for s in range(seeds)
        ]
        for k, name in enumerate(LOSSES[:losses])
    }


def simulated(rows: int = 2) -> dict[str, dict[str, Any]]:
    axis, table = [0.2, 0.9, 1.5], [[1.0, 0.5, 0.0]] * 3
    ratio = [[0.1, 1.0, math.nan], [4.0, 1.0, math.nan], [-1.0, 1.0, 20.0]]
    return {name: {"positive": axis, "negative": axis, "dissipation": table, "ratio": ratio} for name in LOSSES[:rows]}


def swept(seeds: int = 3) -> dict[tuple[plots.Key, plots.Key], list[float]]:
    return {(x, m): [70 + x + m + 0.1 * s for s in range(seeds)] for x in (0.3, 0.01, 0.05) for m in (0.2, 0.1, 0.3)}


NAMES = ("temperature", "margin")
FIGURES: dict[str, Callable[[Path], None]] = {
    "dynamics of one": lambda path: plots.dynamics(runs(1, seeds=1), path),
    "dynamics of few": lambda path: plots.dynamics(runs(8), path),
    "dynamics of many": lambda path: plots.dynamics(runs(20), path),
    "maps": lambda path: plots.maps(simulated(), path),
    "one map": lambda path: plots.maps(simulated(1), path),
    "heat": lambda path: plots.grid(swept(), path, names=NAMES, score="STS"),
    "lines": lambda path: plots.grid(swept(), path, names=NAMES, score="STS", heat=False, log=True),
    "words": lambda path: plots.grid({("a", "b"): [1.0], ("c", "b"): [2.0, 3.0]}, path, names=NAMES, score="STS"),
}


@pytest.mark.parametrize("suffix", [".svg", ".png"])
@pytest.mark.parametrize("figure", FIGURES)
def test_written_and_the_same_twice(figure: str, suffix: str, tmp_path: Path) -> None:
    first, again = (tmp_path / folder / f"figure{suffix}" for folder in ("one", "two"))
    FIGURES[figure](first)
    FIGURES[figure](again)
    written = first.read_bytes()
    assert written == again.read_bytes()
    assert written.startswith(b"\x89PNG" if suffix == ".png" else b"<?xml") and len(written) > 5000
    if suffix == ".svg":
        assert b"<dc:date>" not in written and b"Matplotlib" not in written


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures drawn, before they are files."""
    drawn: list[Any] = []
    monkeypatch.setattr(plots, "_save", lambda figure, path: drawn.append(figure))
    return drawn


def texts(figure: Any) -> list[str]:
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_mean_and_sd_over_seeds_and_n_is_said(figures: list[Any], tmp_path: Path) -> None:
    plots.dynamics(runs(2), tmp_path / "x.svg")
    top, bottom = figures[0].axes
    line = top.get_lines()[1]
    assert line.get_ydata()[0] == pytest.approx(1.02) and line.get_xdata()[-1] == 300
    band = top.collections[1].get_paths()[0].get_extents()
    assert band.y1 == pytest.approx(1.04) and top.get_ylabel() == "gradient dissipation"
    ratio = next(line for line in bottom.get_lines() if line.get_label() == "loss_0")
    assert list(ratio.get_xdata()) == [0, 100], "what is undefined is not drawn"
    assert "mean ± sd over seeds, n = 3" in texts(figures[0]) and bottom.get_xlabel() == "training step"


def test_one_seed_claims_no_interval(figures: list[Any], tmp_path: Path) -> None:
    plots.dynamics(runs(2, seeds=1), tmp_path / "x.svg")
    assert "one seed: no interval" in texts(figures[0])


def test_lines_of_one_panel_differ_in_colour_and_dash(figures: list[Any], tmp_path: Path) -> None:
    plots.dynamics(runs(8), tmp_path / "x.svg")
    lines = [line for line in figures[0].axes[0].get_lines() if line.get_label() in LOSSES]
    looks = {(line.get_color(), str(line._dash_pattern)) for line in lines}
    assert len(lines) == len(looks) == 8


def test_many_losses_get_a_panel_each_over_the_others(figures: list[Any], tmp_path: Path) -> None:
    plots.dynamics(runs(20), tmp_path / "x.svg")
    assert len(figures[0].axes) == 40
    assert [ax.get_title() for ax in figures[0].axes[:20]] == LOSSES
    grey = [line for line in figures[0].axes[3].get_lines() if line.get_color() == plots.CONTEXT]
    assert len(grey) == 19
    assert max(figures[0].get_size_inches()) < 10, "one page"


def test_maps_share_their_scales_and_centre_the_ratio_on_one(figures: list[Any], tmp_path: Path) -> None:
    plots.maps(simulated(2), tmp_path / "x.svg")
    meshes = [ax.collections[0] for ax in figures[0].axes[:4]]
    assert meshes[0].norm is meshes[2].norm and meshes[1].norm is meshes[3].norm
    assert meshes[1].norm(1.0) == pytest.approx(0.5) and meshes[1].norm(8.0) == pytest.approx(1)
    shown = meshes[1].get_array()
    assert shown[2][0] > 0 and not shown.mask[2][0], "a ratio below zero is the lowest colour, not missing"
    assert "hatched: too little gradient is left to have a ratio" in texts(figures[0])


def test_a_cell_says_its_mean_and_sd_in_order_of_the_values(figures: list[Any], tmp_path: Path) -> None:
    plots.grid(swept(), tmp_path / "x.svg", names=NAMES, score="STS")
    ax = figures[0].axes[0]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.01", "0.05", "0.3"]
    assert ax.get_xlabel() == "temperature" and ax.get_ylabel() == "margin"
    assert ax.texts[0].get_text() == "70.2\n±0.1" and len(ax.texts) == 9


def test_error_bars_are_the_sd_over_seeds(figures: list[Any], tmp_path: Path) -> None:
    plots.grid(swept(), tmp_path / "x.svg", names=NAMES, score="STS", heat=False, log=True)
    ax = figures[0].axes[0]
    assert ax.get_xscale() == "log" and ax.get_ylabel() == "STS"
    low, high = ax.containers[0].lines[2][0].get_segments()[0][:, 1]
    assert high - low == pytest.approx(0.2) and (high + low) / 2 == pytest.approx(70.21)
    assert [re.sub(r"\s", "", text.get_text()) for text in figures[0].legends[0].get_texts()] == [
        "margin=0.1",
        "margin=0.2",
        "margin=0.3",
    ]


def test_other_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.svg or \.png"):
        plots.maps(simulated(), tmp_path / "figure.pdf")
    assert not list(tmp_path.iterdir())


def test_drawing_opens_no_window_and_leaves_the_style_alone(tmp_path: Path) -> None:
    code = (
        "import sys, matplotlib\nfrom pathlib import Path\nbefore = dict(matplotlib.rcParams)\n"
        "from srlbench import plots\n"
        "plots.grid({(1, 'x'): [1.0]}, Path(sys.argv[1]), names=('a', 'b'), score='s')\n"
        "assert dict(matplotlib.rcParams) == before"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "x.png")],
        env={**{k: v for k, v in os.environ.items() if k != "DISPLAY"}, "MPLBACKEND": "tkagg"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x.png").is_file()


def test_a_line_far_outside_of_the_usual_is_cut_and_the_others_stay_readable(
    figures: list[Any], tmp_path: Path
) -> None:
    far: list[float | None] = [0.4, 1.0, 3e8]
    plots.dynamics({"a": [{"step": [0, 1, 2], "dissipation": far, "ratio": far}]}, tmp_path / "x.svg")
    for ax, panel in zip(figures[0].axes, ("dissipation", "ratio"), strict=True):
        low, high = ax.get_ylim()
        assert low <= 0 < plots.REACH[panel][1] < high < 2 * plots.REACH[panel][1]
        assert sum(low <= tick <= high for tick in ax.get_yticks()) >= 3
