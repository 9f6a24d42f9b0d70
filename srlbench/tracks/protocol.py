"""Protocols: which sets an encoder is scored on, their pinned rows, and the probe; one TOML file each."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from srlbench.errors import UsageError, unknown
from srlbench.recipe import digest

FOLDER = Path(__file__).parent / "protocols"
PROBES = ("converged", "senteval")
GENERATED = "Gen"  # before the names of tasks that are generated
# What else the field calls its tasks.
ALIASES: Mapping[str, str] = {
    "stsbenchmark": "stsb",
    "sick": "sickr",
    "sickrelatedness": "sickr",
    "sst": "sst2",
    "subjectivity": "subj",
    "msrp": "mrpc",
}


@dataclass(frozen=True)
class TaskRule:
    """One task of a protocol: its kind, the average it counts for, and the rows it must have."""

    name: str
    kind: str
    group: str
    sha256: str
    rows: Mapping[str, int]


@dataclass(frozen=True)
class Protocol:
    """How encoders are scored: source and pins of the tasks, and the probe of the transfer tasks (none: no such)."""

    name: str
    summary: str
    source: str
    tasks: Mapping[str, TaskRule]
    path: Path
    probe: Mapping[str, Any] | None = None

    @property
    def label(self) -> str:
        """The protocol as tables name it: two probes are two protocols."""
        return f"{self.name}, {self.probe['name']} probe" if self.probe else self.name

    @cached_property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The tasks behind each average, in the protocol's order."""
        out: dict[str, tuple[str, ...]] = {}
        for task in self.tasks.values():
            out[task.group] = (*out.get(task.group, ()), task.name)
        return out

    @property
    def data_hashes(self) -> dict[str, str]:
        return {task.name: task.sha256 for task in self.tasks.values()}

    @cached_property
    def hash(self) -> str:
        """What scores depend on beside the encoder and the rows."""
        return digest({"protocol": self.name, "probe": dict(self.probe) if self.probe else None})

    def with_probe(self, name: str) -> Protocol:
        """The same protocol with its transfer tasks under another probe."""
        if name not in PROBES:
            raise unknown("probe", name, PROBES)
        return dataclasses.replace(self, probe={**self.probe, "name": name}) if self.probe else self

    def only(self, chosen: Iterable[str]) -> Protocol:
        """The protocol cut down to some of its tasks, in its own order."""
        kept = {self.task_name(name) for name in chosen}
        return dataclasses.replace(self, tasks={name: rule for name, rule in self.tasks.items() if name in kept})

    def task_name(self, text: str) -> str:
        """The task that a text means: neither case nor hyphens count, and the field's other names are known.

        `STS-B`, `stsb` and `STSBenchmark` are one task, and on generated text they are `GenSTSB`.
        """
        known = {}
        for name in self.tasks:
            known[_plain(name)] = known[_plain(name.removeprefix(GENERATED))] = name
        if _plain(text) not in known:
            raise unknown(f"task of protocol {self.name}", text, self.tasks)
        return known[_plain(text)]


def _plain(name: str) -> str:
    """A task's name without case and punctuation, an alias as the name it stands for."""
    letters = "".join(letter for letter in name.casefold() if letter.isalnum())
    return ALIASES.get(letters, letters)


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def load(name: str) -> Protocol:
    """A shipped protocol by name, or anyone's own from a .toml file."""
    if name.endswith(".toml") and Path(name).is_file():
        return read(Path(name))
    if name not in names():
        raise unknown("protocol", name, names())
    return read(FOLDER / f"{name}.toml")


def read(path: Path) -> Protocol:
    """A protocol from its file."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        tasks = {key: TaskRule(name=key, **rule) for key, rule in raw.pop("tasks").items()}
        if odd := [name for name in (*tasks, raw.get("name", "")) if not re.fullmatch(r"\w[\w.-]{0,99}", str(name))]:
            raise ValueError(f"the name {odd[0]!r} is more than letters, digits, dots and -")
        if not tasks:
            raise ValueError("it has no task")
        protocol = Protocol(**raw, tasks=tasks, path=path)
        return protocol.with_probe(protocol.probe["name"]) if protocol.probe else protocol
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"Protocol file {path.name} is not a whole protocol: {error}.") from error
