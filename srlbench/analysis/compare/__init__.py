"""Recipes against each other on the same items: how much better, and how sure that is.

Four parts of srlbench ask whether numbers differ, and each asks something else. A *comparison* (here) is about two
systems: how much better would one be, with other items and other seeds? The command line and the site show the same
ones. A *rank* (`stats.tie_groups`) is about a whole table: which rows does the spread of the seeds set apart? A *claim*
(`analysis/claims`) is about a sentence of a paper: does its effect show, seed by seed, on this track? The *check*
(`analysis/check`) is about the code: did what this very recipe scores fall since the baseline was written? It alone
pools the spread of both sides, because nothing but the seeds should differ there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from srlbench import records, registry, variants
from srlbench.analysis.compare import paired, systems, tables
from srlbench.analysis.compare.paired import MARGIN, Comparison
from srlbench.analysis.compare.systems import Folder, System, scored
from srlbench.analysis.results import Cell, Results
from srlbench.analysis.table import Table
from srlbench.errors import SrlbenchError, UsageError
from srlbench.records import address
from srlbench.stats import average
from srlbench.tracks import Track

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Unmeasured:
    """A pair that could not be compared, and why."""

    name: str
    word: Literal["newly failing", "newly fixed", "failing", "not comparable"]
    reason: str


@dataclass(frozen=True)
class Compared:
    """Comparisons that were made together, and the pairs that could not be compared."""

    track: Track
    comparisons: tuple[Comparison, ...]
    unmeasured: tuple[Unmeasured, ...] = ()

    @property
    def averages(self) -> list[str]:
        return [average(group) for group in self.track.groups]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return list(dict.fromkeys((each.system, each.against) for each in self.comparisons))

    @property
    def _primary(self) -> Comparison:
        """The comparison of the only pair, on the average that ranks."""
        mine = [each for each in self.comparisons if each.name == self.averages[0]]
        if len(mine) != 1:
            raise UsageError(f"These are {len(mine)} comparisons on {self.averages[0]}: take one from `comparisons`.")
        return mine[0]

    @property
    def interval(self) -> tuple[float, float]:
        return self._primary.interval

    @property
    def difference(self) -> float:
        return self._primary.difference.value

    @property
    def p(self) -> float:
        return self._primary.p

    @property
    def word(self) -> str:
        return self._primary.word

    @property
    def tables(self) -> list[Table]:
        """One table of tasks for a single pair; else a table of pairs for each average."""
        if len(self.pairs) == 1:
            return [tables.by_task(self.comparisons, self.averages)]
        mine = {name: [each for each in self.comparisons if each.name == name] for name in self.averages}
        return [tables.many(found, name) for name, found in mine.items() if found]

    def as_plain(self) -> dict[str, Any]:
        """In JSON's own types."""
        return {
            "track": self.track.name,
            "version": self.track.version,
            "protocol": self.track.protocol.label,
            "comparisons": [*map(tables.to_json, self.comparisons)],
            "rest": [*map(asdict, self.unmeasured)],
        }

    def to_markdown(self) -> str:
        return "\n\n".join(table.to_markdown() for table in self.tables)

    def to_latex(self) -> str:
        return "\n".join(table.to_latex() for table in self.tables)

    def to_pandas(self) -> pandas.DataFrame:
        """One row a pair and task or average."""
        import pandas

        return pandas.json_normalize([tables.to_json(each) for each in self.comparisons], sep="_")

    def _repr_html_(self) -> str:
        return "\n".join(table.to_html() for table in self.tables)


def compare(results: Results, sides: Sequence[str] = (), margin: float = MARGIN) -> Compared:
    """Compare two recipes, runs or folders; or one recipe, or every one, with its `default_pairs`."""
    if len(sides) > 2:
        raise UsageError("Two are compared at a time: two recipes, two runs, or two results folders.")
    external = {record.recipe for record in results.references}
    folders = [Path(side) for side in sides if Path(side).is_dir() and side not in external]
    if len(folders) == 2:
        first, second = (replace(results, path=folder) for folder in folders)
        return _folders(first, second, margin)
    if folders:
        raise UsageError(f"{folders[0]} is a results folder: compare it with another one.")
    for side in sides:
        if not systems.is_file(side) and (asked := address.parse(side).recipe) not in external:
            registry.recipe(asked, results.files)
    if len(sides) == 2:
        return _two(results, sides, margin)
    if sides and address.parse(sides[0]).recipe in external:
        raise UsageError(
            f"{sides[0]} was trained elsewhere and has no control here: name the recipe to compare it with."
        )
    everyone = _everyone(results)
    mine = systems.named(sides[0], results) if sides else everyone
    pairs = list(default_pairs(mine, everyone, results))
    if not pairs:
        again = f"`srlbench run --track {results.track.name}` makes it."
        raise SrlbenchError(f"There is nothing to compare in {results.path}; {again}")
    everyone |= mine
    several = len({backbone for pair in pairs for _, backbone in pair}) > 1
    labels = {cell: "@".join(cell) if several else cell[0] for pair in pairs for cell in pair}
    items = scored(results.track, {label: everyone[cell] for cell, label in labels.items()})
    named = [(labels[a], labels[b]) for a, b in pairs]
    found = paired.compare(named, items, results.track.groups, margin)
    _ensure_some(found, results.path)
    return Compared(results.track, tuple(found))


