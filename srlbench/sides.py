"""What is compared: a recipe, one run of it, or all that a results folder holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from srlbench import records
from srlbench.errors import UsageError
from srlbench.records import Record
from srlbench.tracks import Track

Cell = tuple[str, str]  # recipe, backbone


@dataclass(frozen=True)
class System:
    """The good records of one recipe on one backbone, by seed, and the folder they lie in."""

    results: Path
    runs: Mapping[int, Record]


@dataclass(frozen=True)
class Held:
    """What a results folder holds of a track: systems, and why other cells have none."""

    systems: Mapping[Cell, System]
    failed: frozenset[Cell] = field(default=frozenset())
    unclear: Mapping[Cell, str] = field(default_factory=dict)

    @property
    def cells(self) -> set[Cell]:
        return {*self.systems, *self.failed, *self.unclear}


def chosen(text: str, fresh: Sequence[Record], results: Path, rules: Track) -> dict[Cell, System]:
    """Of the fresh records of a folder those that `recipe[@backbone][:seed]` names; a record's file is one run."""
    if is_file(text):
        return _file(Path(text), rules)
    return systems([record for record in fresh if text in names(record)], results)


def names(record: Record) -> set[str]:
    """What a record may be called: its recipe, on its backbone or any, of its seed or any."""
    whole = f"{record.recipe}@{record.backbone}"
    return {record.recipe, whole, f"{record.recipe}:{record.seed}", f"{whole}:{record.seed}"}


def systems(found: Sequence[Record], results: Path) -> dict[Cell, System]:
    """Records that lie in one folder, by recipe and backbone."""
    made: dict[Cell, dict[int, Record]] = {}
    for record in found:
        made.setdefault((record.recipe, record.backbone), {})[record.seed] = record
    return {cell: System(results, runs) for cell, runs in made.items()}


def is_run(text: str) -> bool:
    return is_file(text) or text.rpartition(":")[2].isdigit()


def is_file(text: str) -> bool:
    return text.endswith(".json")


def recipe_of(text: str) -> str:
    """The recipe that a side names, whether or not there is one."""
    return (text.rpartition(":")[0] if is_run(text) else text).partition("@")[0]


def held(rules: Track, results: Path, current: Mapping[Cell, str]) -> Held:
    """The systems of a results folder, whatever code made them; where several versions lie, the present one."""
    scanned = records.scan(results, rules.name, rules.version).records
    found = [record for record in scanned if record.protocol == rules.protocol.label]
    if not found:
        raise UsageError(f"There are no records of track {rules.name}, protocol {rules.protocol.label}, in {results}.")
    good: dict[Cell, System] = {}
    unclear: dict[Cell, str] = {}
    cells: dict[Cell, dict[str, dict[int, Record]]] = {}
    for record in found:
        kinds = cells.setdefault((record.recipe, record.backbone), {})
        if record.status == "ok":
            kinds.setdefault(record.fingerprint, {})[record.seed] = record
    for cell, kinds in cells.items():
        known = kinds.get(current.get(cell, "")) or (next(iter(kinds.values())) if len(kinds) == 1 else None)
        if known:
            good[cell] = System(results, known)
        elif kinds:
            unclear[cell] = f"{len(kinds)} versions in {results}, none of them today's"
    return Held(good, frozenset(cell for cell, kinds in cells.items() if not kinds), unclear)


def _file(path: Path, rules: Track) -> dict[Cell, System]:
    try:
        record = records.read(path)
    except records.RecordError as error:
        raise UsageError(f"{path}: {error}.") from None
    results = records.home(path, record)
    if record.status != "ok" or results is None:
        raise UsageError(f"{path} is no record of a good run in its place in a results folder.")
    if (record.track, record.track_version) != (rules.name, rules.version):
        raise UsageError(
            f"{path} is of track {record.track} v{record.track_version}, not of {rules.name} v{rules.version}."
        )
    if record.protocol != rules.protocol.label:
        raise UsageError(f"{path} was scored under protocol {record.protocol}, not {rules.protocol.label}.")
    return systems([record], results)
