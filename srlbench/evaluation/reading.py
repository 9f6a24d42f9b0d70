"""How the vectors of a plain transformers model are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from srlbench.recipe import Recipe

POOLS = (*(pool for pool in Recipe.CHOICES["pool"] if pool != "mask"), "cls-pooler")  # mask needs a prompt


@dataclass(frozen=True)
class Reading:
    """A pooling, the first so many layers, which words a word sees, and the precision; None: as the model says."""

    pool: str | None = None
    layers: int | None = None
    attention: str | None = None
    precision: str | None = None  # "bf16": the transformer computes in it; None: float32

    @staticmethod
    def of(value: Reading | str | None) -> Reading:
        return value if isinstance(value, Reading) else Reading(value)

    def over(self, declared: Mapping[str, Any]) -> Reading:
        """This reading; what it leaves open is as declared."""
        own = {key: value for key, value in vars(self).items() if value is not None}
        return Reading(**{**{key: declared.get(key) for key in vars(self)}, **own})


AS_IT_IS = Reading()
