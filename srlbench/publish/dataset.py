"""What is published of a results folder: a track's tables and records as a dataset, a run's encoder as a model."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from srlbench import records
from srlbench.analysis.leaderboard import leaderboard, page
from srlbench.analysis.results import Results
from srlbench.errors import SrlbenchError, UsageError
from srlbench.escape import utf8
from srlbench.publish import cards, hub
from srlbench.publish.hub import Upload
from srlbench.records import Record, address, cores

VIEWS = ("leaderboard.csv", "leaderboard.md")
# The names of all other files that srlbench writes beside records, and into the folder of an encoder.
BESIDE = re.compile(
    r"(claims|comparisons|search)\.md|(protocol|track|baseline)\.toml|[\w.-]+\.chosen|dynamics[\w.+=,-]*\.svg"
    r"|sweeps/[\w.-]+(\+\w+)+(-dynamics)?\.(md|csv|svg)|searches/[\w.@+=,% -]+-tpe\.md"
)
ENCODER = re.compile(
    r"(\d+_\w+/)?(config|modules|config_sentence_transformers|sentence_bert_config|sentence_\w+_config)\.json"
    r"|(\d+_\w+/)?(model|masks)(-\d+-of-\d+)?\.safetensors|model\.safetensors\.index\.json"
    r"|(\d+_\w+/)?(tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\.json|vocab\.txt|merges\.txt"
    r"|[\w.-]+\.model|chat_template\.jinja|README\.md"
)


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
    _must_agree(results)
    paths = [root / name for name in VIEWS] + _written(root, BESIDE)
    for kind, found in ((records.RUNS, ok), (records.REFERENCES, results.references)):
        for record in found:
            predicted = records.predictions_path(results.path, record.key)
            mine = records.record_path(results.path, record.key, kind=kind)
            paths += [mine, *([predicted] if predicted.is_file() else [])]
    for path in paths:
        _must_be_a_file(path, results.path)
    files: dict[str, Path | bytes] = {path.relative_to(results.path).as_posix(): path for path in paths}
    sweeps = [name for name in files if "/sweeps/" in name and name.endswith(".csv")]
    board = (root / "leaderboard.md").read_text(encoding="utf-8", errors="replace")
    card = cards.of_dataset(track, board, sweeps, repository)
    message = f"srlbench: track {track.name} v{track.version}, {len(ok)} records"
    return Upload(repository, "dataset", {"README.md": card.encode(), **files}, message)


def _must_agree(results: Results) -> None:
    """Raise an error if the leaderboard's files are not, byte for byte, those that the records give."""
    root, track = results.folder, results.track
    again = f"`srlbench leaderboard --track {track.name}` makes it."
    if not all((root / name).is_file() for name in VIEWS):
        raise UsageError(f"There is no leaderboard to publish in {root}; {again}")
    found = []
    for compared in (True, False):  # where they were made there may have been nothing published to compare with
        if not (other := _other(results, compared)):
            return
        found.append(other)
    raise SrlbenchError(f"{root / min(found, key=len)[0]} is not the table of the records beside it; {again}")


def _other(results: Results, compared: bool) -> list[str]:
    """The files of the leaderboard that are not those of the records.

    The last line of the page is left out: it has the command that made it, which names the folder as it was called.
    """
    board = leaderboard(results, compared)
    made = board.to_csv(), page.to_markdown(board, results.command("leaderboard"))
    cuts = None, -2
    return [
        name
        for name, text, cut in zip(VIEWS, made, cuts, strict=True)
        if utf8(text).split(b"\n")[:cut] != (results.folder / name).read_bytes().split(b"\n")[:cut]
    ]


def _written(root: Path, names: re.Pattern[str]) -> list[Path]:
    """The files below a folder with names that srlbench gives; whatever else lies there stays there."""
    there = [*root.rglob("*")]
    for folder in (path for path in there if path.is_dir() and path.is_symlink()):
        _must_be_a_file(folder, root)
    found = {path.relative_to(root).as_posix(): path for path in there if not path.is_dir()}
    return [found[name] for name in sorted(found) if names.fullmatch(name)]


def _must_be_a_file(path: Path, root: Path) -> None:
    """Refuse a link, also one on the way: it may lead to anything, and that would be pushed."""
    names = path.relative_to(root).parts
    steps = [root.joinpath(*names[: number + 1]) for number in range(len(names))]
    if link := next((step for step in steps if step.is_symlink()), None):
        raise SrlbenchError(f"{link} is a link, and only files are published; put the file itself there.")
    if not path.is_file():
        raise SrlbenchError(f"{path} is no regular file; nothing is published.")


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
    own = _written(folder, ENCODER)
    for file in own:
        _must_be_a_file(file, results.path)
    files = {file.relative_to(folder).as_posix(): file for file in own}
    message = f"srlbench: {record.recipe} on {record.backbone}, seed {record.seed}"
    return Upload(repository, "model", {**files, "README.md": card.encode()}, message)


def _slug(record: Record) -> str:
    """The run in a repository's name: of a backbone from the Hub neither owner nor revision."""
    backbone = record.backbone.partition("@")[0].rpartition("/")[2]
    name = re.sub(r"[^A-Za-z0-9_.]+", "-", f"{record.recipe}-{backbone}-seed-{record.seed}")
    return re.sub(r"[-.]{2,}", "-", name).strip("-.")
