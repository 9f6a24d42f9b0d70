"""Download and verification of the text of tasks and tracks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from srlbench import backbones, data, tracks
from srlbench.data import mirror
from srlbench.errors import SrlbenchError
from srlbench.tracks import protocol as protocols
from srlbench.tracks.protocol import Protocol


def pull(track: str | None) -> tuple[list[Path], Protocol]:
    """Fetch SentEval's text, or all that a track's runs read; return the paths, and the protocol of the sets."""
    if track is None:
        return [mirror.pull(anew=True)], protocols.load("simcse")
    rules = tracks.load(track)
    if rules.protocol.source == "senteval":
        mirror.pull(anew=True)
    folders = [backbones.fetch(backbones.resolve(name)) for name in rules.backbones]
    return list(dict.fromkeys([*data.fetch(rules), *folders])), rules.protocol


def verify(wanted: Sequence[Protocol], given: Path | None) -> Iterator[tuple[str, str, bool, str]]:
    """For every set that is read from files: its protocol, its name, whether it is right, and a message."""
    for rules in wanted:
        if data.sets_folder(rules, given) is None:
            yield rules.name, "", True, f"not in files: {data.described(rules, given)}"
            continue
        for task in rules.tasks:
            try:
                rows = data.task(rules, task, given)
                yield rules.name, task, True, f"{counted(rows.counts())}, sha256 {rules.tasks[task].sha256[:16]}"
            except SrlbenchError as error:
                yield rules.name, task, False, str(error)


def counted(rows: Mapping[str, int]) -> str:
    """The row counts as text, such as `train 5452, test 500`."""
    return ", ".join(f"{split} {count}" for split, count in rows.items())
