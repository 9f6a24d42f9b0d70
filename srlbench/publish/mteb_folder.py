"""The records of a track as a folder of results that mteb reads: one model for each run, one file for each task."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from srlbench.analysis.results import Results
from srlbench.errors import NothingComparable
from srlbench.escape import code
from srlbench.publish import folder
from srlbench.records import Record, address
from srlbench.records.files import store_errors, write_text

MARK = ".srlbench-mteb"
FOLDER = "results"  # of mteb's layout
README = "README.md"


@dataclass(frozen=True)
class Exported:
    """What was written: how many runs and files, and the tasks among them that mteb does not have."""

    runs: int
    files: int
    unknown: tuple[str, ...]


def export(results: Results, to: Path) -> Exported:
    """Write the current runs of a track, in exchange for those that an earlier export wrote to the same folder."""
    check(to)
    label = results.track.protocol.label
    kept = [r for r in results.records if r.status == "ok" and r.protocol == label and r.results]
    kept = [record for record in kept if results.is_current(record)]
    if not kept:
        name = f"{results.track.name} v{results.track.version}"
        raise NothingComparable(f"There are no current records of track {name} in {results.path}.")
    from srlbench.evaluation import exchange

    unknown = tuple(exchange.without(results.track.protocol.tasks))
    with store_errors(f"Cannot write {to}"):
        to.mkdir(parents=True, exist_ok=True)
    write_text(to / MARK, "Written by srlbench export mteb, which may replace the folder `results`.\n")
    for left in to.glob(f".{FOLDER}.*"):  # of an export that was killed
        shutil.rmtree(left, ignore_errors=True)
    files = len(folder.write(to / FOLDER, _files(kept)))
    write_text(to / README, _readme(results, kept, unknown))
    return Exported(len(kept), files, unknown)


def check(to: Path) -> None:
    """Raise an error if the folder holds anything but an export for mteb."""
    folder.check(to, MARK, "an export for mteb")


def names(kept: Sequence[Record]) -> list[str]:
    """A name for each run as a model, `srlbench/RECIPE-BACKBONE-seed-N`; equal ones get their fingerprint."""
    slugs = [_slug(f"{r.recipe}-{r.backbone.partition('@')[0].rpartition('/')[2]}-seed-{r.seed}") for r in kept]
    often = Counter(slugs)
    unique = (f"{slug}-{r.fingerprint}" if often[slug] > 1 else slug for slug, r in zip(slugs, kept, strict=True))
    return [f"srlbench/{slug}" for slug in unique]


def _slug(text: str) -> str:
    """The text without what a file system, or mteb's `__` between owner and model, gives a meaning to."""
    return re.sub(r"_{2,}", "_", re.sub(r"[^A-Za-z0-9_.+=,-]+", "-", text))


def _files(kept: Sequence[Record]) -> Iterator[tuple[str, bytes]]:
    from srlbench.evaluation import exchange

    for record, name in zip(kept, names(kept), strict=True):
        place = f"{name.replace('/', '__')}/{record.fingerprint}"
        yield f"{place}/model_meta.json", exchange.model_meta(name, record.fingerprint)
        for result in record.results:
            task, content = exchange.task_result(result)
            yield f"{place}/{task}.json", content


def _readme(results: Results, kept: Sequence[Record], unknown: Sequence[str]) -> str:
    track = results.track
    rows = [f"- {code(name)}: {code(str(address.of(r)))}" for name, r in zip(names(kept), kept, strict=True)]
    parts = [
        f"# Track {code(track.name)} v{track.version} of srlbench, for mteb",
        f"{len(kept)} runs under protocol {code(track.protocol.label)}, one model each; a revision is the fingerprint "
        "of the run. Each file is mteb's own result of one task, with the scored split alone.",
        '```python\nimport mteb\n\nmteb.ResultCache(".").load_results(include_remote=False).to_dataframe()\n```',
        *notes(results, unknown),
        "\n".join(rows),
    ]
    return "\n\n".join(parts) + "\n"


def notes(results: Results, unknown: Sequence[str]) -> list[str]:
    """What a reader must know: another protocol than mteb's, and tasks that mteb does not have."""
    protocol = results.track.protocol
    found = []
    if protocol.source != "mteb" and len(unknown) < len(protocol.tasks):
        found.append(
            f"The scores are of protocol {protocol.label}, which is not mteb's own: do not put them into one table "
            "with results that mteb computed."
        )
    if unknown:
        found.append(
            f"mteb has no task {', '.join(unknown)}: its tables show the scores all the same, but what looks a task up "
            "(validate_and_filter, task_types) needs load_results(tasks=[…]) with the others alone."
        )
    return found
