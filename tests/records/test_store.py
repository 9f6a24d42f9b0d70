"""Records reach their place whole or not at all, and bad files harm nobody but themselves."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srlbench.errors import StoreError
from srlbench.records import (
    Key,
    Record,
    ensure_writable,
    paths,
    predictions_path,
    read,
    read_predictions,
    record_path,
    scan,
    store,
    write,
)
from srlbench.records.files import locked


def made(**changes: Any) -> Record:
    content: dict[str, Any] = {
        "status": "ok", "track": "embedded", "track_version": 1, "protocol": "simcse",
        "recipe": "simcse-unsup", "backbone": "tiny", "seed": 0, "fingerprint": "0123456789abcdef",
        "weights_sha256": "ab" * 32,
        "scores": {"GenSTS12": 61.234567890123, "GenMR": 70.5},
    }  # fmt: skip
    return Record(**(content | changes))


def broken(**changes: Any) -> Record:
    error = {"type": "ValueError", "message": "the loss is nan at step 12"}
    return made(status="failed", scores={}, weights_sha256=None, error=error, **changes)


def done(results: Path, key: Key) -> bool:
    """Whether a run has a valid ok record at its path."""
    return any(found.key == key and found.status == "ok" for found in scan(results, key.track, key.version).records)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_record_lies_where_its_key_says(tmp_path: Path) -> None:
    path = write(tmp_path, made())
    assert path == tmp_path / "embedded/v1/records/simcse-unsup/tiny/0123456789abcdef/seed-0.json"
    assert read(path) == made()
    assert done(tmp_path, made().key)
    assert not done(tmp_path, made(seed=1).key)
    assert files(tmp_path) == ["seed-0.json"]


def test_a_record_in_its_place_knows_its_results_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for record in (made(), broken(backbone="org/model@86b5e0934494", seed=1)):
        path = write(tmp_path / "results", record)
        assert paths.home(path, record) == (tmp_path / "results").resolve()
        assert paths.home(path, replace(record, seed=7)) is None
        monkeypatch.chdir(path.parent)
        assert paths.home(Path(path.name), record) == (tmp_path / "results").resolve()
    assert paths.home(Path("/seed-0.json"), made()) is None


def test_a_name_with_a_slash_stays_one_folder(tmp_path: Path) -> None:
    record = made(backbone="org/model@86b5e0934494", recipe="my recipe")
    path = write(tmp_path, record)
    assert path.parent.parent.name == "org%2Fmodel@86b5e0934494"
    assert scan(tmp_path, "embedded", 1).records == (record,)


def test_the_same_outcome_again_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, made(timings={"train": 1.0}))
    before = path.read_bytes()
    assert write(tmp_path, made(timings={"train": 2.0})) == path
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"weights_sha256": "cd" * 32}, "the weights differ"),
        ({"scores": {"GenSTS12": 61.234567890123, "GenMR": 70.50001}}, "GenMR was 70.5, is 70.50001"),
        ({"scores": {"GenSTS12": 61.234567890123}}, "GenMR was 70.5, is None"),
    ],
)
def test_another_outcome_is_an_error_and_the_record_stays(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = write(tmp_path, made())
    with pytest.raises(StoreError, match="did not reproduce") as caught:
        write(tmp_path, made(**changes))
    assert said in str(caught.value) and str(path) in str(caught.value)
    assert read(path) == made()


def test_an_ok_record_replaces_a_failure_and_never_the_reverse(tmp_path: Path) -> None:
    failure = write(tmp_path, broken())
    assert failure.name == "seed-0.failed.json"
    assert not done(tmp_path, made().key)
    assert [record.status for record in scan(tmp_path, "embedded", 1).records] == ["failed"]
    write(tmp_path, made())
    assert files(tmp_path) == ["seed-0.json"]
    assert write(tmp_path, broken()).name == "seed-0.json"
    assert files(tmp_path) == ["seed-0.json"]


def test_an_ok_record_outranks_a_failure_left_by_a_kill(tmp_path: Path) -> None:
    write(tmp_path, made())
    record_path(tmp_path, made().key, failed=True).write_text(broken().to_json())
    assert scan(tmp_path, "embedded", 1) == store.Scan((made(),), ())


@pytest.mark.parametrize("content", ["", '{"schema": 1, "sta', "hello", made(seed=5).to_json()])
def test_an_unreadable_file_is_moved_aside_not_deleted(tmp_path: Path, content: str) -> None:
    path = record_path(tmp_path, made().key)
    for name in ("seed-0.json.unreadable", "seed-0.json.unreadable-2"):
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        assert not done(tmp_path, made().key)
        write(tmp_path, made())
        assert path.with_name(name).read_text() == content
        assert done(tmp_path, made().key)
    assert scan(tmp_path, "embedded", 1).problems == ()


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path, made())
    whole = path.read_bytes()
    for length in range(0, len(whole) - 2, 7):
        path.write_bytes(whole[:length])
        assert not done(tmp_path, made().key)


def test_a_newer_record_is_neither_moved_nor_replaced(tmp_path: Path) -> None:
    path = write(tmp_path, made())
    path.write_text(path.read_text().replace('"schema":2', '"schema":3'))
    with pytest.raises(StoreError, match="upgrade srlbench"):
        write(tmp_path, made())
    assert files(tmp_path) == ["seed-0.json"]
    (problem,) = scan(tmp_path, "embedded", 1).problems
    assert "upgrade srlbench" in str(problem)


def test_scan_names_every_bad_file_and_reads_the_rest(tmp_path: Path) -> None:
    good = [made(seed=seed) for seed in (0, 2, 10)]
    for record in good:
        write(tmp_path, record)
    folder = record_path(tmp_path, made().key).parent
    bad = {
        "seed-1.json": ("", "empty"),
        "seed-3.json": (made(seed=3).to_json()[:300], "not valid JSON"),
        "seed-4.json": ('{"accuracy": 0.9}', "not an srlbench record"),
        "seed-5.json": (made(seed=6).to_json(), "seed 6, its path does not"),
        "seed-6.json": (broken(seed=6).to_json(), "its content says failed"),
        "seed-07.json": (made(seed=7).to_json(), "its path does not"),
        "seed-8.json": (made(seed=8).to_json().replace('"schema":2', '"schema":7'), "upgrade srlbench"),
        "notes.txt": ("mine", "not valid JSON"),
    }
    for name, (content, _) in bad.items():
        (folder / name).write_text(content)
    (folder / ".seed-9.json.1a2b3c4d.tmp").write_text("half")
    (folder / "seed-11.json").mkdir()
    found = scan(tmp_path, "embedded", 1)
    assert list(found.records) == good
    said = {problem.path.name: problem for problem in found.problems}
    assert said.keys() == bad.keys()
    for name, (_, reason) in bad.items():
        assert reason in str(said[name]) and str(folder / name) in str(said[name])
        assert str(said[name]).count("\n") == 0
    assert said["seed-3.json"].key == made(seed=3).key
    assert said["notes.txt"].key is None


def test_scan_of_nothing_is_empty_and_of_a_file_is_an_error(tmp_path: Path) -> None:
    assert scan(tmp_path, "embedded", 1) == store.Scan()
    (tmp_path / "embedded/v1").mkdir(parents=True)
    (tmp_path / "embedded/v1/records").write_text("")
    with pytest.raises(StoreError, match="a file stands where a folder is needed"):
        scan(tmp_path, "embedded", 1)


def test_a_dangling_link_is_a_problem_not_an_exception(tmp_path: Path) -> None:
    folder = write(tmp_path, made()).parent
    (folder / "seed-1.json").symlink_to("nowhere.json")
    found = scan(tmp_path, "embedded", 1)
    assert len(found.records) == 1 and "No such file" in str(found.problems[0])


def test_predictions_come_first_and_have_the_same_bytes(tmp_path: Path, monkeypatch: Any) -> None:
    order: list[str] = []
    whole = store.write_bytes
    monkeypatch.setattr(store, "write_bytes", lambda path, data: (order.append(path.suffix), whole(path, data)))
    arrays = {"GenMR": np.arange(5), "GenSTS12": np.linspace(0, 1, 7, dtype=np.float32), "file": np.ones(2)}
    write(tmp_path / "a", made(), arrays)
    time.sleep(0.01)
    write(tmp_path / "b", made(), dict(reversed(arrays.items())))
    assert order == [".npz", ".json"] * 2
    a, b = (predictions_path(tmp_path / side, made().key) for side in "ab")
    assert a.read_bytes() == b.read_bytes()
    back = read_predictions(a)
    assert back.keys() == arrays.keys() and {array.dtype.name for array in back.values()} == {"uint8"}
    assert np.array_equal(back["GenMR"], arrays["GenMR"]) and np.array_equal(back["GenSTS12"], np.arange(7))


def test_bad_predictions_leave_no_record(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="'GenMR' are Python objects"):
        write(tmp_path, made(), {"GenMR": np.array([object()])})
    assert files(tmp_path) == []
    path = predictions_path(tmp_path, made().key)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PK\x03\x04 half")
    with pytest.raises(StoreError, match="not a whole predictions file"):
        read_predictions(path)
    with pytest.raises(StoreError, match="No such file"):
        read_predictions(path.with_name("seed-9.npz"))


# --- what the operating system refuses ---------------------------------------------------------


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("")
    for act in (
        lambda: write(tmp_path / "results", made()),
        lambda: write(tmp_path / "results", broken()),
        lambda: ensure_writable(tmp_path / "results", "embedded", 1),
    ):
        with pytest.raises(StoreError, match=r"results.*: a file stands where a folder is needed"):
            act()


def test_a_folder_in_the_place_of_a_file(tmp_path: Path) -> None:
    record_path(tmp_path, made().key).mkdir(parents=True)
    with pytest.raises(StoreError, match=r"seed-0\.json: a folder stands where a file is needed"):
        write(tmp_path, made())
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EIO, "Input/output error"),
    ],
)
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_refused_write_leaves_nothing(tmp_path: Path, monkeypatch: Any, number: int, reason: str, call: str) -> None:
    kept = write(tmp_path, made(seed=1))

    def refuse(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(store.os, call, refuse)
    with pytest.raises(StoreError) as caught:
        write(tmp_path, made())
    assert str(caught.value) == f"Cannot write {record_path(tmp_path, made().key)}: {reason}."
    monkeypatch.undo()
    assert files(tmp_path) == ["seed-1.json"] and read(kept) == made(seed=1)


def test_a_really_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a tmpfs is not permitted here")
    try:
        ensure_writable(disk, "embedded", 1)
        write(disk, made())
        with pytest.raises(StoreError, match="the disk is full"):
            write(disk, made(seed=1, training={"log": "x" * 100_000}))
        assert files(disk) == ["seed-0.json"]
        assert scan(disk, "embedded", 1) == store.Scan((made(),), ())
    finally:
        subprocess.run(["umount", disk], check=True)


def test_an_unwritable_folder(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreError, match="permission denied"):
            ensure_writable(tmp_path, "embedded", 1)
    finally:
        tmp_path.chmod(0o700)


def test_ensure_writable_leaves_no_trace(tmp_path: Path) -> None:
    ensure_writable(tmp_path, "embedded", 1)
    assert files(tmp_path) == []


def test_old_leftovers_of_a_kill_are_swept(tmp_path: Path) -> None:
    folder = record_path(tmp_path, made().key).parent
    folder.mkdir(parents=True)
    for name, age in ((".seed-0.json.aaaa.tmp", 7200), (".seed-0.json.bbbb.tmp", 0)):
        (folder / name).write_text("half")
        os.utime(folder / name, (time.time() - age,) * 2)
    write(tmp_path, made())
    assert files(tmp_path) == [".seed-0.json.bbbb.tmp", "seed-0.json"]


WRITER = """
import sys
from pathlib import Path
from srlbench.records import read, write
from dataclasses import replace
record = read(Path(sys.argv[1]))
seed = int(sys.argv[3])
print("ready", flush=True)
while True:
    seed += 1
    write(Path(sys.argv[2]), replace(record, seed=seed))
