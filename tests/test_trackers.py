"""Experiment trackers: each recorded run goes to them once, with everything of its record; none can harm a run."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli, Take

from srlbench import records, registry, tracks
from srlbench.errors import UsageError
from srlbench.publish import trackers
from srlbench.publish.trackers.run import of
from srlbench.records import Record, scan
from srlbench.runs.suite import Suite

RECIPES = ("simcse-unsup", "bag-random")
STATE = "broken"  # with a file of this name beside it, the fake fails
FAKE = f'''
"""As wandb, as far as srlbench knows it: every call is a line of a file."""
import json, os, sys
from pathlib import Path

OUT = Path(os.environ["FAKE_OUT"])


def put(**what):
    with (OUT / "calls.jsonl").open("a") as file:
        file.write(json.dumps(what) + chr(10))


def Settings(**given):
    return given


class Summary(dict):
    def update(self, values):
        put(call="summary", values=values)


class Run:
    def __init__(self, name):
        self.name, self.dir, self.summary = name, str(OUT), Summary()

    def log(self, values, step):
        how = (OUT / "{STATE}").read_text() if (OUT / "{STATE}").exists() else ""
        if how == "raise":
            raise ValueError("no room on the server")
        if how == "exit":
            os._exit(3)
        if how == "hang":
            import time
            time.sleep(60)
        put(call="log", values=values, step=step)

    def save(self, path, base_path, policy):
        put(call="save", record=json.loads(Path(path).read_text()))

    def finish(self):
        put(call="finish")


def init(**about):
    print("a line on stdout")
    print("a line on stderr", file=sys.stderr)
    os.environ["FAKE_WAS_HERE"] = "1"
    put(call="init", about=about)
    return Run(about["name"])
'''


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine takes long to load a library."""
    monkeypatch.setattr(trackers, "PATIENCE", 1800.0)
    monkeypatch.setattr(trackers, "GRACE", 600.0)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `wandb` that is always installed; the folder that it writes to."""
    (tmp_path / "fake" / "wandb").mkdir(parents=True)
    (tmp_path / "fake" / "wandb" / "__init__.py").write_text(FAKE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "fake")
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    monkeypatch.setenv("FAKE_OUT", str(tmp_path / "out"))
    for name in ("WANDB_MODE", "WANDB_DIR", "WANDB_BASE_URL", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def calls(out: Path, kind: str) -> list[dict[str, Any]]:
    path = out / "calls.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [call for call in map(json.loads, lines) if call["call"] == kind]


PUBLISHED = records.published_results()
in_a_clone = pytest.mark.skipif(not (PUBLISHED / "embedded").is_dir(), reason="there are no published records")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A folder with published records of two recipes at two seeds."""
    rules = tracks.load("embedded")
    folder, own = (records.track_folder(path, rules.name, rules.version) for path in (PUBLISHED, tmp_path / "found"))
    own.mkdir(parents=True)
    for key in trackers.keys(suite()):
        records.write(tmp_path / "found", records.read(records.record_path(PUBLISHED, key)))
    for name in ("track.toml", "protocol.toml"):
        shutil.copy(folder / name, own)
    return tmp_path / "found"


def suite() -> Suite:
    return Suite(tracks.load("embedded"), tuple(map(registry.known, RECIPES)), (), (0, 1))


def follow(name: str, results: Path) -> tuple[list[str], list[str]]:
    """What is said of failures, and of what was logged."""
    warned: list[str] = []
    said: list[str] = []
    with trackers.following([name], suite(), results, warned.append, said.append):
        pass
    return warned, said


def found(results: Path) -> list[Record]:
    return list(scan(results, "embedded", tracks.load("embedded").version).records)


# --- what every tracker is given ------------------------------------------------------------------


