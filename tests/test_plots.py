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

from srlbench.analysis import figures as plots
from srlbench.analysis.figures.dynamics import REACH
from srlbench.analysis.figures.style import CONTEXT
from srlbench.analysis.gains import Gains

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


PANELS = {"dev": "STS-B dev (Spearman x 100)", "anisotropy": "anisotropy", "norm": "norm of token vectors"}


def observed(settings: int, panels: int = 9) -> dict[str, list[dict[str, list[float | None]]]]:
    """The first setting lacks a step that the others have, and "p4" at its start."""
    out: dict[str, list[dict[str, list[float | None]]]] = {}
    for k in range(settings):
        steps: list[float | None] = [0, 10, 50, 150] if k else [0, 10, 150]
        seeds: list[dict[str, list[float | None]]] = [
            {key: [(p + 1) * (0.5 + k + 0.1 * s) for _ in steps] for p, key in enumerate(titles(panels))}
            for s in range(3)
        ]
        out[f"0.{k}"] = [{"step": steps, **seed} for seed in seeds]
    for seed in out["0.0"]:
        if "p4" in seed:
            seed["p4"] = [None, math.nan, seed["p4"][2]]
    return out


def titles(panels: int) -> dict[str, str]:
    return dict(
        [*PANELS.items(), *((f"p{n}", f"measure {n} of a long name and a unit") for n in range(3, panels))][:panels]
    )


def fitted(words: int = 60) -> dict[str, Any]:
    points = [(f"word{n}", n / 5, 0.1 + 0.02 * n + 0.3 * math.sin(n) ** 2) for n in range(words)]
    line = {"slope": 0.1, "low": 0.08, "high": 0.12, "intercept": 0.25, "r2": 0.876, "spearman": None}
    return {"points": [*points, ("odd", math.nan, 1.0)], **line, "words": words}


TEXTS = ["a man is playing a large flute", "it costs $5 or $6", " ".join(["considerably"] * 20), ""]


def weighted(sign: int = 1) -> list[list[tuple[str, float]]]:
    return [[(word, sign * (n + 1.0)) for n, word in enumerate(text.split())] for text in TEXTS]


def curves(panels: int) -> dict[str, dict[float, list[float]]]:
    points = {x: [40 + 10 * x, 41.0, 42 - 20 * x] for x in (0.5, 0.0, 0.001, 0.01)}
    return {f"measure {n}": points for n in range(panels)}


def gained(backbone: str, recipes: int) -> Gains:
    kinds = ("unsupervised", "supervised", "not trained")
    above = {f"recipe-{n}": (kinds[n % 3], 0.4 * n - 3, 5) for n in range(recipes)}
    return Gains(
        "t v1",
        backbone,
        40.0,
        "STS avg",
        "control",
        above | {"control": ("not trained", 3.0, 5), "low": ("unsupervised", -40.0, 5)},
    )


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
    "along": lambda path: plots.along(curves(4), path, name="sparsity", log=True),
    "along one": lambda path: plots.along(curves(1), path, name="batch_size"),
    "measures": lambda path: plots.measures(observed(7), path, panels=titles(9), name="temperature"),
    "two measures": lambda path: plots.measures(observed(2), path, panels=titles(2), name="temperature"),
    "scatter": lambda path: plots.scatter({"before": fitted(), "after": fitted(9)}, path, quantity="x", weight="y"),
    "one scatter": lambda path: plots.scatter({"after": fitted()}, path, quantity="x", weight="y"),
    "gains": lambda path: plots.strips([gained("tiny", 40), gained("mini", 3)], path),
    "sentences": lambda path: plots.sentences({"before": weighted(), "after": weighted(-1)}, path),
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
    from matplotlib.figure import Figure

    drawn: list[Any] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **_: drawn.append(figure))
    return drawn


def texts(figure: Any) -> list[str]:
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def boxes(items: Any) -> list[Any]:
    return [item.get_window_extent() for item in items]


def apart(found: list[Any]) -> bool:
    return not any(one.overlaps(other) for n, one in enumerate(found) for other in found[:n])


def test_mean_and_sd_over_seeds_and_n_is_said(figures: list[Any], tmp_path: Path) -> None:
    plots.dynamics(runs(2), tmp_path / "x.svg")
    top, bottom = figures[0].axes
    line = top.get_lines()[1]
    assert line.get_ydata()[0] == pytest.approx(1.02) and line.get_xdata()[-1] == 300
    band = top.collections[1].get_paths()[0].get_extents()
    assert band.y1 == pytest.approx(1.04) and top.get_ylabel() == "gradient dissipation"
    ratio = next(line for line in bottom.get_lines() if line.get_label() == "loss_0")
    assert [math.isfinite(y) for y in ratio.get_ydata()] == [True, True, False, False], "what is undefined is not drawn"
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
    grey = [line for line in figures[0].axes[3].get_lines() if line.get_color() == CONTEXT]
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
        "from srlbench.analysis import figures as plots\n"
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
        assert low <= 0 < REACH[panel][1] < high < 2 * REACH[panel][1]
        assert sum(low <= tick <= high for tick in ax.get_yticks()) >= 3


