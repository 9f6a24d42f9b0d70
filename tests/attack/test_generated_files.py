"""Files and names that were damaged by chance: each is read, or is one sentence; nothing else is ever raised.

`tox -e attack` makes many more of them than the quick tests (SRLBENCH_ATTACK says how many of each kind).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_text_and_streams import TRACK, made

from srlbench import backbones, records, registry, tracks, variants
from srlbench.analysis.check import baseline
from srlbench.backbones import declared
from srlbench.errors import SrlbenchError
from srlbench.records import address, brief, confirmation, predictions, record_path
from srlbench.records.record import Record
from srlbench.runs.suite import parse_seeds
from srlbench.tracks import protocol

CASES = int(os.environ.get("SRLBENCH_ATTACK", "200"))
MANY = settings(
    max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
PIECES = [
    *(
        b"",
        b"\x00",
        b"\xff",
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"null",
        b"NaN",
        b"-1",
        b"1e999",
        b"9" * 400,
        b"\n",
        b"=",
        b"#",
    ),
    *(b"true", b"\xed\xa0\x80", b"../", b"'''", b"PK\x03\x04", b"\x93NUMPY"),
]
RECORD = made(
    seed=1, weights_sha256="ab" * 32, results=[{"task_name": "A", "scores": {"test": [{"main_score": 0.5}]}}],
    diagnostics={"dynamics": [{"step": 0, "dev": 1.5}], "words": {}}, training={"losses": [1.0, 0.5], "steps": 2},
    environment={"packages": {"torch": "2"}, "threads": 1}, timings={"total_s": 1.0},
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """The bytes with up to four pieces changed, taken out, doubled or put in; or cut short."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        to = min(len(content), at + draw(st.integers(0, 40)))
        match draw(st.integers(0, 4)):
            case 0:
                content[at:to] = draw(st.sampled_from(PIECES))
            case 1:
                content[at:at] = content[at:to]
            case 2:
                del content[at:to]
            case 3:
                content[at:to] = draw(st.binary(max_size=8))
            case 4 if draw(st.booleans()):
                del content[at:]
    return bytes(content)


def survives(path: Path, content: bytes, read: Callable[[Path], object]) -> None:
    """Reading the content gives something, or one error that srlbench foresees, of one line."""
    path.write_bytes(content)
    said = "read"
    try:
        read(path)
    except SrlbenchError as error:
        said = str(error)
    assert said.strip()


ARRAYS = {"A": np.linspace(0, 1, 40), "B": np.arange(30) % 3}
CONFIRMATION = confirmation.Confirmation(
    record_sha256="0" * 64, verdict="bitwise equal", reason="x", difference=0.0, who="", rerun=RECORD,
    when="2026-01-01T00:00:00+00:00",
).to_json()  # fmt: skip
BASELINE = b"""track = "embedded"
version = 4
protocol = "generated, converged probe"
accepted = "2026-11-28"
reason = "x"

[recipe."a@tiny"]
fingerprint = "58e838eee3415e6b"
"sts_avg" = { mean = 45.155430, sd = 0.392421, n = 5, margin = 0.5 }
"GenMR"   = { mean = 55.580000, sd = 0.775887, n = 5, margin = 1.5 }
"""
KINDS: dict[str, tuple[bytes, Callable[[Path], object]]] = {
    "record": (RECORD.to_json().encode(), records.read),
    "predictions": (predictions.to_bytes(ARRAYS), predictions.read),
    "confirmation": (CONFIRMATION, lambda path: confirmation.Confirmation.from_json(path.read_bytes())),
    "track": ((tracks.FOLDER / "embedded.toml").read_bytes(), tracks.read),
    "protocol": ((protocol.FOLDER / "generated.toml").read_bytes(), protocol.read),
    "backbone": ((backbones.SHIPPED / "gemma-3-270m.toml").read_bytes(), declared.read),
    "baseline": (BASELINE, baseline.load),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_read_or_one_sentence(kind: str, tmp_path: Path) -> None:
    whole, read = KINDS[kind]
    path = tmp_path / f"x{'.npz' if kind == 'predictions' else '.toml' if whole[:1] not in b'{' else '.json'}"

    @MANY
    @given(damaged(whole))
    def tried(content: bytes) -> None:
        survives(path, content, read)

    tried()


def test_a_damaged_record_is_a_note_and_the_others_are_read(tmp_path: Path) -> None:
    records.write(tmp_path, made(seed=0))
    bad = record_path(tmp_path, RECORD.key)

    @MANY
    @given(damaged(KINDS["record"][0]))
    def tried(content: bytes) -> None:
        bad.write_bytes(content)
        found = records.scan(tmp_path, TRACK.name, TRACK.version)
        assert len(found.records) + len(found.problems) == 2 and found.records[0].seed == 0
        for problem in found.problems:
            assert "\n" not in str(problem)

    tried()


def test_records_in_brief_are_read_or_one_problem(tmp_path: Path) -> None:
    for seed in range(3):
        records.write(tmp_path / "whole", made(seed=seed))
    found = records.scan(tmp_path / "whole", TRACK.name, TRACK.version).records
    whole = brief.to_bytes(tmp_path / "whole", list(found))
    path = records.track_folder(tmp_path / "brief", TRACK.name, TRACK.version) / brief.FILE
    path.parent.mkdir(parents=True)

    @MANY
    @given(damaged(whole))
    def tried(content: bytes) -> None:
        path.write_bytes(content)
        seen = records.scan(tmp_path / "brief", TRACK.name, TRACK.version)
        assert bool(seen.records) != bool(seen.problems)

    tried()


TEXT = st.text(max_size=40) | st.sampled_from(
    ["simcse-unsup+lr=1e-3", "simcse-unsup+lr=1e-3,steps=2", "mhs@tiny:0", "0-4", "0,2,7", "a/b/seed-0"]
).flatmap(lambda whole: st.binary(max_size=3).map(lambda more: whole[: len(more) * 5] + more.decode("latin-1") + whole))


@MANY
@given(TEXT)
def test_a_name_of_anything_is_read_or_one_sentence(text: str) -> None:
    for read in (variants.parse, address.parse, parse_seeds, registry.recipe, backbones.resolve, tracks.load):
        with suppress(SrlbenchError):
            read(text)


LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
TREE = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))


@MANY
@given(st.dictionaries(st.text(max_size=8), TREE, max_size=4))
def test_whatever_a_run_measured_is_written_and_read_again(measured: dict[str, object]) -> None:
    record = made(diagnostics={"mine": measured})
    again = Record.from_json(record.to_json())
    assert again.to_json() == record.to_json()
