"""A figure as part of a page: an SVG whose text is text, whose colours are the page's, and whose ids are its own."""

from __future__ import annotations

import io
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from srlbench.escape import csv_text

Numbers = Sequence[Sequence[str | float | None]]  # the titles of columns, then rows
# Stand-ins: a colour of the page's style sheet cannot be said to the library, so each is a number nothing else has.
INK, NOTE, RULE, GROUND = "#010203", "#010204", "#010205", "#010206"
SERIES = ("#020301", "#020302", "#020303", "#020304")
_NAMED = {INK: "ink", NOTE: "note", RULE: "rule", GROUND: "ground"}
_NAMED |= {colour: f"series-{number}" for number, colour in enumerate(SERIES)}
STYLE: dict[str, Any] = {
    "axes.edgecolor": RULE,
    "axes.facecolor": "none",
    "axes.labelcolor": NOTE,
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlesize": 8.5,
    "font.size": 8.5,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "path.simplify_threshold": 0.2,
    "svg.fonttype": "none",
    "svg.hashsalt": "srlbench",
    "text.color": INK,
    "text.parse_math": False,  # a name with two dollars in it is no formula
    "xtick.color": RULE,
    "xtick.labelcolor": NOTE,
    "xtick.labelsize": 8,
    "xtick.major.size": 2.5,
    "ytick.color": RULE,
    "ytick.labelcolor": NOTE,
    "ytick.labelsize": 8,
    "ytick.major.size": 2.5,
}


@contextmanager
def sheet(
    width: float, height: float, rows: int = 1, columns: int = 1, **margins: float
) -> Iterator[tuple[Figure, Any]]:
    """A figure of so many inches and its axes; margins are given, because to search for them takes most of the time."""
    with rc_context(STYLE):
        figure = Figure(figsize=(width, height))
        axes = figure.subplots(rows, columns, squeeze=False)
        figure.subplots_adjust(**margins)
        yield figure, axes


@dataclass(frozen=True)
class Picture:
    """A picture of a page: an SVG with its title, caption and numbers; no other picture of the page has its name."""

    name: str
    title: str
    svg: Markup
    caption: str
    numbers: Numbers

    @property
    def csv(self) -> str:
        """The numbers as the address of a CSV file that is part of the page."""
        rows = [[f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row] for row in self.numbers]
        return f"data:text/csv;base64,{b64encode(csv_text(rows).encode()).decode()}"


def picture(figure: Figure, name: str, title: str, description: str, caption: str, numbers: Numbers) -> Picture:
    """The figure as a picture; the description is for readers who do not see it, the numbers are what is drawn."""
    return Picture(name, title, _inline(figure, name, title, description), caption, numbers)


def _inline(figure: Figure, name: str, title: str, description: str) -> Markup:
    out = io.StringIO()
    with rc_context(STYLE):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"<[^>]*>", _tidy, text[text.index("<svg") :])
    text = _own_ids(_without_groups(text), name)
    for colour, variable in _NAMED.items():
        text = text.replace(colour, f"var(--{variable})")
    heading = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
    size = f"{box[0]} " if box else ""
    head = f'<svg {size}role="img" aria-labelledby="{name}-title" aria-describedby="{name}-desc">{heading}'
    text = re.sub(r"^<svg[^>]*>", lambda _: head, text)
    return Markup(re.sub(r">\s+<", "><", text).strip())


def set_titles(ax: Axes, title: str, across: str = "", up: str = "", size: float = 8.5) -> None:
    """The titles of a panel and its axes, at fixed places: to search for places takes longer than to draw."""
    ax.set_title(title, loc="left", y=1.0, pad=5, fontsize=size)
    height = ax.get_window_extent().height
    ax.xaxis.set_label_coords(0.5, -29 / height)
    ax.yaxis.set_label_coords(-42 / ax.get_window_extent().width, 0.5)
    ax.set_xlabel(across)
    ax.set_ylabel(up)


def hide(ax: Axes, *sides: str) -> None:
    """Remove the lines on these sides, and all tick marks."""
    for side in sides:
        ax.spines[side].set_visible(False)
    ax.tick_params(length=0)


def _tidy(tag: re.Match[str]) -> str:
    """A tag in few letters, without a family of fonts: places to a tenth of a point. What stands between tags stays."""
    text = re.sub(r"(\.\d\d)\d+", r"\1", tag[0].replace("\n", " "))
    text = re.sub(r" ?font-family: [^;\"]*;", "", text)
    text = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", text)
    text = re.sub(r' (d|x|y|width|height)="[^"]*"', _places, text)
    text = re.sub(r' style="[^"]*"', lambda style: re.sub(r"(?<=[;:]) ", "", style[0]), text)
    return text.replace("xlink:href", "href")


def _places(attribute: re.Match[str]) -> str:
    text = re.sub(r"(\d+)\.(\d)\d*", lambda m: m[1] if m[2] == "0" else f"{m[1]}.{m[2]}", attribute[0])
    return re.sub(r"\s*\b([MLQCz])\b\s*", r"\1", text) if attribute[1] == "d" else text


def _without_groups(text: str) -> str:
    """The SVG without groups that say nothing."""
    kept: list[bool] = []

    def tag(found: re.Match[str]) -> str:
        if found[0] == "</g>":
            return "</g>" if kept.pop() else ""
        kept.append(found[1] != "")
        return found[0] if kept[-1] else ""

    return re.sub(r"</g>|<g((?: [^>]*)?)>", tag, text)


def _own_ids(text: str, name: str) -> str:
    """Ids that something refers to begin with the picture's name; the others go."""
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    text = re.sub(r' id="([^"]*)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", text)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", text)
