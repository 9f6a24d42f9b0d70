"""The records of a track in brief, in one small file: what a run, a check and a reproduction compare with.

An installed package has these instead of the records themselves. A line is a record without mteb's results, diagnostics
and logs, and the hash of its file.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from srlbench.escape import utf8
from srlbench.records.files import read_bytes, store_errors
from srlbench.records.paths import record_path
from srlbench.records.record import Record
from srlbench.records.schema import RecordError, parse

FILE = "records.jsonl.gz"


def to_bytes(results: Path, records: list[Record]) -> bytes:
    """The file of these records, which lie in a results folder; its bytes are the same for the same records."""
    lines = []
    for record in records:
        whole = read_bytes(record_path(results, record.key, failed=record.status == "failed"))
        brief = replace(record, asked={}, results=[], diagnostics={}, training={}, data={}, command="")
        line = {"sha256": sha256(whole).hexdigest(), "record": brief.as_plain()}
        lines.append(json.dumps(line, separators=(",", ":"), ensure_ascii=False, allow_nan=False) + "\n")
    return gzip.compress(utf8("".join(lines)), mtime=0)


def read(path: Path) -> Iterator[tuple[str, Record]]:
    """The hash of each record's file, and the record in brief."""
    with store_errors(f"Cannot read {path}"):
        packed = path.read_bytes()
    try:
        text = gzip.decompress(packed)
    except (OSError, EOFError, zlib.error):
        text = b""
    if not text:
        raise RecordError("not a whole file of records in brief")
    for line in text.splitlines():
        content = parse(line)
        if not isinstance(content, dict) or content.keys() != {"sha256", "record"}:
            raise RecordError("not a file of records in brief")
        yield content["sha256"], Record.from_plain(content["record"])
