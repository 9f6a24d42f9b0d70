"""The inputs of one training, as one value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from srlbench.recipe import Recipe
from srlbench.tracks import Track


@dataclass(frozen=True)
class Training:
    """A resolved recipe, the folder of its backbone, the track, a seed, and a folder for checkpoints."""

    recipe: Recipe
    folder: Path
    track: Track
    seed: int
    work: Path

    def below(self, name: str) -> Training:
        """The same training with its checkpoints in a subfolder of this name."""
        return replace(self, work=self.work / name)
