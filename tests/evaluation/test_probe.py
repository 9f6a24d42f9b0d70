"""The logistic probe: it learns what is there, tunes its strength, and never sees the row it predicts."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from srlbench.evaluation.probe import Probe

PROBE = Probe(folds=5, strengths=(0.01, 1.0, 100.0), seed=1111)


def blobs(n: int = 200, width: int = 10, gap: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    return rng.normal(size=(n, width)) + gap * y[:, None], y


def test_agrees_with_scikit_learn_on_a_fixed_split() -> None:
    x, y = blobs()
    mine = Probe(5, (1.0,), 1).predict((x[:150], y[:150]), x[150:])
    peer = LogisticRegression(C=1.0, solver="lbfgs", tol=1e-10, max_iter=10_000).fit(x[:150], y[:150])
    assert (mine == peer.predict(x[150:])).all()


def test_a_warm_start_changes_no_prediction() -> None:
    x, y = blobs(gap=0.3)
    warm = PROBE._correct((x[:150], y[:150]), (x[150:], y[150:]))
    cold = [(PROBE._fit(c, (x[:150], y[:150])).predict(x[150:]) == y[150:]).sum() for c in PROBE.strengths]
    assert warm.tolist() == cold


def test_random_labels_stay_at_chance_under_cross_validation() -> None:
    x, _ = blobs(n=300, width=60)
    y = np.random.default_rng(1).permutation(np.arange(300) % 2)
    assert abs((PROBE.cross_validate(x, y) == y).mean() - 0.5) < 0.1


def test_the_strength_is_tuned() -> None:
    """Many useless dimensions and few rows call for strong regularisation, clean data for weak."""
    rng = np.random.default_rng(0)
    x, y = blobs(n=120, width=2, gap=0.7)
    noisy = np.hstack((x, rng.normal(size=(120, 100))))
    assert PROBE._choose(noisy, y) < 100.0
    rare = (np.arange(200) % 5 == 0).astype(int)  # held down, the weights never outvote the common label
    small = 0.05 * (rng.normal(size=(200, 2)) + 4 * rare[:, None])
    assert PROBE._choose(small, rare) == 100.0


def test_a_dev_set_chooses_when_there_is_one() -> None:
    x, y = blobs(n=300)
    assert (PROBE.predict((x[:100], y[:100]), x[200:], (x[100:200], y[100:200])) == y[200:]).mean() > 0.8