def _ensure_some(found: Sequence[Comparison], path: Path) -> None:
    if not found:
        raise SrlbenchError(
            f"There is nothing to compare by in {path}: it takes all scores of a group of tasks from both sides, and "
            "predictions or several seeds."
        )


def every_pair(results: Results) -> tuple[Compared, tuple[Comparison, ...]]:
    """The comparisons that `compare` makes for a whole folder; and every pair on one backbone, on the averages.

    The p of such a pair is adjusted for no other pair. Systems are called RECIPE@BACKBONE. Predictions are read once.
    """
    everyone, groups = _everyone(results), results.track.groups
    items = scored(results.track, {"@".join(cell): system for cell, system in everyone.items()})
    named = [("@".join(a), "@".join(b)) for a, b in default_pairs(everyone, everyone, results)]
    alone = [
        comparison
        for (a, at), (b, other) in combinations(everyone, 2)
        if at == other
        for comparison in paired.compare([(f"{a}@{at}", f"{b}@{at}")], items, groups, tasks=False)
    ]
    found = paired.compare(named, items, groups)
    if named:
        _ensure_some(found, results.path)
    return Compared(results.track, tuple(found)), tuple(alone)


def _everyone(results: Results) -> dict[Cell, System]:
    return systems.systems([r for r in results.fresh if not variants.is_variant(r.recipe)], results.path)


def default_pairs(cells: Iterable[Cell], known: Mapping[Cell, System], results: Results) -> Iterator[tuple[Cell, Cell]]:
    """Pairs of a recipe and the track's control, and of a recipe and the one that it is a version of."""
    originals = {name: entry.version_of for name, entry in results.recipes.items()}
    for recipe, backbone in cells:
        for other in dict.fromkeys((results.track.control, originals.get(recipe))):
            if other and other != recipe and (other, backbone) in known:
                yield (recipe, backbone), (other, backbone)


def write(compared: Compared, results: Results) -> Path:
    """Write `comparisons.md` beside the records."""
    track, path = results.track, results.folder / "comparisons.md"
    head = f"{track.name} v{track.version}"
    records.write_text(path, tables.page(compared.comparisons, compared.averages, head, results.command("compare")))
    return path


def _two(results: Results, sides: Sequence[str], margin: float) -> Compared:
    """A against B on each backbone that both have, or across backbones if each has only one or one is external."""
    track, chosen = results.track, [systems.named(side, results) for side in sides]
    for side, found in zip(sides, chosen, strict=True):
        if not found:
            raise SrlbenchError(f"There is no fresh record of {side}; `srlbench run --track {track.name}` makes them.")
    a, b = chosen
    any_two = len(a) == len(b) == 1 or any(system.fixed for system in (*a.values(), *b.values()))
    pairs = [(x, y) for x in a for y in b if x[1] == y[1]] or [(x, y) for x in a for y in b if any_two]
    if not pairs:
        raise SrlbenchError(f"{sides[0]} and {sides[1]} have no backbone in common.")
    of_runs, comparisons = all(map(systems.is_run, sides)), []
    for x, y in pairs:
        first, second = (f"{side}{'' if '@' in side or len(pairs) == 1 else '@' + x[1]}" for side in sides)
        if first == second:
            raise UsageError("The two sides are one and the same.")
        both = scored(track, {first: a[x], second: b[y]})
        comparisons += paired.compare([(first, second)], both, track.groups, margin, of_runs=of_runs)
    _ensure_some(comparisons, results.path)
    return Compared(track, tuple(comparisons))


def _folders(first: Results, second: Results, margin: float) -> Compared:
    """Every recipe of one folder against itself in another."""
    track, a, b = first.track, systems.folder(first), systems.folder(second)
    rest = [_unmeasured(cell, a, b, (first.path, second.path)) for cell in sorted({*a.cells, *b.cells})]
    both = [cell for cell in a.systems if cell in b.systems]
    here, there = ({cell: f"{'@'.join(cell)} in {side.path}" for cell in both} for side in (first, second))
    named = {here[cell]: a.systems[cell] for cell in both} | {there[cell]: b.systems[cell] for cell in both}
    pairs = [(here[cell], there[cell]) for cell in both]
    found = paired.compare(pairs, scored(track, named), track.groups, margin)
    return Compared(track, tuple(found), tuple(each for each in rest if each))


def _unmeasured(cell: Cell, a: Folder, b: Folder, paths: tuple[Path, Path]) -> Unmeasured | None:
    if cell in a.systems and cell in b.systems:
        return None
    name = "@".join(cell)
    if cell in a.failed and cell in b.systems:
        return Unmeasured(name, "newly failing", f"all its runs failed in {paths[0]}")
    if cell in b.failed and cell in a.systems:
        return Unmeasured(name, "newly fixed", f"all its runs failed in {paths[1]}")
    if cell in a.failed and cell in b.failed:
        return Unmeasured(name, "failing", "all its runs failed in both")
    why = [f"no record in {path}" for path, side in zip(paths, (a, b), strict=True) if cell not in side.cells]
    why += [side.unclear[cell] for side in (a, b) if cell in side.unclear]
    return Unmeasured(name, "not comparable", "; ".join(why))
