"""SentEval's probes: linear classifiers on the fixed vectors of an encoder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from srlbench.evaluation.probes.folds import Outer, kfold, nested, split

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]
Part = tuple[Vectors, Labels]


@dataclass(frozen=True)
class Adam:
    """The settings of SentEval's classifier in the SimCSE papers: one linear layer, Adam, early stopping."""

    batch: int = 64
    tenacity: int = 5  # checks without improvement that do not stop the training
    epoch_size: int = 4  # passes over the data between checks
    max_epoch: int = 200
    lr: float = 1e-3


@dataclass(frozen=True)
class Fitted:
    """The result of a probe on one task."""

    accuracy: float  # percent; with nested folds the mean of the outer accuracies, each rounded to two decimals
    dev: float  # percent: the inner accuracy by which the decay was chosen, as a mean over outer folds
    predicted: Labels  # of the scored rows, in their order
    decay: tuple[float, ...]  # the chosen decay of each outer fold


@dataclass(frozen=True)
class Probe:
    """Softmax regression with weight decay, solved exactly ("converged") or trained like SentEval ("senteval")."""

    name: Literal["converged", "senteval"]
    folds: int = 10
    decay: tuple[float, ...] = (1e-5, 1e-4, 1e-3, 1e-2)
    seed: int = 1111
    adam: Adam = field(default_factory=Adam)

    def nested(self, x: Vectors, y: Labels) -> Fitted:
        """The result of nested cross-validation: every row is predicted by a fit without it."""
        outers = nested(y, self.folds, self.seed)
        predicted, dev, decay = self._run(x, y, outers)
        labels = np.empty_like(y)
        accuracies = []
        for outer, part in zip(outers, predicted):
            labels[outer.fold.held] = part
            accuracies.append(round(100 * (part == y[outer.fold.held]).mean(), 2))
        return Fitted(float(np.mean(accuracies)), dev, labels, decay)

    def kfold(self, train: Part, test: Part) -> Fitted:
        """The result on a fixed test set; the decay is chosen by cross-validation on train."""
        x, y = _stack(train, test)
        return self._fixed(x, y, kfold(y, len(train[1]), self.folds, self.seed))

    def split(self, train: Part, dev: Part, test: Part) -> Fitted:
        """The result on a fixed test set; the decay is chosen on dev."""
        x, y = _stack(train, dev, test)
        return self._fixed(x, y, split(len(train[1]), len(dev[1]), len(test[1])))

    def _fixed(self, x: Vectors, y: Labels, outers: tuple[Outer, ...]) -> Fitted:
        (predicted,), dev, decay = self._run(x, y, outers)
        return Fitted(float(100 * (predicted == y[outers[0].fold.held]).mean()), dev, predicted, decay)

    def _run(self, x: Vectors, y: Labels, outers: tuple[Outer, ...]) -> tuple[list[Labels], float, tuple[float, ...]]:
        """The labels of each outer fold's held-out rows, the mean inner accuracy, and the chosen decays."""
        if not np.isfinite(x).all():
            raise ValueError("embeddings are not finite: no probe can learn from them")
        if self.name == "converged":
            from srlbench.evaluation.probes import converged  # torch is imported only when a probe runs

            results = converged.run(x, y, outers, self.decay)
        else:
            from srlbench.evaluation.probes import senteval

            results = senteval.run(x, y, outers, self.decay, self.adam, self.seed)
        choices = [choice for choice, _ in results]
        dev = float(np.mean([c.dev for c in choices]))
        return [labels for _, labels in results], dev, tuple(self.decay[c.index] for c in choices)


def _stack(*parts: Part) -> Part:
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
