"""Sentences whose words are shaded by the weight that an encoder gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextToPath

from srlbench.analysis.figures.style import NOTE, PAGE, STYLE, save

Weighted = Sequence[tuple[str, float]]  # the words of a sentence

SHADES = LinearSegmentedColormap.from_list("shades", colormaps["Blues"](np.linspace(0, 0.92, 256)))
READABLE = 0.18  # white on a darker shade and black on a lighter one differ by 4.5 to 1
# In points:
SIZE, HIGH, LINE, APART = 8.0, 12.0, 13.5, 9.0  # words, what is shaded of a row, row to row, between sentences
MARGIN, PAD, GAP, LEGEND = 6.0, 1.8, 1.2, 29.0  # around all, in a word's shade, between words, what shades mean


def sentences(weights: Mapping[str, Sequence[Weighted]], path: Path) -> None:
    """Each sentence in a row for each label; the darker a word, the larger its part of the weight.

    weights: by the label of the rows, the same sentences of (word, weight). A word's part is its share of the absolute
    weights in its row; the darkest is the largest of the sentence in any row. A sentence too long for the page is set
    smaller.
    """
    lines = list(zip(*weights.values(), strict=True))
    if any([word for word, _ in row] != [word for word, _ in rows[0]] for rows in lines for row in rows):
        raise ValueError("The rows of a sentence must have the same words.")
    with rc_context(STYLE):
        block = LINE * len(weights) + APART
        width, height = 72 * PAGE, MARGIN + block * len(lines) + LEGEND
        figure = Figure(figsize=(PAGE, height / 72))
        ax = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
        ax.set_axis_off()
        left = 2 * MARGIN + max((_width(label, 7) for label in weights), default=0.0)
        for number, rows in enumerate(lines):
            top = height - MARGIN - number * block - LINE / 2
            _sentence(ax, rows, left, top)
            for place, label in enumerate(weights):
                ax.text(MARGIN, top - place * LINE, label, fontsize=7, color=NOTE, va="center_baseline")
        _meaning(figure, left, height)
        save(figure, path)


def _sentence(ax: Axes, rows: Sequence[Weighted], left: float, top: float) -> None:
    """The rows of one sentence, its words in the same places."""
    words = [word for word, _ in rows[0]]
    parts = [[abs(weight) / (sum(abs(other) for _, other in row) or 1.0) for _, weight in row] for row in rows]
    darkest = max((part for row in parts for part in row), default=0.0) or 1.0
    ends = [0.0, *accumulate(_width(word, SIZE) + 2 * PAD + GAP for word in words)]
    smaller = min(1.0, (ax.get_xlim()[1] - MARGIN - left) / max(ends[-1] - GAP, 1.0))
    for place, row in enumerate(parts):
        y = top - place * LINE
        for word, part, (start, end) in zip(words, row, pairwise(ends)):
            shade = SHADES(part / darkest)
            x, width = left + start * smaller, (end - start - GAP) * smaller
            ax.add_patch(Rectangle((x, y - HIGH / 2), width, HIGH, facecolor=shade, linewidth=0))
            ink = "white" if _light(shade) < READABLE else "black"
            text = ax.text(x + width / 2, y, word, color=ink, fontsize=SIZE * smaller, ha="center", parse_math=False)
            text.set_verticalalignment("center_baseline")


def _meaning(figure: Figure, left: float, height: float) -> None:
    """The legend: a small colour bar and a line of text, placed in points."""
    page = 72 * PAGE
    bar = figure.add_axes((left / page, 16 / height, 90 / page, 6 / height))
    figure.colorbar(ScalarMappable(cmap=SHADES), cax=bar, orientation="horizontal", ticks=[0, 0.5, 1])
    bar.set_xticklabels(["0", "0.5", "1"])
    bar.tick_params(labelsize=6.5, length=2, pad=1.5)
    note = "a word's share of its sentence's weight; 1 is the largest share in any row of the sentence"
    figure.text((left + 100) / page, 19 / height, note, fontsize=7, color=NOTE, va="center_baseline")


def _width(text: str, size: float) -> float:
    """The width of the drawn text in points."""
    return float(TextToPath().get_text_width_height_descent(text, FontProperties(size=size), ismath=False)[0])


def _light(colour: Sequence[float]) -> float:
    """Relative luminance (WCAG)."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
