"""Training text and evaluation sets: generated, SentEval's files, or MTEB's sets in files; all of it is pinned."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from srlbench.data import language, mirror, original, senteval, simcse
from srlbench.data.rows import Rows, digest
from srlbench.data.simcse import Text
from srlbench.errors import SrlbenchError, UsageError
from srlbench.tracks import Track
from srlbench.tracks.protocol import Protocol


def training_text(track: Track, form: str) -> Text:
    """The track's training text, one tuple of views a line: ("twins") sentences or ("triplets")."""
    rule = track.text[form]
    lines = _generated(rule, form) if track.source == "language" else simcse.text(rule)
    if "sha256" not in rule:  # a whole file of a pinned revision; of a user's own copy the length is looked at
        if len(lines) != int(rule["lines"]):
            raise SrlbenchError(f"{rule['from']}: expected {rule['lines']:,} lines, found {len(lines):,}.")
        return lines
    found = digest(lines)
    if found != rule["sha256"]:
        raise SrlbenchError(
            f"The {form} text of track {track.name} has sha256 {found[:16]}…, but the track pins "
            f"{rule['sha256'][:16]}…; it was changed, so scores would not be comparable."
        )
    return lines


def _generated(rule: Mapping[str, Any], form: str) -> Text:
    n, seed = int(rule["lines"]), int(rule["seed"])
    return [*language.triplets(n, seed)] if form == "triplets" else [(s,) for s in language.sentences(n, seed)]


def fetch(track: Track) -> list[Path]:
    """The paths of all text that the track's runs read; it is downloaded now, because runs never use the network."""
    texts = [simcse.path(rule) for rule in track.text.values()] if track.source == "simcse" else []
    sets = sets_folder(track.protocol)
    return [*texts, *([sets] if sets else [])]


def preload(track: Track) -> None:
    """Generate the text of a track, so that processes that are forked from this one have it."""
    if track.source == "language":
        for form in track.text:
            training_text(track, form)
    if track.protocol.source == "language":
        for name in track.protocol.tasks:
            task(track.protocol, name)


def task(protocol: Protocol, name: str, given: Path | None = None) -> Rows:
    """One evaluation set; raises an error if its rows are not those that the protocol pins."""
    rule = protocol.tasks[name]
    if protocol.source == "language":
        rows = language.task(name)
        return pinned(protocol, rows, rows.sha256(), "this version of srlbench generates other text than it should")
    root = sets_folder(protocol, given)
    if root is None:
        raise UsageError(f"{name}: MTEB's own sets are not in files here; mteb fetches them when they are scored.")
    if protocol.source == "senteval":
        rows = senteval.task(name, root)
        found = rows.sha256()
    else:
        # mteb's STS12-16 are SentEval's text to the character; SentEval's tree is taken where there is one.
        tree = mirror.tree(root) if name.startswith("STS1") else None
        whole = senteval.task(name, tree) if tree else original.task(name, root)
        rows = Rows(name, whole.kind, {split: whole.splits[split] for split in rule.rows})
        found = original.letters_sha256(rows)
    advice = f"what lies in {root} is not the set; get it anew, for example with `srlbench data pull`"
    return pinned(protocol, rows, found, advice)


def sets_folder(protocol: Protocol, given: Path | None = None) -> Path | None:
    """The folder that a protocol's sets are read from; None if they are not in files."""
    if protocol.source == "senteval":
        return _senteval(mirror.given(given))
    folder = mirror.given(given)
    return folder if protocol.source == "mteb" and folder and original.present(folder) else None


def described(protocol: Protocol, given: Path | None = None) -> str:
    """The source of a protocol's sets, in a few words."""
    if protocol.source == "senteval":
        return str(mirror.given(given) or mirror.HUB)
    if protocol.source == "language":
        return "srlbench's generator"
    folder = sets_folder(protocol, given)
    return str(folder) if folder else "the Hub, at mteb's pinned revisions"


def pinned(protocol: Protocol, rows: Rows, found: str, advice: str) -> Rows:
    """The rows; raises an error if they are not those that the protocol pins."""
    rule = protocol.tasks[rows.name]
    expected, have = _counts(rule.rows), _counts(rows.counts())
    if expected != have:
        raise SrlbenchError(f"{rows.name}: expected {expected} rows, found {have}; {advice}.")
    if found != rule.sha256:
        raise SrlbenchError(
            f"{rows.name}: has all its rows, but not as protocol {protocol.name} pins them (expected sha256 "
            f"{rule.sha256[:16]}…, found {found[:16]}…): some are edited or in another order; {advice}."
        )
    return rows


@cache
def _senteval(given: Path | None) -> Path:
    return mirror.senteval(given)


def _counts(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{split} {count:,}" for split, count in sorted(rows.items()))