def test_what_lies_beyond_the_axis_is_a_triangle_and_not_a_band_alone(figures: list[Any], tmp_path: Path) -> None:
    seen = runs(9)
    for s, seed in enumerate(seen["loss_4"]):
        seed["dissipation"] = [1e8 * (s + 1), 1e4 * (s + 1), 90.0 * s, 100.0 * s]
    plots.dynamics(seen, tmp_path / "x.svg")
    ax = figures[0].axes[4]
    triangles = ax.get_lines()[-1]
    assert ax.get_title() == "loss_4" and list(triangles.get_xdata()) == [0, 100, 200, 300]
    assert set(triangles.get_ydata()) == {ax.get_ylim()[1]} and not triangles.get_clip_on()
    assert not [path for band in ax.collections for path in band.get_paths() if len(path.vertices)]
    assert sum("triangle: beyond the axis" in text for text in texts(figures[0])) == 1, "of the panel that has some"


@pytest.mark.parametrize("losses", [2, 9])
def test_a_point_that_no_line_reaches_is_a_marker_with_an_error_bar(
    losses: int, figures: list[Any], tmp_path: Path
) -> None:
    seen = runs(losses)
    for s, seed in enumerate(seen["loss_1"]):
        seed["dissipation"] = [None, 0.5 + 0.1 * s, math.nan, None]
    plots.dynamics(seen, tmp_path / "x.svg")
    (bar,) = figures[0].axes[0 if losses == 2 else 1].containers
    marker, caps, (reach,) = bar.lines
    assert (*marker.get_xdata(), *marker.get_ydata()) == (100, pytest.approx(0.6)) and marker.get_marker() == "o"
    assert list(reach.get_segments()[0][:, 1]) == pytest.approx([0.5, 0.7]) and len(caps) == 2


def test_a_line_breaks_where_nothing_is_defined(figures: list[Any], tmp_path: Path) -> None:
    gap: list[float | None] = [0.4, 0.5, None, 0.6, 0.7]
    plots.dynamics({"a": [{"step": [0, 1, 2, 3, 4], "dissipation": gap, "ratio": gap}]}, tmp_path / "x.svg")
    ax = figures[0].axes[0]
    assert math.isnan(ax.get_lines()[0].get_ydata()[2]) and not ax.containers


@pytest.mark.parametrize(("panels", "columns"), [(1, 1), (2, 2), (6, 3), (8, 4), (9, 3), (10, 4)])
def test_a_measure_has_a_panel_and_a_setting_a_line(
    panels: int, columns: int, figures: list[Any], tmp_path: Path
) -> None:
    plots.measures(observed(3, panels), tmp_path / "x.svg", panels=titles(panels), name="temperature")
    axes = figures[0].axes
    assert len(axes) == panels and axes[0].get_gridspec().ncols == columns
    assert [ax.get_title(loc="left").replace("\n", " ") for ax in axes] == [*titles(panels).values()]
    lines = [[line for line in ax.get_lines() if line.get_label() in ("0.0", "0.1", "0.2")] for ax in axes]
    assert {len(found) for found in lines} == {3}
    assert [text.get_text() for text in figures[0].legends[0].get_texts()] == ["0.0", "0.1", "0.2"]
    assert figures[0].legends[0].get_title().get_text() == "temperature (mean ± sd over seeds, n = 3)"
    assert "training step" in texts(figures[0])
    figures[0].draw_without_rendering()
    headings = boxes(ax._left_title for ax in axes)
    assert apart(headings) and all(box.x1 <= figures[0].bbox.x1 for box in headings)


def test_a_measure_has_the_axis_that_its_values_need(figures: list[Any], tmp_path: Path) -> None:
    flat: dict[str, list[float | None]] = {"step": [0, 1], "a": [5e6, 5e6], "b": [None, None], "c": [-1.0, -1.2]}
    plots.measures({"x": [flat]}, tmp_path / "x.svg", panels={"a": "a", "b": "b", "c": "c"}, name="temperature")
    a, b, c = figures[0].axes
    assert a.get_ylim()[0] < 5e6 < a.get_ylim()[1] and -1.3 < c.get_ylim()[0] < c.get_ylim()[1] < -0.9
    assert "undefined" in [text.get_text() for text in b.texts] and "x" not in [text.get_text() for text in a.texts]


def test_a_setting_may_lack_a_step_and_a_start(figures: list[Any], tmp_path: Path) -> None:
    plots.measures(observed(2), tmp_path / "x.svg", panels=titles(9), name="temperature")
    first, second = figures[0].axes[0].get_lines()[:2]
    assert list(first.get_xdata()) == [0, 10, 150] and list(second.get_xdata()) == [0, 10, 50, 150]
    assert all(map(math.isfinite, first.get_ydata())), "a step that was not looked at is no gap"
    assert len(figures[0].axes[4].containers) == 1, "a single value at the end"


