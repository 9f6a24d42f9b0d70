"""A results folder of an earlier version, written again in today's form: `python -m srlbench.records.compaction`.

Records become one line in today's schema, predictions the ranks of their test items. No score, hash or setting changes,
and a folder whose work was stopped halfway goes on. A record that has confirmations stays as it is, because they name
the hash of its file.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from srlbench.escape import utf8
from srlbench.records.files import read_bytes, write_bytes
from srlbench.records.paths import REFERENCES, RUNS, folder_of, predictions_path
from srlbench.records.predictions import UNSIGNED, sha256_of, to_bytes
from srlbench.records.predictions import read as read_predictions
from srlbench.records.record import Record
from srlbench.records.schema import RecordError
from srlbench.records.store import Problem, files_of


@dataclass(frozen=True)
class Compacted:
    """The number of records that were read, and the bytes of their files and predictions before and after."""

    records: int = 0
    before: int = 0
    after: int = 0


def compact(results: Path) -> Compacted:
    """Write the records and predictions of all tracks of a results folder in today's form."""
    count = before = after = 0
    problems: list[Problem] = []
    for root in sorted(path for kind in (RUNS, REFERENCES) for path in results.glob(f"*/v*/{kind}")):
        for path in files_of(root, problems):
            try:
                record = Record.from_json(read_bytes(path))
            except RecordError:
                continue
            if _confirmed(results, record):
                continue
            files = path, predictions_path(results, record.key)
            count, before = count + 1, before + _size(*files)
            _compact(record, *files)
            after += _size(*files)
    return Compacted(count, before, after)


def _compact(record: Record, path: Path, predictions: Path) -> None:
    arrays = read_predictions(predictions) if record.status == "ok" and predictions.is_file() else {}
    whole = any(array.dtype.name not in UNSIGNED for array in arrays.values())
    if whole and record.predictions_sha256 is None:
        record = replace(record, predictions_sha256=sha256_of(arrays))
    if (text := utf8(record.to_json())) != read_bytes(path):
        write_bytes(path, text)  # first, for the hash is of the predictions as they still are
    if whole:
        write_bytes(predictions, to_bytes(arrays))


def _confirmed(results: Path, record: Record) -> bool:
    return any(folder_of(results, "confirmations", record.key).glob(f"seed-{record.seed}-*.json"))


def _size(*paths: Path) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("results", type=Path, nargs="+", help="results folders")
    for folder in parser.parse_args().results:
        done = compact(folder)
        print(f"{folder}: {done.records} records, {done.before / 1e6:.1f} MB before, {done.after / 1e6:.1f} MB now.")


if __name__ == "__main__":
    main()