@in_a_clone
def test_a_run_is_all_of_its_record(results: Path) -> None:
    key = trackers.keys(suite())[0]
    path = records.record_path(results, key)
    run, record = of(path), records.read(path)
    assert (run.name, run.group) == ("simcse-unsup@tiny:0", f"embedded-v{record.track_version}")
    losses = [(step, values["loss"]) for step, values in run.points if "loss" in values]
    assert losses == [(place + 1, loss) for place, loss in enumerate(record.training["losses"])]
    assert [step for step, _ in run.points] == sorted({*range(1, run.last + 1), 0}) and run.last == 40
    first = record.diagnostics["dynamics"][0]
    assert dict(run.points)[0]["dynamics/gradients/norm_mean"] == first["gradients"]["norm_mean"]
    assert dict(run.points)[0]["dynamics/anisotropy"] == first["anisotropy"]
    for task, score in record.scores.items():
        assert run.summary[f"scores/{task}"] == score
    names = [task for task in record.scores if task.startswith(("GenSTS", "GenSICK"))]
    assert run.summary["scores/sts_avg"] == pytest.approx(sum(record.scores[name] for name in names) / 7)
    assert run.summary["seconds/train"] == record.timings["train_s"]
    assert run.config["settings"] == record.resolved and run.config["environment"] == record.environment
    assert (run.config["fingerprint"], run.config["weights_sha256"]) == (record.fingerprint, record.weights_sha256)
    assert len({of(records.record_path(results, each)).identity for each in trackers.keys(suite())}) == 4


