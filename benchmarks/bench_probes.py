"""Both probes on the shapes of SentEval's seven tasks, beside the same protocol fit after fit.

The peers make a stated part of a task's fits and are scaled to all of them; made-up embeddings, 384 wide.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from srlbench.evaluation.probes import Adam, Fitted, Part, Probe
from srlbench.evaluation.probes.folds import Fold, nested, stratified
from srlbench.evaluation.probes.threads import one_thread

WIDTH, SEED = 384, 1111


@dataclass(frozen=True)
class Task:
    """Rows of each part and how far apart the classes are."""

    rows: tuple[int, ...]
    gap: float
    classes: int = 2
    width: int = WIDTH

    @property
    def fits(self) -> int:
        return {1: 410, 2: 41, 3: 4}[len(self.rows)]


TASKS = {
    "MR": Task((10_662,), 0.7),
    "CR": Task((3_775,), 1.0),
    "SUBJ": Task((10_000,), 1.25),
    "MPQA": Task((10_606,), 1.05),
    "SST2": Task((67_349, 872, 1_821), 0.8),
    "TREC": Task((5_452, 500), 1.6, classes=6),
    "MRPC": Task((4_076, 1_725), 0.8, width=2 * WIDTH),
}


def made_up(task: Task) -> list[Part]:
    """Rows of norm one: a few strong directions, many weak ones, and the class."""
    rng = np.random.default_rng(0)
    n, width = sum(task.rows), task.width
    y = rng.integers(0, task.classes, n)
    x = rng.normal(size=(n, width)) * 3 / np.sqrt(1 + np.arange(width) / 8)
    means = rng.normal(size=(task.classes, width))
    x += task.gap * (means / np.linalg.norm(means, axis=1, keepdims=True))[y]
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    cuts = np.cumsum(task.rows)[:-1]
    return list(zip(np.split(x, cuts), np.split(y, cuts)))


def run(probe: Probe, parts: list[Part]) -> Fitted:
    """As the number of parts asks."""
    if len(parts) == 1:
        return probe.nested(*parts[0])
    return probe.kfold(parts[0], parts[1]) if len(parts) == 2 else probe.split(*parts)


def folds_of_one(parts: list[Part], count: int) -> list[Fold]:
    """The first inner fits of a task."""
    y = parts[0][1]
    if len(parts) == 1:
        return list(nested(y, 10, SEED)[0].inner[:count])
    if len(parts) == 2:
        return list(stratified(np.arange(len(y)), y, 10, SEED)[:count])
    return [Fold(np.arange(len(y)), np.arange(500))]


def exact_one_by_one(parts: list[Part]) -> int:
    """scikit-learn's fastest solver that gets the same labels: Newton for two classes, L-BFGS for more."""
    x, y = parts[0]
    wide = np.hstack((x, np.ones((len(x), 1)))).astype(np.float64)
    two = int(y.max()) == 1
    model = LogisticRegression(
        solver="newton-cholesky" if two else "lbfgs", tol=1e-4 if two else 1e-6, max_iter=5000, fit_intercept=False
    )
    folds = folds_of_one(parts, 10 if len(parts) == 1 else 1)
    for fold in folds:
        model.warm_start = False
        for decay in reversed(Probe("converged").decay):  # from strong to weak, each from the one before
            model.set_params(C=(1 + two) / (decay * len(fold.train))).fit(wide[fold.train], y[fold.train])
            model.warm_start = True
            model.score(wide[fold.held], y[fold.held])
    return 4 * len(folds)


def adam_one_by_one(parts: list[Part]) -> int:
    """One layer at a time, as SentEval has it."""
    x, y = map(torch.from_numpy, parts[0])
    fold = folds_of_one(parts, 1)[0]
    rows, held = torch.from_numpy(fold.train), torch.from_numpy(fold.held)
    for decay in Probe("senteval").decay:
        alone(x[rows], y[rows], x[held], y[held], decay)
    return 4


def alone(x: torch.Tensor, y: torch.Tensor, dev_x: torch.Tensor, dev_y: torch.Tensor, decay: float) -> None:
    """One fit, early stopping included."""
    how, stream = Adam(), np.random.RandomState(SEED)
    torch.manual_seed(SEED)
    layer = torch.nn.Linear(x.shape[1], int(y.max()) + 1)
    optimiser = torch.optim.Adam(layer.parameters(), lr=how.lr, weight_decay=decay)
    best, failures, passes = -1.0, 0, 0
    while failures <= how.tenacity and passes <= how.max_epoch:
        for _ in range(how.epoch_size):
            for rows in torch.split(torch.from_numpy(stream.permutation(len(x))), how.batch):
                optimiser.zero_grad()
                loss = torch.nn.functional.cross_entropy(layer(x[rows]), y[rows])
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
        passes += how.epoch_size
        with torch.no_grad():
            accuracy = float((layer(dev_x).argmax(1) == dev_y).double().mean())
        best, failures = max(best, accuracy), failures + (accuracy <= best)


PEERS: dict[str, Callable[[list[Part]], int]] = {"converged": exact_one_by_one, "senteval": adam_one_by_one}


@pytest.mark.parametrize("name", PEERS)
def test_seven_tasks(name: Any, benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    sets = {task: made_up(shape) for task, shape in TASKS.items()}
    mine: dict[str, float] = {}
    found: dict[str, Fitted] = {}

    def all_seven() -> None:
        for task, parts in sets.items():
            start = time.perf_counter()
            found[task] = run(Probe(name), parts)
            mine[task] = time.perf_counter() - start

    benchmark.pedantic(all_seven, rounds=1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    total = 0.0
    for task, parts in sets.items():
        start = time.perf_counter()
        with threadpool_limits(1), one_thread():  # so short an operation is faster on one
            made = PEERS[name](parts)
        peer = (time.perf_counter() - start) * TASKS[task].fits / made
        total += peer
        with capsys.disabled():
            print(
                f"\n{name} {task}: {mine[task]:.1f} s, fit after fit {peer:.0f} s ({made} of {TASKS[task].fits} fits, "
                f"scaled): x{peer / mine[task]:.0f}; accuracy {found[task].accuracy:.2f}",
                end="",
            )
    benchmark.extra_info["ratio to fit after fit"] = total / sum(mine.values())
    with capsys.disabled():
        print(
            f"\n{name}, all seven: {sum(mine.values()):.1f} s, fit after fit {total:.0f} s: "
            f"x{total / sum(mine.values()):.0f}; peak of the process {peak:.2f} GiB"
        )
