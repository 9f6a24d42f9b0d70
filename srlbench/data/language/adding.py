"""Sums of floats that are the same in every version of Python."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add


def total(values: Iterable[float]) -> float:
    """The sum, added from left to right; `sum` adds floats in another way since Python 3.12."""
    return reduce(add, values, 0)
