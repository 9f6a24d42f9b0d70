"""What each method costs beside unsupervised SimCSE: a training on the embedded track's text, on `mini`."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from srlbench import backbones, registry, tracks
from srlbench.tracks.resolve import applies, resolved
from srlbench.training import course
from srlbench.training.callbacks import Hooks
from srlbench.training.value import Training

EMBEDDED, MINI = tracks.load("embedded"), backbones.resolve("mini")
TRACK = replace(EMBEDDED, training={**EMBEDDED.training, "steps": 20})  # half of its steps
PEER = "simcse-unsup"


def training(name: str) -> tuple[float, float, float]:
    """Processor seconds, those of teachers in them, and peak memory in MB, of one training in a process of its own."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_train, args=(name, theirs))
    child.start()
    theirs.close()  # so that a child that ends without an answer is noticed
    found: tuple[float, float, float] = ours.recv()
    child.join()
    return found


def _train(name: str, out: Any) -> None:
    taught: list[float] = []
    whole = course.train

    def timed(given: Training, hooks: Hooks) -> Any:
        start = time.process_time()
        made = whole(given, hooks)
        taught.append(time.process_time() - start)
        return made

    recipe = resolved(registry.recipe(name), TRACK, MINI)
    with TemporaryDirectory() as work:
        course.train = timed  # a teacher is trained by the same function
        timed(Training(recipe, backbones.fetch(MINI), TRACK, 0, Path(work)), Hooks(lambda model: 0.0))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    out.send((taught[-1], sum(taught[:-1]), memory))


def test_methods(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    known = registry.recipes()
    names = [n for n, each in known.items() if each.recipe.trained and applies(each, MINI)]
    names = [n for n in names if known[n].recipe.companions or known[n].recipe.views]
    training(PEER)  # warms the disk
    seconds, _, memory = training(PEER)
    with capsys.disabled():
        print(f"\nx1: {PEER}, {seconds:.1f} s on one core, {memory:.0f} MB")
        print("| recipe | time | of it the teacher | memory |\n| :--- | ---: | ---: | ---: |")
        for name in names:
            spent, taught, used = training(name)
            benchmark.extra_info[f"{name}, times {PEER}"] = spent / seconds
            print(f"| {name} | x{spent / seconds:.2f} | {taught / spent:.0%} | x{used / memory:.2f} |", flush=True)
    benchmark.pedantic(training, args=(PEER,), rounds=1)
