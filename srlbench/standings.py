"""What the records of a results folder say: their leaderboard, their check, their baseline."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from srlbench import __version__, backbones, records, registry, tables, variants
from srlbench import baseline as baselines
from srlbench import check as checks
from srlbench import leaderboard as leaderboards
from srlbench.errors import UsageError
from srlbench.plan import current, folder
from srlbench.recipe import Registered
from srlbench.records import Record, Scan
from srlbench.tracks import Track
from srlbench.verdicts import Report

Files = tuple[Path, ...]


def leaderboard(
    rules: Track, files: Files, results: Path, *, write: bool
) -> tuple[leaderboards.Leaderboard, tuple[records.Problem, ...]]:
    """The table of a results folder, beside the published reference, and the files there that are none of its own."""
    found = _entered(results, rules)
    confirmed, broken = records.confirmations(results, rules.name, rules.version)
    entries = registry.recipes(files).values()
    board = leaderboards.build(
        found.records,
        track=rules.name,
        version=rules.version,
        protocol=rules.protocol.label,
        current=_current(entries, rules, found),
        groups=rules.groups,
        seeds=rules.seeds,
        reported=_reported(entries, rules),
        elsewhere=_elsewhere(entries, rules),
        reference=published(rules, results),
        confirmations=confirmed,
    )
    if write and found.records:
        place = "" if results == Path("srlbench-results") else f" --results {results.name}"
        tables.write(
            board,
            folder(results, rules),
            made_with=f"srlbench {__version__}",
            command=f"srlbench leaderboard --track {rules.name}{place}",
        )
    return board, (*found.problems, *broken)


def check(rules: Track, files: Files, results: Path, baseline: Path | None) -> Report:
    path = baseline or _published_folder(rules) / "baseline.toml"
    expected = baselines.load(path)
    found = _entered(results, rules)
    entries = registry.recipes(files)
    controls = {name for name, entry in entries.items() if not entry.recipe.trained}
    now = _current(entries.values(), rules, found)
    return checks.check(found.records, found.problems, expected, now, rules.groups, controls)


def accept(rules: Track, files: Files, results: Path, reason: str, output: Path | None) -> Path:
    path = output or folder(results, rules) / "baseline.toml"
    found = _entered(results, rules)
    text = baselines.accept(
        found.records,
        _current(registry.recipes(files).values(), rules, found),
        rules.groups,
        reason=reason,
        date=datetime.date.today().isoformat(),
        previous=baselines.load(path) if path.is_file() else None,
    )
    records.write_text(path, text)
    return path


def published(rules: Track, results: Path | None = None) -> tuple[Record, ...] | None:
    """The published records of a track: those of this clone, or those shipped; None if `results` is that folder."""
    place = _published_folder(rules)
    if not place.is_dir() or (results is not None and folder(results, rules).resolve() == place.resolve()):
        return None
    return records.scan(published_results(rules), rules.name, rules.version).records


def published_results(rules: Track) -> Path:
    """The results folder of the published records, whether or not the track has any."""
    return _published_folder(rules).parent.parent


def _entered(results: Path, rules: Track) -> Scan:
    """The records of registered recipes; variants are compared in sweeps, and do not compete."""
    found = records.scan(results, rules.name, rules.version)
    return Scan(tuple(r for r in found.records if not variants.is_variant(r.recipe)), found.problems)


def _published_folder(rules: Track) -> Path:
    package = Path(__file__).parent
    roots = [package.parent / "results", package / "published"]
    root = next((path for path in roots if path.is_dir()), roots[0])
    return folder(root, rules)


def _current(entries: Iterable[Registered], rules: Track, found: Scan) -> dict[tuple[str, str], str]:
    """Fingerprints on the track's backbones, and wherever else there is a record of that recipe."""
    seen = {(record.recipe, record.backbone) for record in found.records}
    others = dict.fromkeys(backbone for _, backbone in sorted(seen) if backbone not in rules.backbones)
    elsewhere = current(entries, rules, list(_resolvable(list(others)))) if others else {}
    return current(entries, rules) | {pair: print_ for pair, print_ in elsewhere.items() if pair in seen}


def _resolvable(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        try:
            backbones.resolve(name)
        except UsageError:
            continue
        yield name


def _reported(entries: Iterable[Registered], rules: Track) -> dict[tuple[str, str], Mapping[str, float]]:
    """What papers print for this very setting; empty on every track that is not the paper's."""
    starts = [backbones.resolve(name) for name in rules.backbones]
    return {
        (entry.name, start.name): numbers
        for entry in entries
        for start in starts
        if (numbers := entry.reported.get(f"{rules.name}/{start.hub_id or start.name}"))
    }


def _elsewhere(entries: Iterable[Registered], rules: Track) -> list[leaderboards.Elsewhere]:
    """What papers print of the track's recipes in another setting, but on the same tasks."""
    if rules.protocol.source != "senteval":
        return []
    return [
        (entry.name, setting.partition("/")[2], numbers)
        for entry in entries
        for setting, numbers in entry.reported.items()
        if not setting.startswith(f"{rules.name}/")
    ]
