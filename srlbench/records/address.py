"""Addresses of runs, in one grammar everywhere: `RECIPE`, `RECIPE@BACKBONE`, `RECIPE:SEED`, `RECIPE@BACKBONE:SEED`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from srlbench.errors import UsageError, unknown
from srlbench.records.record import Key, Record


@dataclass(frozen=True)
class Address:
    """The address of the runs of a recipe; a backbone or seed of None means any."""

    recipe: str
    backbone: str | None = None
    seed: int | None = None

    def __str__(self) -> str:
        backbone = "" if self.backbone is None else f"@{self.backbone}"
        return f"{self.recipe}{backbone}" + ("" if self.seed is None else f":{self.seed}")

    def matches(self, run: Record | Key) -> bool:
        return self.recipe == run.recipe and self.backbone in (None, run.backbone) and self.seed in (None, run.seed)

    def among(self, runs: Iterable[Record]) -> list[Record]:
        return [run for run in runs if self.matches(run)]


_OLD = re.compile(r"(?P<recipe>[^/]+)(/(?P<backbone>.+))?/seed-(?P<seed>\d+)")


def parse(text: str) -> Address:
    """The address in a text; the backbone may contain an @ too (before a revision).

    The old spelling, `RECIPE/BACKBONE/seed-0`, also works.
    """
    if old := _OLD.fullmatch(text):
        return Address(old["recipe"], old["backbone"], int(old["seed"]))
    head, colon, tail = text.rpartition(":")
    whole, seed = (head, int(tail)) if colon and tail.isdecimal() else (text, None)
    recipe, at, backbone = whole.partition("@")
    return Address(recipe, backbone if at else None, seed)


def of(run: Record | Key) -> Address:
    """The address of one run."""
    return Address(run.recipe, run.backbone, run.seed)


def one(text: str, runs: Sequence[Record], is_current: Callable[[Record], bool]) -> tuple[Record, ...]:
    """The records of the one run that a text names: the current one first, and a good one before a failed one."""
    found = parse(text).among(runs)
    if not found:
        raise unseen(text, runs)
    names = list(dict.fromkeys(str(of(run)) for run in found))
    if len(names) > 1:
        more = f" and {len(names) - 6} more" if len(names) > 6 else ""
        raise UsageError(f"'{text}' is {len(names)} runs: {', '.join(names[:6])}{more}. Say which.")
    return tuple(sorted(found, key=lambda run: (not is_current(run), run.status != "ok")))


def unseen(text: str, runs: Iterable[Record | Key]) -> UsageError:
    """Why no run has this address: there are other seeds, or there is no such run."""
    asked = parse(text)
    name, known = replace(asked, seed=None), [*runs]
    seeds = sorted({run.seed for run in known if name.matches(run)})
    if asked.seed is not None and seeds:
        return UsageError(f"There is no seed {asked.seed} of '{name}', only {', '.join(map(str, seeds))}.")
    return unknown("run", str(asked), {str(of(run)) for run in known})