def test_a_scatter_says_what_was_fitted_and_names_the_words_furthest_out(figures: list[Any], tmp_path: Path) -> None:
    plots.scatter({"before": fitted(), "after": fitted(9)}, tmp_path / "x.svg", quantity="gain (nats)", weight="weight")
    before, after = figures[0].axes
    assert before.get_title() == "before" and before.get_ylabel() == "weight" and after.get_xlabel() == "gain (nats)"
    assert before.get_xlim() == after.get_xlim() and before.get_ylim() == after.get_ylim()
    assert before.texts[0].get_text() == "slope 0.100 [0.080, 0.120]\nR² = 0.88, Spearman –\nn = 60 words"
    line = before.get_lines()[0]
    assert list(line.get_xdata()) == [0, 11.8] and list(line.get_ydata()) == pytest.approx([0.25, 1.43])
    assert len(before.collections[0].get_offsets()) == 60, "what is not finite is not drawn"
    named = {text.get_text() for text in before.texts[1:]}
    assert len(named) == 8 and {"word0", "word58", "word59"} & named
    for ax in (before, after):
        assert apart(boxes(ax.texts))
        assert all(ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1 for box in boxes(ax.texts))


def test_words_of_a_sentence_keep_apart_and_on_the_page(figures: list[Any], tmp_path: Path) -> None:
    plots.sentences({"before training": weighted(), "after training": weighted(-1)}, tmp_path / "x.svg")
    ax = figures[0].axes[0]
    rows = {text.get_position()[1] for text in ax.texts}
    assert len(rows) == 2 * len(TEXTS)
    for row in rows:
        found = boxes(text for text in ax.texts if text.get_position()[1] == row)
        assert apart(found) and all(box.x0 >= 0 and box.x1 <= figures[0].bbox.x1 for box in found)
    words = [text for text in ax.texts if text.get_text() in " ".join(TEXTS).split()]
    assert len(words) == len(ax.patches) == 2 * len(" ".join(TEXTS).split())
    for word, shade in zip(boxes(words), boxes(ax.patches), strict=True):
        assert shade.x0 < word.x0 and word.x1 < shade.x1, "a word is on its own shade"


def test_a_shade_is_a_part_of_the_largest_share_and_ink_differs_from_it(figures: list[Any], tmp_path: Path) -> None:
    rows = {"before": [[("a", 1.0), ("b", 1.0)]], "after": [[("a", -30.0), ("b", 0.0)]]}
    plots.sentences(rows, tmp_path / "x.svg")
    ax = figures[0].axes[0]
    blues = [patch.get_facecolor()[0] for patch in ax.patches]
    assert blues[2] < blues[0] == blues[1] < blues[3], "half, half; all and nothing, whatever the sign"
    inks = {text.get_text(): text.get_color() for text in ax.texts}
    assert inks["b"] == "black" and [text.get_color() for text in ax.texts if text.get_text() == "a"][1] == "white"
    assert any("share of its sentence's weight" in text for text in texts(figures[0]))


def test_a_strip_has_a_dot_a_recipe_and_says_what_lies_below(figures: list[Any], tmp_path: Path) -> None:
    plots.strips([gained("tiny", 40)], tmp_path / "a.svg")
    (ax,) = figures[0].axes
    dots = [line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert len(dots) == 40 and sum(list(line.get_xdata()) == [3.0, 3.0] for line in ax.lines) == 1  # and the control
    places = [(round(float(x), 2), round(float(y), 3)) for line in dots for x, y in zip(*line.get_data())]
    assert len({*places}) == 40
    said = [text.get_text() for text in ax.texts]
    assert {*said} == {"◀ low -40", "recipe-39 +12.6", "recipe-37 +11.8", "recipe-38 +12.2"}  # the best of each kind


def test_rows_of_other_words_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="same words"):
        plots.sentences({"before": [[("a", 1.0)]], "after": [[("b", 1.0)]]}, tmp_path / "x.svg")


def test_nothing_is_a_line_across_where_the_axis_has_no_place_for_it(figures: list[Any], tmp_path: Path) -> None:
    plots.along(curves(4), tmp_path / "a.svg", name="sparsity", log=True)
    panels = figures[-1].axes
    assert len(panels) == 4 and all(ax.get_xscale() == "log" for ax in panels)
    curve, across = panels[0].lines
    assert list(curve.get_xdata()) == [0.001, 0.01, 0.5] and across.get_ydata()[0] == pytest.approx(41)
    plots.along(curves(1), tmp_path / "a.svg", name="sparsity")
    (whole,) = figures[-1].axes[0].lines
    assert list(whole.get_xdata()) == [0, 0.001, 0.01, 0.5]
