"""What a machine needs of the driver's files arrives there whole, once, and means the same."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import made_small
import pytest

from srlbench import backbones, data, tracks
from srlbench.errors import SrlbenchError
from srlbench.records import Key, software
from srlbench.runs.engines import parcel
from srlbench.runs.engines.node import check_software
from srlbench.runs.job import Job


class Store(dict[int, bytes]):
    """Pieces by number, as a cluster's store has them; counts what is fetched."""

    fetched = 0

    def put(self, piece: bytes) -> int:
        self[len(self)] = piece
        return len(self) - 1

    def get(self, number: int) -> bytes:
        self.fetched += 1
        return self[number]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv(parcel.SCRATCH, str(tmp_path / "machine"))
    monkeypatch.setattr(parcel, "PIECE", 1000)  # files of many pieces
    return Store()


def job(tmp_path: Path, **content: Any) -> Job:
    given = {"track": "embedded", "backbone": "tiny", "work": tmp_path / "work"} | content
    return Job(key=Key("t", 1, "simcse-unsup", "tiny", "0" * 16, 0), protocol="p", **given)


def test_what_is_shipped_needs_no_parcel(tmp_path: Path, store: Store) -> None:
    (there,), sent = parcel.pack([job(tmp_path)], store.put)
    assert (there, sent.sizes, sent.environment) == (job(tmp_path), {}, {})
    assert parcel.rewritten(there, parcel.unpack(sent, store.get)).track == "embedded"


def test_track_text_recipes_and_backbone_arrive(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    given = made_small.folder(tmp_path / "driver" / "data")
    track = made_small.track(tmp_path / "driver" / "track", given)
    monkeypatch.setenv("SRLBENCH_DATA", str(given))
    rules, recipes = tracks.load(str(track)), tmp_path / "mine.py"
    recipes.write_text("# a recipe")
    own = Path(shutil.copytree(backbones.SHIPPED / "tiny", tmp_path / "own"))
    asked = [job(tmp_path, track=str(track), backbone=str(own), recipe_files=(recipes,))]
    text = {form: data.training_text(rules, form) for form in rules.text}

    (there, again), sent = parcel.pack(asked * 2, store.put)
    assert there == again
    folder = parcel.unpack(sent, store.get)
    once = store.fetched
    assert parcel.unpack(sent, store.get) == folder and store.fetched == once, "a machine fetches once"
    here = parcel.rewritten(there, folder)

    shutil.rmtree(tmp_path / "driver")
    shutil.rmtree(own)
    monkeypatch.setenv("SRLBENCH_DATA", sent.environment["SRLBENCH_DATA"].replace(parcel.HERE, str(folder)))
    tracks.load.cache_clear()
    moved = tracks.load(here.track)
    assert moved.protocol_hash == rules.protocol_hash and moved.name == rules.name
    assert {form: data.training_text(moved, form) for form in moved.text} == text
    assert data.task(moved.protocol, "STSBenchmark").splits["test"]
    assert here.recipe_files[0].read_text() == "# a recipe" and here.recipe_files[0].name == "mine.py"
    same = backbones.resolve("tiny")
    found = backbones.resolve(here.backbone)
    assert (found.name, found.sha256) == ("own", same.sha256)


def test_a_file_that_was_lost_on_the_machine_is_fetched_again(tmp_path: Path, store: Store) -> None:
    recipes = tmp_path / "mine.py"
    recipes.write_text("x" * 2500)
    _, sent = parcel.pack([job(tmp_path, recipe_files=(recipes,))], store.put)
    folder = parcel.unpack(sent, store.get)
    (place,) = sent.sizes
    assert store.fetched == 3 and (folder / place).read_text() == "x" * 2500
    (folder / place).write_text("half")
    assert (parcel.unpack(sent, store.get) / place).read_text() == "x" * 2500


def test_a_revision_of_the_hub_is_found_there_without_the_hub(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import snapshot_download

    revision = "86b5e0934494bd15c9632b12f734a8a67f723594"
    name = f"google-bert/bert-base-uncased@{revision}"
    monkeypatch.setattr(backbones, "fetch", lambda found: backbones.SHIPPED / "tiny")
    (there,), sent = parcel.pack([job(tmp_path, backbone=name)], store.put)
    assert there.backbone == name
    cache = sent.environment["HF_HUB_CACHE"].replace(parcel.HERE, str(parcel.unpack(sent, store.get)))
    found = Path(
        snapshot_download("google-bert/bert-base-uncased", revision=revision, cache_dir=cache, local_files_only=True)
    )
    assert (found / "model.safetensors").read_bytes() == (backbones.SHIPPED / "tiny/model.safetensors").read_bytes()


def test_runs_of_two_results_folders_work_apart(tmp_path: Path, store: Store) -> None:
    a, b = job(tmp_path), job(tmp_path, work=tmp_path / "other")
    places = {parcel.rewritten(each, tmp_path).work for each in (a, b, replace(a, scored=False))}
    assert len(places) == 3 and parcel.rewritten(a, tmp_path).work in places


def test_a_finished_run_takes_its_work_and_what_was_left_with_it(tmp_path: Path) -> None:
    work = tmp_path / "work"
    for name, age in (("mine", 0.0), ("other", 3600.0), ("left", 8 * 24 * 3600.0)):
        (work / name).mkdir(parents=True)
        os.utime(work / name, (time.time() - age,) * 2)
    parcel.sweep(job(tmp_path, work=work / "mine"))
    assert [each.name for each in work.iterdir()] == ["other"]


def test_a_scratch_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(parcel.SCRATCH, str(tmp_path))
    mine = os.getuid()
    parcel.scratch()
    (tmp_path / f"srlbench-{mine + 1}").mkdir()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    with pytest.raises(SrlbenchError, match="belongs to somebody else; set SRLBENCH_SCRATCH"):
        parcel.scratch()


def test_a_machine_with_other_software_is_refused() -> None:
    wanted = software()
    check_software(wanted)
    with pytest.raises(
        SrlbenchError, match=r"other software .*: numpy [\d.]+ instead of 1\.0, torch [\d.]+ instead of 9"
    ):
        check_software({**wanted, "torch": "9", "numpy": "1.0"})
