"""SentEval's question to an encoder: how well does a linear classifier on its fixed vectors do?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

Vectors = NDArray[np.float64]
Labels = NDArray[np.int64]
Split = tuple[Vectors, Labels]


@dataclass(frozen=True)
class Probe:
    """L2-regularised logistic regression on all the data, its strength chosen inside the training part."""

    folds: int
    strengths: tuple[float, ...]  # inverse regularisation, weakest last
    seed: int

    def cross_validate(self, x: Vectors, y: Labels) -> Labels:
        """Nested cross-validation: each row's label as predicted by a probe that never saw the row."""
        predicted = np.empty_like(y)
        for train, test in self._splits(y):
            strength = self._choose(x[train], y[train])
            predicted[test] = self._fit(strength, (x[train], y[train])).predict(x[test])
        return predicted

    def predict(self, train: Split, test: Vectors, dev: Split | None = None) -> Labels:
        """Labels of a fixed test set; the strength is chosen on dev, or by cross-validation of train."""
        strength = self._choose_on(train, dev) if dev is not None else self._choose(*train)
        labels: Labels = self._fit(strength, train).predict(test)
        return labels

    def _splits(self, y: Labels) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        folds = StratifiedKFold(self.folds, shuffle=True, random_state=self.seed)
        return list(folds.split(np.zeros((len(y), 1)), y))

    def _choose(self, x: Vectors, y: Labels) -> float:
        correct = np.zeros(len(self.strengths), dtype=int)
        for train, test in self._splits(y):
            correct += self._correct((x[train], y[train]), (x[test], y[test]))
        return self.strengths[int(correct.argmax())]

    def _choose_on(self, train: Split, dev: Split) -> float:
        return self.strengths[int(self._correct(train, dev).argmax())]

    def _correct(self, train: Split, test: Split) -> NDArray[np.int_]:
        """Rows of test that are right at each strength; each fit starts from the one before."""
        model = _model()
        correct = np.zeros(len(self.strengths), dtype=int)
        for index, strength in enumerate(self.strengths):
            model.set_params(C=strength).fit(*train)
            correct[index] = int((model.predict(test[0]) == test[1]).sum())
        return correct

    def _fit(self, strength: float, train: Split) -> LogisticRegression:
        return _model().set_params(C=strength).fit(*train)


def _model() -> LogisticRegression:
    return LogisticRegression(solver="newton-cholesky", tol=1e-4, max_iter=100, warm_start=True)
