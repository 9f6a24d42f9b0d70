"""The records: one JSON file for each run, written once; every table and verdict is computed from them."""

from srlbench.records.address import Address
from srlbench.records.confirmation import NONE, Confirmation, Confirmed, confirm, confirmations, digits, tally
from srlbench.records.environment import SETTINGS, checkout, cores, environment, machine_class, software
from srlbench.records.files import write_bytes, write_text
from srlbench.records.paths import (
    REFERENCES,
    RUNS,
    encoders,
    home,
    predictions_path,
    published_results,
    record_path,
    recorded,
    run_folder,
    track_folder,
)
from srlbench.records.predictions import read as read_predictions
from srlbench.records.predictions import sha256_of
from srlbench.records.record import Key, Record
from srlbench.records.schema import NewerSchema, RecordError
from srlbench.records.store import Problem, Scan, ensure_writable, published, read, scan, sha256_of_file, write

__all__ = [
    "NONE",
    "REFERENCES",
    "RUNS",
    "SETTINGS",
    "Address",
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
    "cores",
    "digits",
    "encoders",
    "ensure_writable",
    "environment",
    "home",
    "machine_class",
    "predictions_path",
    "published",
    "published_results",
    "read",
    "read_predictions",
    "record_path",
    "recorded",
    "run_folder",
    "scan",
    "sha256_of",
    "sha256_of_file",
    "software",
    "tally",
    "track_folder",
    "write",
    "write_bytes",
    "write_text",
]