"""


def test_a_kill_at_any_moment_leaves_whole_records_only(tmp_path: Path) -> None:
    source = tmp_path / "record.json"
    source.write_text(made(training={"log": list(range(20_000))}).to_json())
    results, dice = tmp_path / "results", random.Random(0)
    for turn in range(8):
        command = [sys.executable, "-c", WRITER, str(source), str(results), str(turn * 100_000)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert child.stdout and child.stdout.readline() == b"ready\n"
        time.sleep(0.02 + dice.random() * 0.1)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    found = scan(results, "embedded", 1)
    assert found.problems == ()
    assert len(found.records) >= 8
    assert all(record == replace(read(source), seed=record.seed) for record in found.records)


def test_a_lock_that_was_removed_is_taken_anew(tmp_path: Path) -> None:
    path, order = tmp_path / "work" / "lock", []

    def wait() -> None:
        with locked(path):
            order.append("second")
            assert path.exists()

    with locked(path):
        second = threading.Thread(target=wait)
        second.start()
        time.sleep(0.2)
        order.append("first")
        path.unlink()
        path.parent.rmdir()
    second.join(10)
    assert order == ["first", "second"] and path.exists()


def test_an_error_under_a_lock_is_raised_and_releases_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locked(tmp_path / "lock"):
        raise FileNotFoundError("of the work")
    with locked(tmp_path / "lock"):
        pass
