"""Where text comes from: the generated language now, pinned files for the other tracks.

A source is a module of this package with `sentences(n, seed)`, `triplets(n, seed)` and `task(name)`.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from typing import Any

from srlbench.data.rows import Rows
from srlbench.errors import SrlbenchError
from srlbench.tracks import Track

Text = list[tuple[str, ...]]


def training_text(track: Track, form: str) -> Text:
    """The track's training text, one tuple of views a line: ("twins") sentences or ("triplets")."""
    rule = track.text[form]
    source = _source(track)
    make = {"twins": source.sentences, "triplets": source.triplets}[form]
    lines = [(line,) if isinstance(line, str) else tuple(line) for line in make(rule["lines"], rule["seed"])]
    _verify(f"{form} text of track {track.name}", str(rule["sha256"]), text_sha256(lines))
    return lines


def task(track: Track, name: str) -> Rows:
    """One evaluation set of the track, refused unless it is the pinned one."""
    rows: Rows = _source(track).task(name)
    _verify(f"{name} {rows.counts()}", track.tasks[name].sha256, rows.sha256())
    return rows


def text_sha256(lines: Text) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()


def _source(track: Track) -> Any:
    return importlib.import_module(f"{__name__}.{track.source}")


def _verify(what: str, expected: str, found: str) -> None:
    if expected != found:
        raise SrlbenchError(
            f"The {what} has sha256 {found[:16]}…, but the track pins {expected[:16]}…; "
            "the data was changed, so its scores would not be comparable."
        )
