"""The cost of a run that nobody timed, reckoned from the size of its backbone and a short calibration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

from srlbench import backbones
from srlbench.backbones import Backbone
from srlbench.errors import SrlbenchError
from srlbench.recipe import Recipe
from srlbench.runs.engines.local import THREADS
from srlbench.tracks import Track

WORDS = 15  # word pieces of a sentence, about
START = 8.0  # seconds that every run takes, whatever its size
STEP = 0.05  # seconds of a step beside its arithmetic
SHARE = 0.75  # of the speed of one product that a transformer reaches
ROWS = 512  # word pieces in that product
HALF = 2.0  # times as fast in bfloat16, on processors made for it (benchmarks/bench_decoder.py)
BASE = 0.9e9  # bytes of a process with its libraries loaded
# Prints the operations a second of the best of ten products.
CALIBRATION = """
import sys, time
import numpy as np
rows, inner, columns = map(int, sys.argv[1:])
a, b, best = np.ones((rows, inner), np.float32), np.ones((inner, columns), np.float32), float("inf")
for _ in range(10):
    start = time.perf_counter()
    a @ b
    best = min(best, time.perf_counter() - start)
print(2 * rows * inner * columns / best)
"""


@dataclass(frozen=True)
class Size:
    """The shape of a transformer: numbers in its embedding table and in all of its layers, layers, width."""

    table: int
    core: int
    layers: int
    width: int


@dataclass(frozen=True)
class Cost:
    """About how many seconds a run takes, and how many bytes of memory."""

    seconds: float
    memory: float


def of(recipe: Recipe, track: Track, backbone: Backbone, tasks: Iterable[str]) -> Cost | None:
    """The cost of a run of a resolved recipe; None if the backbone is not here yet, or is no transformer."""
    size = _size(backbone)
    if size is None:
        return None
    core = size.core * (recipe.layers or size.layers) / size.layers
    views = 3 if recipe.data == "triplets" else 2
    sentences = (recipe.batch_size or 0) * views if recipe.trained else 0
    learnt = sentences * (recipe.steps or 0) * min(WORDS, recipe.max_length or WORDS)
    rules = [track.protocol.tasks[name] for name in tasks]
    read = sum(sum(task.rows.values()) * (1 if task.kind == "classification" else 2) for task in rules)
    operations = (6 * learnt + 2 * read * WORDS) * core
    seconds = START + STEP * (recipe.steps or 0)
    seconds += operations / (SHARE * speed(track.threads, size.width, recipe.precision))
    return Cost(seconds, _memory(recipe, size, core, sentences))


def _memory(recipe: Recipe, size: Size, core: float, sentences: int) -> float:
    """Weights, their gradients and the optimiser's two averages, and the activations of the sentences in one pass."""
    weights = 4 * (core + size.table)
    trained = core + (0 if recipe.freeze == "embeddings" else size.table)
    state = 12 * trained if recipe.trained and not recipe.adapter else 0
    at_once = min(sentences, recipe.micro_batch or sentences)
    layers = 1 if recipe.gradient_checkpointing else recipe.layers or size.layers
    activations = at_once * (recipe.max_length or WORDS) * layers * size.width * 4 * 30
    return BASE + weights + state + activations


def ensure_fits(memory: float, name: str) -> None:
    """Refuse a run that takes more memory than this machine has."""
    has = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if memory > has:
        raise SrlbenchError(
            f"{name} takes about {memory / 1e9:.0f} GB of memory, and this machine has {has / 1e9:.0f} GB; "
            "layers=N, micro_batch=N, gradient_checkpointing=true, freeze=embeddings or adapter=lora take less."
        )


@cache
def speed(threads: int, width: int, precision: str | None = None) -> float:
    """Operations a second in products of a layer of this width, as measured in a fraction of a second."""
    limits = dict.fromkeys(THREADS, str(threads))
    # In a process of its own: the caller's is left as it is, also with its number of threads.
    command = [sys.executable, "-c", CALIBRATION, str(ROWS), str(width), str(3 * width)]
    done = subprocess.run(command, env={**os.environ, **limits}, capture_output=True, text=True, check=True)
    return float(done.stdout) * (HALF if precision == "bf16" else 1)


def _size(backbone: Backbone) -> Size | None:
    folder = backbones.present(backbone)
    if folder is None or not (folder / "config.json").is_file():
        return None
    shapes: dict[str, list[int]] = {}
    for path in folder.glob("*.safetensors"):
        shapes |= {name: about["shape"] for name, about in _header(path).items() if name != "__metadata__"}
    if not shapes:
        return None
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    layers = [config[key] for key in ("num_hidden_layers", "n_layer", "n_layers", "num_layers") if key in config]
    width = [config[key] for key in ("hidden_size", "n_embd", "dim", "d_model") if key in config]
    table = max(prod(shape) for shape in shapes.values())
    return Size(table, sum(map(prod, shapes.values())) - table, int([*layers, 1][0]), int([*width, 1][0]))


def _header(path: Path) -> Mapping[str, Any]:
    """The names and shapes of a safetensors file, which stand at its beginning."""
    with path.open("rb") as file:
        header: Mapping[str, Any] = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        return header
