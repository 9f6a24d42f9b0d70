"""What is published of a results folder: a track's tables and records as a dataset, a run's encoder as a model."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path

from srlbench import records, variants
from srlbench.analysis.results import Results
from srlbench.errors import SrlbenchError, UsageError
from srlbench.escape import cell
from srlbench.publish import cards, hub
from srlbench.publish.hub import Upload
from srlbench.records import Record, address, cores

VIEWS = ("leaderboard.csv", "leaderboard.md")
ANALYSES = ("claims.md", "comparisons.md", "search.md", "*.svg", "sweeps/*.md", "sweeps/*.csv", "sweeps/*.svg")
RULES = ("protocol.toml", "track.toml", "*.chosen", "baseline.toml")


def uploads(results: Results, encoders: Sequence[str], repository: str) -> list[Upload]:
    """The dataset, then the encoders, whose cards have links to it."""
    runs = [_run(name, results) for name in dict.fromkeys(encoders)]
    dataset = _dataset(results, hub.checked(repository))
    return [dataset, *(_encoder(record, results, dataset) for record in runs)]


def _ok(results: Results) -> list[Record]:
    return [record for record in results.records if record.status == "ok"]


def _dataset(results: Results, repository: str) -> Upload:
    """The files of the results folder with their paths, without failed runs, and a card."""
    root, track, ok = results.folder, results.track, _ok(results)
    _must_agree(results, ok)
    paths = [path for pattern in (*VIEWS, *ANALYSES, *RULES) for path in sorted(root.glob(pattern))]
    for kind, found in ((records.RUNS, ok), (records.REFERENCES, results.references)):
        for record in found:
            predicted = records.predictions_path(results.path, record.key)
            mine = records.record_path(results.path, record.key, kind=kind)
            paths += [mine, *([predicted] if predicted.is_file() else [])]
    files: dict[str, Path | bytes] = {path.relative_to(results.path).as_posix(): path for path in paths}
    sweeps = [name for name in files if "/sweeps/" in name and name.endswith(".csv")]
    board = (root / "leaderboard.md").read_text(encoding="utf-8", errors="replace")
    card = cards.of_dataset(track, board, sweeps, repository)
    message = f"srlbench: track {track.name} v{track.version}, {len(ok)} records"
    return Upload(repository, "dataset", {"README.md": card.encode(), **files}, message)


def _must_agree(results: Results, ok: Sequence[Record]) -> None:
    """Raise an error if the leaderboard's file is not that of the records."""
    root, track = results.folder, results.track
    again = f"`srlbench leaderboard --track {track.name}` makes it."
    if not all((root / name).is_file() for name in VIEWS):
        raise UsageError(f"There is no leaderboard to publish in {root}; {again}")
    expected = {
        (cell(record.recipe), cell(record.backbone), record.fingerprint, str(record.seed))
        for record in ok
        if record.protocol == track.protocol.label and not variants.is_variant(record.recipe)
    }
    if _shown(root / VIEWS[0]) != expected:
        raise SrlbenchError(f"{root / VIEWS[0]} is not the table of the records beside it; {again}")


def _shown(path: Path) -> set[tuple[str, str, str, str]] | None:
    """The runs that a leaderboard has in it; None if it is no leaderboard."""
    try:
        return {
            (row["recipe"], row["backbone"], row["fingerprint"], seed)
            for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
            for seed in row["seeds"].split()
        }
    except (OSError, ValueError, KeyError, AttributeError, csv.Error):
        return None


def _run(name: str, results: Results) -> Record:
    """The run whose encoder is meant, by its address."""
    asked = address.parse(name)
    found = [r for r in asked.among(_ok(results)) if (_folder(r, results) / "modules.json").is_file()]
    if not found:
        raise UsageError(
            f"No run '{name}' of track {results.track.name} kept its encoder in {results.path}; "
            "`srlbench run` keeps them."
        )
    if len(found) > 1:
        found = [record for record in found if results.is_current(record)] or found
    if len(found) > 1:
        named = ", ".join(str(address.of(record)) for record in found[:6])
        raise UsageError(f"'{name}' is {len(found)} encoders: {named}. Say which.")
    return found[0]


def _folder(record: Record, results: Results) -> Path:
    return records.run_folder(results.path, "encoders", record.key)


def _encoder(record: Record, results: Results, dataset: Upload) -> Upload:
    """The encoder's folder with a card made from the record, refused if the record is of other weights."""
    from srlbench.evaluation import external
    from srlbench.training.encoder import loaded_sha256

    folder = _folder(record, results)
    if loaded_sha256(external.quietly(str(folder), None, 0, cores())) != record.weights_sha256:
        raise SrlbenchError(f"The weights in {folder} are not those that its record scored; nothing is published.")
    modules = [str(module["type"]) for module in json.loads((folder / "modules.json").read_text(encoding="utf-8"))]
    path = records.record_path(results.path, record.key).relative_to(results.path).as_posix()
    repository = hub.checked(f"{dataset.repository}-{_slug(record)}")
    card = cards.of_model(record, results.track, modules, repository, hub.url(dataset), path)
    own = sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))
    files = {file.relative_to(folder).as_posix(): file for file in own}
    message = f"srlbench: {record.recipe} on {record.backbone}, seed {record.seed}"
    return Upload(repository, "model", {**files, "README.md": card.encode()}, message)


def _slug(record: Record) -> str:
    """The run in a repository's name: of a backbone from the Hub neither owner nor revision."""
    backbone = record.backbone.partition("@")[0].rpartition("/")[2]
    name = re.sub(r"[^A-Za-z0-9_.]+", "-", f"{record.recipe}-{backbone}-seed-{record.seed}")
    return re.sub(r"[-.]{2,}", "-", name).strip("-.")
