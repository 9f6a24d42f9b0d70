"""TensorBoard: a folder of events for each run, named by its address, with the record beside them."""

from __future__ import annotations

import json
import shutil
import time
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

from srlbench import records
from srlbench.publish.trackers.run import Run


def place(folder: Path) -> Path:
    """Where the events are: `tensorboard --logdir` shows them."""
    return folder


def log(run: Run, folder: Path) -> None:
    """Write the events of a run whole or not at all, over those of an earlier run of this address."""
    record = run.record
    parent = records.track_folder(folder, record.track, record.track_version)
    name = quote(run.name, safe="@+=:, ")
    building, target = parent / f".{name}.{run.identity}", parent / name
    shutil.rmtree(building, ignore_errors=True)
    writer = _module("summary.writer.event_file_writer").EventFileWriter(str(building))
    for step, values in [*run.points, (run.last, run.summary)]:
        writer.add_event(_event(step, [_value(tag, simple_value=value) for tag, value in values.items()]))
    config = "\n".join(f"    {line}" for line in json.dumps(run.config, indent=1).splitlines())  # Markdown for code
    writer.add_event(_event(0, [_text("config", config)]))
    writer.close()
    shutil.copy(run.path, building / "record.json")
    shutil.rmtree(target, ignore_errors=True)
    building.rename(target)


def _event(step: int, values: list[Any]) -> Any:
    summary = _module("compat.proto.summary_pb2").Summary(value=values)
    return _module("compat.proto.event_pb2").Event(wall_time=time.time(), step=step, summary=summary)


def _value(tag: str, **content: Any) -> Any:
    return _module("compat.proto.summary_pb2").Summary.Value(tag=tag, **content)


def _text(tag: str, text: str) -> Any:
    tensor = _module("compat.proto.tensor_pb2").TensorProto(
        dtype=_module("compat.proto.types_pb2").DT_STRING, string_val=[text.encode()]
    )
    about = _module("plugins.text.metadata").create_summary_metadata(display_name=tag, description="")
    return _value(tag, tensor=tensor, metadata=about)


def _module(name: str) -> Any:
    return import_module(f"tensorboard.{name}")
