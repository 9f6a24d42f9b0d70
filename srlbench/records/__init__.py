"""The facts: one JSON file a run, written once; every table and verdict is a view over them."""

from srlbench.records.confirmation import NONE, Confirmation, Confirmed, confirm, confirmations, digits, tally
from srlbench.records.environment import SETTINGS, checkout, environment, machine_class, software
from srlbench.records.files import write_bytes, write_text
from srlbench.records.record import SCHEMA, Key, NewerSchema, Record, RecordError
from srlbench.records.store import (
    Problem,
    Scan,
    done,
    ensure_writable,
    home,
    predictions_path,
    read,
    read_predictions,
    record_path,
    scan,
    write,
)

__all__ = [
    "NONE",
    "SCHEMA",
    "SETTINGS",
    "Confirmation",
    "Confirmed",
    "Key",
    "NewerSchema",
    "Problem",
    "Record",
    "RecordError",
    "Scan",
    "checkout",
    "confirm",
    "confirmations",
    "digits",
    "done",
    "ensure_writable",
    "environment",
    "home",
    "machine_class",
    "predictions_path",
    "read",
    "read_predictions",
    "record_path",
    "scan",
    "software",
    "tally",
    "write",
    "write_bytes",
    "write_text",
]
