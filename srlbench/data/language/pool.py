"""Weighted draws that are the same on every machine: integer weights, and one `random()` for each draw."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Pool(Generic[T]):
    """A set of outcomes with integer weights."""

    __slots__ = ("_ends", "items", "total", "weights")

    def __init__(self, items: Sequence[T], weights: Sequence[int]) -> None:
        self.items, self.weights = tuple(items), tuple(weights)
        self._ends = list(accumulate(weights))
        self.total = self._ends[-1]

    def draw(self, rng: Random) -> T:
        return self.items[bisect(self._ends, rng.random() * self.total)]

    def __iter__(self) -> Iterator[tuple[T, float]]:
        """Each outcome with its probability."""
        return iter((item, weight / self.total) for item, weight in zip(self.items, self.weights, strict=True))


def zipf(items: Sequence[T], shift: int = 2) -> Pool[T]:
    """A pool in which earlier items are more common, with weights of about 1 / (rank + shift)."""
    return Pool(items, [5040 // (rank + shift) for rank in range(len(items))])


def optional(items: Sequence[T], absent: Fraction) -> Pool[T | None]:
    """The pool of `zipf`, with None at the probability `absent`."""
    if not items:
        return Pool([None], [1])
    inner = zipf(items)
    scale, rest = absent.numerator, absent.denominator - absent.numerator
    return Pool([None, *items], [inner.total * scale, *(weight * rest for weight in inner.weights)])
