"""SentEval's splits: the rows that each fit of a probe is trained on and scored on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Fold:
    """The rows of one fit: for training, and held out for its score."""

    train: Rows
    held: Rows


@dataclass(frozen=True)
class Outer:
    """One reported fit, and the inner fits by whose mean accuracy its weight decay is chosen."""

    fold: Fold
    inner: tuple[Fold, ...]
    refit: bool = True  # False: the single inner fit, on the same rows, is the reported fit


@dataclass(frozen=True)
class Choice:
    """The index of the chosen decay in the grid, and its inner accuracy in percent."""

    index: int
    dev: float


def choose(accuracies: NDArray[np.float64]) -> Choice:
    """The decay with the best mean of accuracies (inner fits x decays), rounded like SentEval; the first wins a tie."""
    scores = [round(100 * column.mean(), 2) for column in accuracies.T]
    return Choice(int(np.argmax(scores)), float(max(scores)))


def stratified(rows: Rows, y: Labels, folds: int, seed: int) -> tuple[Fold, ...]:
    """The folds of a stratified k-fold split of these rows."""
    from sklearn.model_selection import StratifiedKFold  # the import takes a second

    parts = StratifiedKFold(folds, shuffle=True, random_state=seed).split(np.zeros((len(rows), 1)), y[rows])
    return tuple(Fold(rows[train], rows[held]) for train, held in parts)


def nested(y: Labels, folds: int, seed: int) -> tuple[Outer, ...]:
    """Nested folds: every row is held out once, and each training part is split again in the same way."""
    outer = stratified(np.arange(len(y)), y, folds, seed)
    return tuple(Outer(fold, stratified(fold.train, y, folds, seed)) for fold in outer)


def kfold(y: Labels, train: int, folds: int, seed: int) -> tuple[Outer, ...]:
    """One outer fold: the first `train` rows are for training, split into inner folds; the others are the test set."""
    rows = np.arange(len(y))
    return (Outer(Fold(rows[:train], rows[train:]), stratified(rows[:train], y, folds, seed)),)


def split(train: int, dev: int, test: int) -> tuple[Outer, ...]:
    """One outer fold of rows that are in the order train, dev, test."""
    rows = np.arange(train + dev + test)
    inner = Fold(rows[:train], rows[train : train + dev])
    return (Outer(Fold(rows[:train], rows[train + dev :]), (inner,), refit=False),)
