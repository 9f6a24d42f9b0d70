"""The facts: one JSON file a run, written once; every table and verdict is a view over them."""

from srlbench.records.environment import environment
from srlbench.records.files import write_bytes, write_text
from srlbench.records.record import SCHEMA, Key, NewerSchema, Record, RecordError
from srlbench.records.store import (
    Problem,
    Scan,
    done,
    ensure_writable,
    predictions_path,
    read,
    read_predictions,
    record_path,
    scan,
    write,
)

__all__ = [
    "SCHEMA",
    "Key",
    "NewerSchema",
    "Problem",
    "Record",
    "RecordError",
    "Scan",
    "done",
    "ensure_writable",
    "environment",
    "predictions_path",
    "read",
    "read_predictions",
    "record_path",
    "scan",
    "write",
    "write_bytes",
    "write_text",
]
