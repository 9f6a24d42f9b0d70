"""Which rows each fit of a probe trains on and which it is scored on, as SentEval splits them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Fold:
    """One fit: the rows it learns from and the rows it answers for."""

    train: Rows
    held: Rows


@dataclass(frozen=True)
class Outer:
    """One reported fit, and the inner fits whose mean accuracy chooses its weight decay."""

    fold: Fold
    inner: tuple[Fold, ...]
    refit: bool = True  # else there is one inner fit, on the same rows: it is the reported one


@dataclass(frozen=True)
class Choice:
    """The place of the decay chosen in the grid, and the inner accuracy in percent that chose it."""

    place: int
    dev: float


def choose(accuracies: NDArray[np.float64]) -> Choice:
    """The decay of the best mean of accuracies (inner fits x decays), rounded as SentEval does: the first wins."""
    scores = [round(100 * column.mean(), 2) for column in accuracies.T]
    return Choice(int(np.argmax(scores)), float(max(scores)))


def stratified(rows: Rows, y: Labels, folds: int, seed: int) -> tuple[Fold, ...]:
    """Stratified k-fold over the rows given."""
    from sklearn.model_selection import StratifiedKFold  # a second to import

    parts = StratifiedKFold(folds, shuffle=True, random_state=seed).split(np.zeros((len(rows), 1)), y[rows])
    return tuple(Fold(rows[train], rows[held]) for train, held in parts)


def nested(y: Labels, folds: int, seed: int) -> tuple[Outer, ...]:
    """Every row held out once; within each training part the same split again."""
    outer = stratified(np.arange(len(y)), y, folds, seed)
    return tuple(Outer(fold, stratified(fold.train, y, folds, seed)) for fold in outer)


def kfold(y: Labels, train: int, folds: int, seed: int) -> tuple[Outer, ...]:
    """The first `train` rows teach, split into folds; the others are the test set."""
    rows = np.arange(len(y))
    return (Outer(Fold(rows[:train], rows[train:]), stratified(rows[:train], y, folds, seed)),)


def split(train: int, dev: int, test: int) -> tuple[Outer, ...]:
    """Rows of train, dev and test, one after the other."""
    rows = np.arange(train + dev + test)
    inner = Fold(rows[:train], rows[train : train + dev])
    return (Outer(Fold(rows[:train], rows[train + dev :]), (inner,), refit=False),)
