"""The settings of each recipe, chosen on the development set by the same search for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srlbench import variants
from srlbench.errors import UsageError
from srlbench.markdown import code, escaped, table
from srlbench.recipe import Registered
from srlbench.records import Record, write_text
from srlbench.tracks import Track

FOLDER = "search"  # of the results: its records are scored on the development set alone
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Searched:
    """One recipe on one backbone: the development score of each point of the grid, in the grid's order."""

    recipe: str
    backbone: str
    points: tuple[tuple[Settings, float | None], ...]

    @property
    def chosen(self) -> Settings | None:
        """The best point, the first of equals; none before all of them are measured."""
        scores = [score for _, score in self.points]
        if None in scores:
            return None
        return max(self.points, key=lambda point: point[1] or 0.0)[0]


def grid(track: Track, backbone: str) -> list[dict[str, Any]]:
    """The points that the track declares for a backbone: lists of values, all combinations."""
    axes = track.search.get(backbone)
    if not axes:
        raise UsageError(f"Track {track.name} declares no search for the backbone '{backbone}'.")
    return list(variants.grid([f"{key}={','.join(map(str, values))}" for key, values in axes.items()]))


def points(recipes: Sequence[Registered], track: Track, backbone: str) -> Iterator[Registered]:
    """Every trained recipe at every point of the grid."""
    for entry in recipes:
        if entry.recipe.trained:
            yield from (variants.variant(entry, changes) for changes in grid(track, backbone))


def found(
    recipes: Sequence[Registered], track: Track, now: Mapping[tuple[str, str], str], records: Sequence[Record]
) -> list[Searched]:
    """What the current records of the search say; `now` maps variant and backbone to the fingerprint it has."""
    scores = {
        (record.recipe, record.backbone): record.scores.get(track.development)
        for record in records
        if record.status == "ok" and now.get((record.recipe, record.backbone)) == record.fingerprint
    }
    return [
        Searched(
            entry.name,
            backbone,
            tuple(
                (changes, scores.get((variants.variant(entry, changes).name, backbone)))
                for changes in grid(track, backbone)
            ),
        )
        for backbone in track.searched
        for entry in recipes
        if any((variants.variant(entry, changes).name, backbone) in now for changes in grid(track, backbone))
    ]


def to_toml(searched: Sequence[Searched], command: str) -> str:
    """What was chosen, in the form that a track reads."""
    lines = [f"# Chosen on the development set; made with `{command}`."]
    for each in searched:
        if each.chosen is not None:
            lines += ["", f"[{each.backbone}.{each.recipe}]"]
            lines += [f"{key} = {value!r}" for key, value in each.chosen.items()]
    return "\n".join(lines) + "\n"


def to_markdown(searched: Sequence[Searched], track: Track, command: str) -> str:
    """The scores of all points, the chosen one of each recipe in bold."""
    parts = [
        f"# Search on the development set: track {code(track.name)} v{track.version}\n\n"
        f"Spearman on {escaped(track.development)} in percent, one run (seed {track.search['seed']}, which is not "
        "reported anywhere else). Every trained recipe has the same points; the best one, in bold, is what the track "
        "uses.\n"
    ]
    for backbone in dict.fromkeys(each.backbone for each in searched):
        mine = [each for each in searched if each.backbone == backbone]
        header = [escaped(spelled(settings)) for settings, _ in mine[0].points]
        rows = [[escaped(each.recipe), *(_cell(each, point) for point in each.points)] for each in mine]
        shown = table(["recipe", *header], [":---", *["---:"] * len(header)], rows)
        parts.append(f"## {escaped(backbone)}\n\n{shown}\n")
    return "\n".join([*parts, f"Made with {code(command)}.\n"])


def write(searched: Sequence[Searched], track: Track, folder: Path, command: str) -> list[Path]:
    """`search.md`, and `TRACK.chosen`, which goes beside the track's file."""
    from srlbench.tracks import CHOSEN

    page, chosen = folder / "search.md", folder / CHOSEN.format(track.name)
    write_text(page, to_markdown(searched, track, command))
    write_text(chosen, to_toml(searched, command))
    return [page, chosen]


def _cell(each: Searched, point: tuple[Settings, float | None]) -> str:
    settings, score = point
    said = "not run" if score is None else f"{score:.2f}"
    return f"**{said}**" if settings == each.chosen else said


def spelled(settings: Settings) -> str:
    """A point of the grid as a table's header has it."""
    return ", ".join(f"{key} {value}" for key, value in settings.items())
