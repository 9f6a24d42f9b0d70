from __future__ import annotations

import gzip
import importlib.util
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest
from test_store import broken, made

from srlbench.records import brief, record_path, scan, sha256_of_file, track_folder, write, write_bytes

ROOT = Path(__file__).parents[2]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for record in (made(diagnostics={"pairs": {"dev": 1.0}}, command="run"), made(seed=1), broken(seed=2)):
        write(tmp_path / "whole", record)
    found = scan(tmp_path / "whole", "embedded", 1).records
    path = track_folder(tmp_path / "brief", "embedded", 1) / brief.FILE
    write_bytes(path, brief.to_bytes(tmp_path / "whole", list(found)))
    return tmp_path


def test_records_in_brief_are_read_where_there_are_no_others(results: Path) -> None:
    whole, short = (scan(results / side, "embedded", 1) for side in ("whole", "brief"))
    assert [r.key for r in short.records] == [r.key for r in whole.records] and not short.problems
    for one, other in zip(whole.records, short.records, strict=True):
        assert (one.scores, one.weights_sha256, one.environment) == (
            other.scores,
            other.weights_sha256,
            other.environment,
        )
        assert not other.diagnostics and not other.command
        assert sha256_of_file(results / "brief", one) == sha256_of_file(results / "whole", one)
    path = record_path(results / "whole", whole.records[0].key)
    assert sha256_of_file(results / "whole", whole.records[0]) == sha256(path.read_bytes()).hexdigest()
    write(results / "brief", made(seed=7))
    assert [r.seed for r in scan(results / "brief", "embedded", 1).records] == [7]


@pytest.mark.parametrize(
    "content", [b"", b"half", gzip.compress(b"[1]\n"), gzip.compress(b'{"sha256": "", "record": {}}')]
)
def test_a_damaged_file_is_a_problem_and_no_traceback(results: Path, content: bytes) -> None:
    path = results / "brief/embedded/v1" / brief.FILE
    path.write_bytes(content)
    found = scan(results / "brief", "embedded", 1)
    assert not found.records and len(found.problems) == 1


def hook() -> ModuleType:
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_packages_carry_the_tracks_in_brief(results: Path, tmp_path: Path) -> None:
    pack = hook().pack
    for name in ("baseline.toml", "leaderboard.md"):
        (results / "whole/embedded/v1" / name).write_text(name)
    root, again = tmp_path / "root", tmp_path / "unpacked"
    root.mkdir()
    (results / "whole").rename(root / "results")
    written = {path.as_posix() for path in pack(root, tmp_path / "out")}
    assert written == {"embedded/v1/baseline.toml", f"embedded/v1/{brief.FILE}"}
    again.mkdir()
    (tmp_path / "out").rename(again / "results")  # what a source package holds gives the same
    assert {path.as_posix() for path in pack(again, tmp_path / "second")} == written
    for path in written:
        assert (again / "results" / path).read_bytes() == (tmp_path / "second" / path).read_bytes()
