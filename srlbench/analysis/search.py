"""The search for each recipe's settings on the development set, with the same grid for all recipes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from srlbench import variants
from srlbench.analysis.results import Results
from srlbench.analysis.table import Cell, Column, Line, Table
from srlbench.escape import code, escaped
from srlbench.recipe import Registered
from srlbench.records import write_text
from srlbench.runs.fingerprint import current
from srlbench.runs.sampler import TPE, Sampling, Study, space
from srlbench.runs.search import FOLDER, grid, points
from srlbench.tracks import CHOSEN, Track

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Searched:
    """One recipe on one backbone: the development score of each point of the grid, in the grid's order."""

    recipe: str
    backbone: str
    points: tuple[tuple[Settings, float | None], ...]

    @property
    def chosen(self) -> Settings | None:
        """The best point, or the first of equal ones; None before all points have scores."""
        scores = [score for _, score in self.points]
        if None in scores:
            return None
        return max(self.points, key=lambda point: point[1] or 0.0)[0]


@dataclass(frozen=True)
class Sampled(Searched):
    """What a sampler tried: its trials in their order; one whose run failed has no score."""

    @property
    def chosen(self) -> Settings | None:
        """The best point so far."""
        scored = [point for point in self.points if point[1] is not None]
        return max(scored, key=lambda point: point[1] or 0.0)[0] if scored else None


def sampled(studies: Sequence[Study]) -> list[Sampled]:
    """What was tried of each recipe on each backbone."""
    return [Sampled(study.entry.name, study.backbone, tuple(study.trials)) for study in studies]


def collect(recipes: Sequence[Registered], results: Results, backbones: Sequence[str] = ()) -> list[Searched]:
    """Collect the scores of a search from its current records; without backbones, of all that the track searches."""
    track, chosen = results.track, backbones or results.track.searched
    searches = Results(results.path / FOLDER, track, results.files)
    searched = []
    for backbone in chosen:
        now = current(list(points(recipes, track, backbone)), track, [backbone])
        scores = {
            record.recipe: record.scores.get(track.development)
            for record in searches.records
            if record.status == "ok" and now.get((record.recipe, record.backbone)) == record.fingerprint
        }
        for entry in recipes:
            variants_ = [(changes, variants.variant(entry, changes).name) for changes in grid(track, backbone)]
            if any((name, backbone) in now for _, name in variants_):
                tried = tuple((changes, scores.get(name)) for changes, name in variants_)
                searched.append(Searched(entry.name, backbone, tried))
    return searched


def to_toml(searched: Sequence[Searched], command: str) -> str:
    """The chosen settings, in the TOML that a track reads."""
    import tomli_w

    tables: dict[str, dict[str, Settings]] = {}
    for entry in searched:
        if entry.chosen is not None:
            # TOML has no word for nothing: it is spelled as in a recipe's name.
            values = {key: "none" if value is None else value for key, value in entry.chosen.items()}
            tables.setdefault(entry.backbone, {})[entry.recipe] = values
    return f"# Chosen on the development set; made with `{command}`.\n\n" + tomli_w.dumps(tables)


def to_markdown(searched: Sequence[Searched], track: Track, command: str) -> str:
    """The text of `search.md`: the scores of all points, the chosen one of each recipe in bold."""
    parts = [
        f"# Search on the development set: track {code(track.name)} v{track.version}\n\n"
        f"Spearman on {escaped(track.development)} in percent, one run (seed {track.search['seed']}, which is not "
        "reported anywhere else). Every trained recipe has the same points; the best one, in bold, is what the track "
        "uses.\n"
    ]
    for shown in tables(searched):
        parts.append(f"## {escaped(shown.title)}\n\n{shown.to_markdown()}\n")
    return "\n".join([*parts, f"Made with {code(command)}.\n"])


def tables(searched: Sequence[Searched]) -> Iterator[Table]:
    """A table for each backbone: a line for each recipe, a column for each point of the grid, the chosen one bold.

    What was sampled has a table for each recipe and backbone: a line for each trial.
    """
    yield from map(trials, (each for each in searched if isinstance(each, Sampled)))
    searched = [each for each in searched if not isinstance(each, Sampled)]
    for backbone in dict.fromkeys(each.backbone for each in searched):
        mine = [each for each in searched if each.backbone == backbone]
        points = (", ".join(f"{key} {value}" for key, value in settings.items()) for settings, _ in mine[0].points)
        lines = [Line([Cell(each.recipe), *(_cell(each, point) for point in each.points)]) for each in mine]
        yield Table("search", backbone, [Column("recipe", "left"), *map(Column, points)], lines)


def trials(found: Sampled) -> Table:
    """A line for each trial: its settings and its development score, the best ones bold."""
    keys = list(found.points[0][0]) if found.points else []
    lines = []
    for number, point in enumerate(found.points, 1):
        settings, score = point
        values = [Cell(str(settings[key]), settings[key]) for key in keys]
        last = _cell(found, point) if score is not None else Cell("failed", mark="failed")
        lines.append(Line([Cell(str(number), number), *values, last]))
    columns = [Column("trial"), *map(Column, keys), Column("development")]
    return Table("trials", f"{found.recipe} on {found.backbone}", columns, lines)


def write_sampled(found: Sequence[Sampled], results: Results, sampling: Sampling, command: str) -> list[Path]:
    """Write a page for each recipe and backbone; the page and the choice of the declared grid stay as they are."""
    pages = []
    for each in found:
        name = quote(f"{each.recipe}@{each.backbone}", safe="@+= ")
        pages.append(results.folder / "searches" / f"{name}-{TPE}.md")
        write_text(pages[-1], _sampled_page(each, results.track, sampling, command))
    return pages


def _sampled_page(found: Sampled, track: Track, sampling: Sampling, command: str) -> str:
    ranges = "; ".join(f"{key} {axis}" for key, axis in space(track, found.backbone).items())
    parts = [
        f"# Search by TPE: {code(found.recipe)} on {code(found.backbone)}, track {code(track.name)} v{track.version}",
        f"Spearman on {escaped(track.development)} in percent, one run a trial (seed {track.search['seed']}, which is "
        f"not reported anywhere else). Sampler: {sampling.sampler}, seed {sampling.seed}, {sampling.trials} trials, "
        f"within the range of the track's grid: {escaped(ranges)}. The best trial is bold.",
        trials(found).to_markdown(),
    ]
    if found.chosen:
        best = variants.changed(found.recipe, found.chosen)
        parts.append(f"The best one is {code(f'{best}@{found.backbone}')}.")
    return "\n\n".join([*parts, f"Made with {code(command)}."]) + "\n"


def write(searched: Sequence[Searched], results: Results) -> list[Path]:
    """Write `search.md`, and `TRACK.chosen`, which goes beside the track's file."""
    track, command = results.track, results.command("tune")
    page, chosen = results.folder / "search.md", results.folder / CHOSEN.format(track.name)
    write_text(page, to_markdown(searched, track, command))
    write_text(chosen, to_toml(searched, command))
    return [page, chosen]


def _cell(each: Searched, point: tuple[Settings, float | None]) -> Cell:
    settings, score = point
    return Cell("not run" if score is None else f"{score:.2f}", score, bold=settings == each.chosen)
