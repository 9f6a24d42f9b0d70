"""SentEval's question to an encoder: how well does a linear classifier on its fixed vectors do?"""

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
    """SentEval's classifier as the SimCSE papers run it: one linear layer, Adam, early stopping."""

    batch: int = 64
    tenacity: int = 5  # checks without improvement that are forgiven
    epoch_size: int = 4  # passes between checks
    max_epoch: int = 200
    lr: float = 1e-3


@dataclass(frozen=True)
class Fitted:
    """What a probe says of one task."""

    accuracy: float  # percent; under nested folds the mean of the outer accuracies, each rounded to two decimals
    dev: float  # percent: the inner accuracy that chose the decay, mean over outer folds
    predicted: Labels  # of the scored rows, in the order given
    decay: tuple[float, ...]  # chosen, one per outer fold


@dataclass(frozen=True)
class Probe:
    """Softmax regression with weight decay, solved exactly ("converged") or trained as SentEval does ("senteval")."""

    name: Literal["converged", "senteval"]
    folds: int = 10
    decay: tuple[float, ...] = (1e-5, 1e-4, 1e-3, 1e-2)
    seed: int = 1111
    adam: Adam = field(default_factory=Adam)

    def nested(self, x: Vectors, y: Labels) -> Fitted:
        """Nested cross-validation: every row predicted by a fit that never saw it."""
        outers = nested(y, self.folds, self.seed)
        predicted, dev, decay = self._run(x, y, outers)
        labels = np.empty_like(y)
        accuracies = []
        for outer, part in zip(outers, predicted):
            labels[outer.fold.held] = part
            accuracies.append(round(100 * (part == y[outer.fold.held]).mean(), 2))
        return Fitted(float(np.mean(accuracies)), dev, labels, decay)

    def kfold(self, train: Part, test: Part) -> Fitted:
        """A fixed test set; cross-validation of train chooses the decay."""
        x, y = _stack(train, test)
        return self._fixed(x, y, kfold(y, len(train[1]), self.folds, self.seed))

    def split(self, train: Part, dev: Part, test: Part) -> Fitted:
        """A fixed test set; dev chooses the decay."""
        x, y = _stack(train, dev, test)
        return self._fixed(x, y, split(len(train[1]), len(dev[1]), len(test[1])))

    def _fixed(self, x: Vectors, y: Labels, outers: tuple[Outer, ...]) -> Fitted:
        (predicted,), dev, decay = self._run(x, y, outers)
        return Fitted(float(100 * (predicted == y[outers[0].fold.held]).mean()), dev, predicted, decay)

    def _run(self, x: Vectors, y: Labels, outers: tuple[Outer, ...]) -> tuple[list[Labels], float, tuple[float, ...]]:
        """Labels of each outer fold's held-out rows, the mean inner accuracy, the decays chosen."""
        if not np.isfinite(x).all():
            raise ValueError("embeddings are not finite: no probe can learn from them")
        if self.name == "converged":
            from srlbench.evaluation.probes import converged  # torch is imported when a probe runs

            done = converged.run(x, y, outers, self.decay)
        else:
            from srlbench.evaluation.probes import senteval

            done = senteval.run(x, y, outers, self.decay, self.adam, self.seed)
        choices = [choice for choice, _ in done]
        dev = float(np.mean([c.dev for c in choices]))
        return [labels for _, labels in done], dev, tuple(self.decay[c.place] for c in choices)


def _stack(*parts: Part) -> Part:
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