@in_a_clone
@pytest.mark.parametrize(("steps", "count"), [(8, 8), (60, 60), (156, 52), (1000, 50)])
def test_the_losses_of_a_long_training_keep_their_steps(results: Path, steps: int, count: int) -> None:
    path = records.record_path(results, trackers.keys(suite())[0])
    content = json.loads(path.read_text(encoding="utf-8"))
    history = [1 / step for step in range(1, steps + 1)]
    content["training"] |= {"losses": history[:: max(1, steps // 50)], "steps": steps}
    path.write_text(json.dumps(content), encoding="utf-8")
    losses = [(step, values["loss"]) for step, values in of(path).points if "loss" in values]
    assert len(losses) == count and all(loss == 1 / step for step, loss in losses)


# --- when it is logged, with a fake ---------------------------------------------------------------


@in_a_clone
def test_each_recorded_run_is_logged_once(fake: Path, results: Path) -> None:
    environment = {**os.environ}
    warned, said = follow("wandb", results)
    assert warned == [] and said == ["wandb: logged 4 runs to wandb."]
    about = [call["about"] for call in calls(fake, "init")]
    assert [each["name"] for each in about] == [f"{recipe}@tiny:{seed}" for recipe in RECIPES for seed in (0, 1)]
    assert {each["group"] for each in about} == {f"embedded-v{tracks.load('embedded').version}"}
    runs = [of(records.record_path(results, key)) for key in trackers.keys(suite())]
    assert [each["id"] for each in about] == [run.identity for run in runs]
    saved = {(call["record"]["recipe"], call["record"]["seed"]): call["record"] for call in calls(fake, "save")}
    for record in found(results):
        assert saved[record.recipe, record.seed] == json.loads(record.to_json())
    assert len(calls(fake, "finish")) == len(calls(fake, "summary")) == 4
    assert follow("wandb", results) == ([], []) and len(calls(fake, "init")) == 4
    assert {**os.environ} == environment and "wandb" not in sys.modules  # nothing of it is in this process


@in_a_clone
def test_a_run_is_logged_as_soon_as_it_is_recorded(fake: Path, results: Path) -> None:
    late = records.record_path(results, trackers.keys(suite())[3])
    content = late.read_bytes()
    late.unlink()
    warned: list[str] = []
    with trackers.following(["wandb"], suite(), results, warned.append):
        wait_for(lambda: len(calls(fake, "finish")) == 3)
        records.write_bytes(late, content)
        wait_for(lambda: len(calls(fake, "finish")) == 4)
    assert not warned


def wait_for(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


@in_a_clone
@pytest.mark.parametrize(
    ("how", "reason"),
    [("raise", "simcse-unsup@tiny:0: no room on the server"), ("exit", "its process ended with 3"),
     ("hang", "it gave no sign for")],
)  # fmt: skip
def test_a_tracker_that_fails_is_one_note_and_is_made_up_for(
    fake: Path, results: Path, monkeypatch: pytest.MonkeyPatch, how: str, reason: str
) -> None:
    before = {path: path.read_bytes() for path in results.rglob("*.json")}
    (fake / STATE).write_text(how)
    if how == "hang":
        monkeypatch.setattr(trackers, "PATIENCE", 1.0)
    ((warned,), said) = follow("wandb", results)
    assert warned.startswith(f"wandb failed: {reason}") and warned.endswith(f". {trackers.AGAIN}") and said == []
    monkeypatch.setattr(trackers, "PATIENCE", 1800.0)
    (fake / STATE).unlink()
    assert follow("wandb", results)[1] == ["wandb: logged 4 runs to wandb."]
    assert all(path.read_bytes() == content for path, content in before.items())


@in_a_clone
def test_another_place_gets_the_runs_too(fake: Path, results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follow("wandb", results)
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert follow("wandb", results)[1] == [f"wandb: logged 4 runs to {results / 'trackers' / 'wandb'}."]


def test_what_is_not_there_is_refused_before_any_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"Unknown tracker 'tensorbord'\. Did you mean 'tensorboard'"):
        trackers.check(["tensorbord"])
    monkeypatch.setattr(sys, "path", [str(tmp_path), *(entry for entry in sys.path if not find_in(entry))])
    (tmp_path / "trackio").mkdir()  # a folder of runs, as wandb makes one, is no package
    monkeypatch.delitem(sys.modules, "trackio", raising=False)
    with pytest.raises(UsageError, match=r"'trackio' is not installed: pip install 'srlbench\[trackio\]'"):
        trackers.check(["trackio"])


def find_in(entry: str) -> bool:
    return (Path(entry) / "trackio" / "__init__.py").is_file()


def test_the_verb_logs_what_is_recorded(here: Cli, take: Take, quick_track: Path, tmp_path: Path, fake: Path) -> None:
    take(tmp_path / "found", *RECIPES)
    line = ["run", *RECIPES, "--track", quick_track, "--seeds", "0-1", "--results", "found", "--track-with", "wandb"]
    shown = here(*line, "--dry-run")
    assert shown.returncode == 0 and calls(fake, "init") == []
    done = here(*line)
    assert done.returncode == 0 and "wandb: logged 4 runs to wandb." in done.stderr, done.stderr
    assert {call["about"]["group"] for call in calls(fake, "init")} == {"quick-v4"}
    assert "a line on" not in done.stdout + done.stderr
    assert "a line on stderr" in (tmp_path / "found" / "trackers" / "wandb" / "output.txt").read_text()
    (fake / STATE).write_text("raise")
    shutil.rmtree(tmp_path / "found" / "trackers")
    broken = here(*line)
    assert broken.returncode == 0 and "Note: wandb failed: simcse-unsup@tiny:0: no room" in broken.stderr
    assert here(*line[:-1], "wandbb").returncode == 2


def test_from_python_a_failure_is_a_warning(take: Take, quick_track: Path, tmp_path: Path, fake: Path) -> None:
    import srlbench as sb

    take(tmp_path / "found", "simcse-unsup")
    (fake / STATE).write_text("raise")
    asked: dict[str, Any] = {"track": quick_track, "seeds": range(2), "results": tmp_path / "found"}
    with pytest.warns(UserWarning, match="wandb failed: simcse-unsup@tiny:0: no room on the server"):
        assert len(sb.run("simcse-unsup", **asked, track_with="wandb")) == 2
    (fake / STATE).unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sb.run("simcse-unsup", **asked, track_with=["wandb"])
    assert len(calls(fake, "finish")) == 2


# --- the tools themselves, read back with their own readers ---------------------------------------


def installed(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed")


def read_back(code: str, *arguments: object, **environment: str) -> Any:
    """What a program finds, in a process of its own: these libraries change the one that they are in."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def expected(results: Path) -> dict[str, Any]:
    """By its address: the losses by step, the scores, the fingerprint and the record of each run."""
    runs = [of(records.record_path(results, key)) for key in trackers.keys(suite())]
    return {
        run.name: {
            "losses": {str(step): values["loss"] for step, values in run.points if "loss" in values},
            "anisotropy": {
                str(step): values["dynamics/anisotropy"]
                for step, values in run.points
                if "dynamics/anisotropy" in values
            },
            "scores": {name: value for name, value in run.summary.items() if name.startswith("scores/")},
            "fingerprint": run.record.fingerprint,
            "record": json.loads(run.record.to_json()),
        }
        for run in runs
    }


def assert_logged_once(name: str, results: Path, place: object) -> None:
    """All four runs are logged, and none again; a run that was half logged when the suite was killed is whole after."""
    assert follow(name, results) == ([], [f"{name}: logged 4 runs to {place}."])
    key = trackers.keys(suite())[0]
    records.record_path(results / "trackers" / name, key, kind="logged").unlink()
    assert follow(name, results) == ([], [f"{name}: logged 1 run to {place}."])


TENSORBOARD = """
import json, sys
from pathlib import Path
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

found = {}
for folder in sorted(path for path in Path(sys.argv[1]).glob("*@*") if path.is_dir()):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0}).Reload()
    scalars = {tag: {e.step: e.value for e in events.Scalars(tag)} for tag in events.Tags()["scalars"]}
    text = events.Tensors("config")[0].tensor_proto.string_val[0].decode()
    found[folder.name] = {
        "losses": scalars.get("loss", {}), "anisotropy": scalars.get("dynamics/anisotropy", {}),
        "scores": {tag: [*steps.values()][-1] for tag, steps in scalars.items() if tag.startswith("scores/")},
        "fingerprint": json.loads(text)["fingerprint"], "record": json.loads((folder / "record.json").read_text()),
    }
print(json.dumps(found))
"""


@in_a_clone
@installed("tensorboard")
def test_tensorboard_has_every_run(results: Path) -> None:
    assert_logged_once("tensorboard", results, results / "trackers" / "tensorboard")
    folder = records.track_folder(results / "trackers" / "tensorboard", "embedded", tracks.load("embedded").version)
    found = read_back(TENSORBOARD, folder)
    assert found == single(expected(results))
    assert not list(folder.glob(".*"))


def single(value: Any) -> Any:
    """The numbers outside of records in single precision, as TensorBoard keeps them."""
    if isinstance(value, dict):
        return {key: inner if key == "record" else single(inner) for key, inner in value.items()}
    return struct.unpack("f", struct.pack("f", value))[0] if isinstance(value, float) else value


WANDB = """
import json, struct, sys
from pathlib import Path
from wandb.proto.wandb_internal_pb2 import Record

def records(path):
    data, at, whole = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        if (room := 32768 - at % 32768) < 7:
            at += room
            continue
        length, kind = struct.unpack("<HB", data[at + 4 : at + 7])
        whole, at = whole + data[at + 7 : at + 7 + length], at + 7 + length
        if kind in (1, 4):
            yield Record.FromString(whole)
            whole = b""

def items(found):
    return {"/".join(i.nested_key) or i.key: json.loads(i.value_json) for i in found}

runs = {}
for path in Path(sys.argv[1]).glob("wandb/offline-run-*/*.wandb"):
    entry = {"losses": {}, "anisotropy": {}, "scores": {}}
    for record in records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            config = items(record.run.config.update)
            entry |= {"name": record.run.display_name, "group": record.run.run_group, "id": record.run.run_id}
            entry |= {"fingerprint": config["fingerprint"]} if "fingerprint" in config else {}
        elif kind == "history":
            values = items(record.history.item)
            for name, key in (("losses", "loss"), ("anisotropy", "dynamics/anisotropy")):
                entry[name] |= {values["_step"]: values[key]} if key in values else {}
        elif kind == "summary":
            values = items(record.summary.update)
            entry["scores"] |= {key: value for key, value in values.items() if key.startswith("scores/")}
    entry["record"] = json.loads((path.parent / "files" / "record.json").read_text())
    runs[entry["name"]] = {key: value for key, value in entry.items() if key not in ("name", "group", "id")}
print(json.dumps(runs))
"""


@in_a_clone
@installed("wandb")
def test_wandb_offline_has_every_run(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    folder = results / "trackers" / "wandb"
    assert_logged_once("wandb", results, folder)
    found = read_back(WANDB, folder)
    assert found == expected(results)


MLFLOW = """
import json, sys
from pathlib import Path
from mlflow import MlflowClient

client, runs = MlflowClient(sys.argv[1]), {}
experiment = client.get_experiment_by_name(sys.argv[2])
for run in client.search_runs([experiment.experiment_id]):
    name, identity = run.info.run_name, run.info.run_id
    assert run.info.status == "FINISHED" and name not in runs
    history = {key: {e.step: e.value for e in client.get_metric_history(identity, key)} for key in run.data.metrics}
    (record,) = [each for each in client.list_artifacts(identity) if each.path.startswith("seed-")]
    runs[name] = {
        "losses": history.get("loss", {}), "anisotropy": history.get("dynamics/anisotropy", {}),
        "scores": {key: value for key, value in run.data.metrics.items() if key.startswith("scores/")},
        "fingerprint": run.data.params["fingerprint"],
        "record": json.loads(Path(client.download_artifacts(identity, record.path)).read_text()),
    }
print(json.dumps(runs))
"""


@in_a_clone
@installed("mlflow")
def test_mlflow_has_every_run(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    place = f"sqlite:///{results / 'trackers' / 'mlflow' / 'mlflow.db'}"
    assert_logged_once("mlflow", results, place)
    found = read_back(MLFLOW, place, f"srlbench-embedded-v{tracks.load('embedded').version}")
    assert found == expected(results)


TRACKIO = """
import json, sys
import trackio
from trackio.sqlite_storage import SQLiteStorage

runs = {}
for run in trackio.Api().runs(sys.argv[1]):
    assert run.name not in runs
    logs = SQLiteStorage.get_logs(sys.argv[1], run.name, run_id=run.id)
    runs[run.name] = {
        "losses": {log["step"]: log["loss"] for log in logs if "loss" in log},
        "anisotropy": {log["step"]: log["dynamics/anisotropy"] for log in logs if "dynamics/anisotropy" in log},
        "scores": {key: value for log in logs for key, value in log.items() if key.startswith("scores/")},
        "fingerprint": run.config["fingerprint"],
    }
print(json.dumps(runs))
"""


@in_a_clone
@installed("trackio")
def test_trackio_has_every_run(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRACKIO_DIR", "TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    folder = results / "trackers" / "trackio"
    assert_logged_once("trackio", results, folder)
    found = read_back(TRACKIO, f"srlbench-embedded-v{tracks.load('embedded').version}", TRACKIO_DIR=str(folder))
    wanted = expected(results)
    kept = {blob.read_bytes() for blob in (folder / "artifacts").rglob("*") if blob.is_file()}
    assert {records.record_path(results, key).read_bytes() for key in trackers.keys(suite())} <= kept
    assert found == {name: {k: v for k, v in each.items() if k != "record"} for name, each in wanted.items()}
