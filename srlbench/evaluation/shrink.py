"""The shrinking of a sparse encoder: its zero heads and neurons are removed, and the result is compared with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from srlbench import data
from srlbench.errors import SrlbenchError, UsageError
from srlbench.evaluation import encoders
from srlbench.evaluation.reading import Reading
from srlbench.records import cores
from srlbench.tracks import Track

SAME = 1e-5  # the largest allowed difference of a coordinate
TIMES = 5  # encodings to time


@dataclass(frozen=True)
class Shrunk:
    """An encoder before and after: attention width and neurons of each layer, parameters, seconds of encoding."""

    sizes: tuple[list[tuple[int, int]], list[tuple[int, int]]]
    parameters: tuple[int, int]
    seconds: tuple[float, float]
    sentences: int
    difference: float  # the largest difference of a coordinate


def shrink(model: str, pool: str | None, rules: Track, results: Path, out: Path) -> Shrunk:
    """Write the smaller encoder to `out`; it is an error if its vectors differ from the original ones."""
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise UsageError(f"{out} is there already; give a new folder.")
    folder, reading = encoders.located(model, Reading(pool), results)
    from srlbench.evaluation import external
    from srlbench.training import compact as smaller

    whole = external.quietly(folder, reading, 0, cores())
    small = smaller.compact(whole)
    pairs = data.task(rules.protocol, str(rules.training["select_on"])).splits["test"]
    texts = [*pairs["sentence1"], *pairs["sentence2"]]

    def vectors(encoder: Any) -> Any:
        return encoder.encode(texts, show_progress_bar=False)

    difference = float(abs(vectors(whole) - vectors(small)).max())
    if difference > SAME:
        raise SrlbenchError(f"Without what is zero the vectors differ by {difference:.2g}, more than {SAME:g}.")
    # The two take turns, so that a busy moment of the machine affects both.
    turns = [[_timed(partial(vectors, encoder)) for encoder in (whole, small)] for _ in range(TIMES)]
    small.save(str(out))
    return Shrunk(
        sizes=(smaller.sizes(whole[0].model), smaller.sizes(small[0].model)),
        parameters=(_parameters(whole), _parameters(small)),
        seconds=(min(a for a, _ in turns), min(b for _, b in turns)),
        sentences=len(texts),
        difference=difference,
    )


def _parameters(encoder: Any) -> int:
    return sum(parameter.numel() for parameter in encoder.parameters())


def _timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
