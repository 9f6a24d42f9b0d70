from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_store import broken, made

from srlbench.records import compaction, predictions_path, read_predictions, record_path, scan, sha256_of
from srlbench.records.store import write_bytes

ARRAYS = {"GenMR": np.arange(5) % 2, "GenSTS12": np.linspace(1, 0, 300), "GenSTS12.dev": np.ones(2)}


def old(results: Path, seed: int) -> None:
    """A record and its predictions as schema 1 had them."""
    record = made(seed=seed)
    content = json.loads(record.to_json()) | {"schema": 1}
    del content["predictions_sha256"]
    write_bytes(record_path(results, record.key), json.dumps(content, indent=1).encode())
    path = predictions_path(results, record.key)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, allow_pickle=False, **ARRAYS)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for seed in (0, 1):
        old(tmp_path, seed)
    failed = broken(seed=2)
    write_bytes(record_path(tmp_path, failed.key, failed=True), failed.to_json().encode())
    return tmp_path


def test_everything_that_is_read_stays(results: Path) -> None:
    before = scan(results, "embedded", 1)
    done = compaction.compact(results)
    after = scan(results, "embedded", 1)
    assert done.records == 3 and done.after < done.before and not after.problems
    for one, other in zip(before.records, after.records, strict=True):
        whole = sha256_of(ARRAYS) if one.status == "ok" else None
        assert other.as_plain() == one.as_plain() | {"predictions_sha256": whole}
    found = read_predictions(predictions_path(results, made().key))
    assert found.keys() == {"GenMR", "GenSTS12"} and np.array_equal(found["GenSTS12"], np.arange(300)[::-1])


def test_a_second_time_changes_nothing(results: Path) -> None:
    compaction.compact(results)
    files = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    done = compaction.compact(results)
    assert done.before == done.after and files == {path: path.read_bytes() for path in files}


def test_what_was_stopped_between_record_and_predictions_goes_on(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(path: Path, content: bytes) -> None:
        if path.suffix == ".npz":
            raise KeyboardInterrupt
        write_bytes(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(compaction, "write_bytes", stopped)
        with pytest.raises(KeyboardInterrupt):
            compaction.compact(results)
    compaction.compact(results)
    assert {r.predictions_sha256 for r in scan(results, "embedded", 1).records} == {sha256_of(ARRAYS), None}


def test_a_confirmed_record_stays_as_it_is(results: Path) -> None:
    path = record_path(results, made().key)
    before = path.read_bytes()
    names = path.parent.relative_to(results / "embedded/v1/records")
    write_bytes(results / "embedded/v1/confirmations" / names / "seed-0-0123456789ab.json", b"{}")
    assert compaction.compact(results).records == 2 and path.read_bytes() == before


def test_it_is_a_command(results: Path) -> None:
    command = [sys.executable, "-m", "srlbench.records.compaction", str(results)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{results}: 3 records, 0.0 MB before") and not done.stderr
