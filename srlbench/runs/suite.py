"""A suite: recipes on backbones under seeds, by the rules of one track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from srlbench import backbones, registry
from srlbench.errors import UsageError, short
from srlbench.recipe import Registered
from srlbench.tracks import Track
from srlbench.tracks.resolve import applies

SEEDS, MANY = 2**32, 10_000  # what numpy and torch both take as a seed; seeds of one suite
RANGE = f"a seed is below {SEEDS}, and one call takes at most {MANY} of them."


@dataclass(frozen=True)
class Suite:
    """The runs of some recipes; backbones and seeds are those of the track if none are given."""

    track: Track
    recipes: tuple[Registered, ...]
    backbones: tuple[str, ...] = ()  # shipped names, folders or pinned revisions
    seeds: tuple[int, ...] = ()
    scored: bool = True  # on the tasks, or only on the development set

    def __post_init__(self) -> None:
        object.__setattr__(self, "backbones", self.backbones or self.track.backbones)
        object.__setattr__(self, "seeds", self.seeds or self.track.seeds)

    def check(self) -> None:
        """Refuse a suite in which no recipe means anything on any backbone."""
        starts = [backbones.resolve(name) for name in self.backbones]
        if self.recipes and not any(applies(entry, start) for entry in self.recipes for start in starts):
            names = ", ".join(start.name for start in starts)
            first, layers = self.recipes[0].name, self.recipes[0].recipe.needs == "layers"
            lacks = f"with layers, and {names} has" if layers else f"that predicts the next word, and {names} is"
            raise UsageError(f"'{first}' needs a backbone {lacks} none.")


def chosen(names: Sequence[str], every: bool, files: tuple[Path, ...]) -> tuple[Registered, ...]:
    """The recipes of these names, or every registered one."""
    if bool(names) == every:
        raise UsageError("Say which recipes to run, or --all (one of the two). `srlbench list recipes` shows them.")
    if every:
        return tuple(registry.recipes(files).values())
    return tuple(registry.recipe(name, files) for name in dict.fromkeys(names))


def parse_seeds(text: str) -> tuple[int, ...]:
    """`0-4`, `3`, `0,2,7` or a mixture."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isascii() and first.isdecimal()) or (dash and not (last.isascii() and last.isdecimal())):
            raise UsageError(f"--seeds {short(text)} is not a list like 0-4 or 0,2,7.")
        if max(len(first), len(last)) > 10:  # before a number is made of it
            raise UsageError(f"--seeds {short(text)}: {RANGE}")
        span = range(int(first), int(last if dash else first) + 1)
        if not span:
            raise UsageError(f"--seeds {short(text)}: {short(part.strip())} runs backwards.")
        if span[-1] >= SEEDS or len(seeds) + len(span) > MANY:
            raise UsageError(f"--seeds {short(text)}: {RANGE}")
        seeds += span
    return tuple(dict.fromkeys(seeds))
