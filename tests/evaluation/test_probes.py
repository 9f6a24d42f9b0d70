"""The probes: the exact one against scikit-learn, SentEval's against one plain fit after another."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from srlbench.evaluation.probes import Adam, Fitted, Probe, adam, converged, descent
from srlbench.evaluation.probes.folds import Fold

SEED = 1111
DECAY = (1e-5, 1e-4, 1e-3, 1e-2)
QUICK = Adam(batch=22, tenacity=2, epoch_size=2, max_epoch=30, lr=1e-2)  # 22: folds differ in batches a pass
CONVERGED = Probe("converged", folds=3)
SENTEVAL = Probe("senteval", folds=3, adam=QUICK)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """The peers' operations are so short that threads would only wait for each other."""
    with threadpool_limits(1):
        yield


def blobs(n: int, width: int, classes: int, gap: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(n) % classes)
    return (rng.normal(size=(n, width)) + gap * rng.normal(size=(classes, width))[y]).astype(np.float32), y


def splits(y: np.ndarray, folds: int = 3) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(StratifiedKFold(folds, shuffle=True, random_state=SEED).split(np.zeros((len(y), 1)), y))


# --- one plain fit after another, as SentEval trains them ------------------------------------------------------------


@dataclass(frozen=True)
class Plain:
    """A fit: the labels it predicts, the accuracy that stopped it, its layer."""

    predict: Callable[[np.ndarray], np.ndarray]
    best: float
    layer: torch.nn.Linear | None = None


Fit = Callable[[np.ndarray, np.ndarray, float, tuple[np.ndarray, np.ndarray] | None], Plain]


def labels(layer: torch.nn.Linear, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        out: np.ndarray = layer(torch.from_numpy(x)).max(1)[1].numpy()
    return out


def plain_adam(
    x: np.ndarray, y: np.ndarray, decay: float, dev: tuple[np.ndarray, np.ndarray] | None, classes: int = 0
) -> Plain:
    np.random.seed(SEED)
    torch.manual_seed(SEED)
    layer = torch.nn.Linear(x.shape[1], classes or int(y.max()) + 1)
    optimiser = torch.optim.Adam(layer.parameters(), lr=QUICK.lr, weight_decay=decay)
    if dev is None:
        order = np.random.permutation(len(x))
        count = int(0.05 * len(x))
        dev, x, y = (x[order[:count]], y[order[:count]]), x[order[count:]], y[order[count:]]
    best, failures, passes, state = -1.0, 0, 0, {}
    while passes <= QUICK.max_epoch:
        for _ in range(QUICK.epoch_size):
            order = np.random.permutation(len(x))
            for at in range(0, len(x), QUICK.batch):
                rows = order[at : at + QUICK.batch]
                optimiser.zero_grad()
                out = layer(torch.from_numpy(x[rows]))
                loss = torch.nn.functional.cross_entropy(out, torch.from_numpy(y[rows]))
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
        passes += QUICK.epoch_size
        accuracy = float((labels(layer, dev[0]) == dev[1]).mean())
        if accuracy > best:
            best, state = accuracy, {k: v.clone() for k, v in layer.state_dict().items()}
        else:
            if failures >= QUICK.tenacity:
                break
            failures += 1
    layer.load_state_dict(state)
    return Plain(lambda rows: labels(layer, rows), best, layer)


def plain_exact(x: np.ndarray, y: np.ndarray, decay: float, dev: tuple[np.ndarray, np.ndarray] | None) -> Plain:
    wide, model = widened(x), oracle(y, decay)
    model.fit(wide, y)
    best = float((model.predict(widened(dev[0])) == dev[1]).mean()) if dev else -1.0
    return Plain(lambda rows: model.predict(widened(rows)), best)


def chosen(fit: Fit, x: np.ndarray, y: np.ndarray, parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    scores = [round(100 * float(np.mean([fit(x[a], y[a], d, (x[b], y[b])).best for a, b in parts])), 2) for d in DECAY]
    return DECAY[int(np.argmax(scores))], max(scores)


def plain_nested(fit: Fit, x: np.ndarray, y: np.ndarray) -> Fitted:
    accuracies, devs, decays, predicted = [], [], [], np.empty_like(y)
    for train, test in splits(y):
        decay, dev = chosen(fit, x[train], y[train], splits(y[train]))
        predicted[test] = fit(x[train], y[train], decay, None).predict(x[test])
        accuracies.append(round(100 * (predicted[test] == y[test]).mean(), 2))
        devs.append(dev)
        decays.append(decay)
    return Fitted(float(np.mean(accuracies)), float(np.mean(devs)), predicted, tuple(decays))


def plain_fixed(fit: Fit, x: np.ndarray, y: np.ndarray, cuts: list[int]) -> Fitted:
    train, *dev, test = np.split(np.arange(len(y)), cuts)
    parts = [(train, dev[0])] if dev else splits(y[train])
    decay, score = chosen(fit, x, y, parts)
    again = fit(x[train], y[train], decay, (x[dev[0]], y[dev[0]]) if dev else None)
    predicted = again.predict(x[test])
    return Fitted(float(100 * (predicted == y[test]).mean()), score, predicted, (decay,))


def same(mine: Fitted, plain: Fitted) -> None:
    assert (mine.predicted == plain.predicted).all()
    assert mine.decay == plain.decay
    assert (mine.accuracy, mine.dev) == pytest.approx((plain.accuracy, plain.dev), abs=1e-9)


KINDS = [pytest.param(SENTEVAL, plain_adam, id="senteval"), pytest.param(CONVERGED, plain_exact, id="converged")]


@pytest.mark.parametrize("classes", [2, 6])
@pytest.mark.parametrize(("probe", "fit"), KINDS)
def test_nested_folds_equal_fit_after_fit(probe: Probe, fit: Fit, classes: int) -> None:
    x, y = blobs(100 if classes == 2 else 150, 8, classes, 0.4)
    same(probe.nested(x, y), plain_nested(fit, x, y))


@pytest.mark.parametrize("classes", [2, 6])
@pytest.mark.parametrize(("probe", "fit"), KINDS)
def test_a_fixed_test_set_equals_fit_after_fit(probe: Probe, fit: Fit, classes: int) -> None:
    x, y = blobs(200, 8, classes, 0.5)
    same(probe.kfold((x[:130], y[:130]), (x[130:], y[130:])), plain_fixed(fit, x, y, [130]))
    parts = ((x[:89], y[:89]), (x[89:140], y[89:140]), (x[140:], y[140:]))
    same(probe.split(*parts), plain_fixed(fit, x, y, [89, 140]))


# --- the exact minimum ------------------------------------------------------------------------------------------------


def widened(x: np.ndarray) -> np.ndarray:
    return np.hstack((x.astype(np.float64), np.ones((len(x), 1))))


def oracle(y: np.ndarray, decay: float) -> LogisticRegression:
    half = 2 if len(np.unique(y)) == 2 else 1  # two logits of a softmax, u/2 and -u/2, pay half of what one would
    return LogisticRegression(
        C=half / (decay * len(y)), fit_intercept=False, solver="newton-cholesky", tol=1e-12, max_iter=1000
    )


def loss(w: np.ndarray, x: np.ndarray, y: np.ndarray, decay: float) -> float:
    z = widened(x) @ w.T
    if len(w) == 1:
        w = np.vstack((-w, w)) / 2
        z = np.hstack((-z, z)) / 2
    z -= z.max(1, keepdims=True)
    rows = np.log(np.exp(z).sum(1)) - z[np.arange(len(y)), y]
    return float(rows.mean() + decay / 2 * (w**2).sum())


@pytest.mark.filterwarnings("ignore:Line search of Newton solver")  # scikit-learn's, at so tight a tolerance
@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
@pytest.mark.parametrize(("n", "width", "classes"), [(300, 20, 2), (300, 20, 5), (80, 120, 2), (80, 120, 3)])
def test_every_fit_is_at_its_minimum(n: int, width: int, classes: int, scale: float) -> None:
    x, y = blobs(n, width, classes, 0.5)
    x *= scale / np.sqrt(width)
    folds = [Fold(a, b) for a, b in splits(y)]
    mine = converged.weights(x, y, folds, DECAY).numpy()
    for i, fold in enumerate(folds):
        for k, decay in enumerate(DECAY):
            part = x[fold.train], y[fold.train]
            peer = oracle(part[1], decay).fit(widened(part[0]), part[1]).coef_
            assert loss(mine[i, k], *part, decay) - loss(peer, *part, decay) < 1e-10
            np.testing.assert_allclose(mine[i, k], peer, rtol=1e-3, atol=1e-3 * np.abs(peer).max())


def test_a_fit_that_the_common_guide_does_not_serve_gets_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = blobs(150, 30, 3, 0.5)
    folds = [Fold(a, b) for a, b in splits(y)]
    together = converged.weights(x, y, folds, DECAY)
    monkeypatch.setattr(descent, "PATIENCE", 10)
    torch.testing.assert_close(converged.weights(x, y, folds, DECAY), together, rtol=1e-3, atol=1e-3)


# --- SentEval's classifier --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 6])
def test_weights_follow_the_plain_fit(classes: int) -> None:
    x, y = blobs(120, 20, classes)
    fits = [adam.Fit(np.arange(120)[at:], np.arange(30)) for at in (30, 31)]
    decay = torch.tensor(DECAY).repeat(2, 1)
    mine = adam.train(adam.data(x, y, classes), fits, decay, QUICK, SEED)
    for i, fit in enumerate(fits):
        for k, value in enumerate(DECAY):
            plain = plain_adam(x[fit.train], y[fit.train], value, (x[:30], y[:30]), classes)
            assert plain.layer is not None
            torch.testing.assert_close(mine.w[i, k, :, :20], plain.layer.weight.data, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(mine.w[i, k, :, 20], plain.layer.bias.data, rtol=1e-4, atol=1e-5)
            assert float(mine.accuracy[i, k]) == plain.best


# --- both -------------------------------------------------------------------------------------------------------------

BOTH = pytest.mark.parametrize("probe", [CONVERGED, SENTEVAL], ids=lambda p: p.name)


@BOTH
def test_random_streams_and_threads_are_left_alone(probe: Probe) -> None:
    x, y = blobs(90, 5, 2)
    np.random.seed(3)
    torch.manual_seed(3)
    expected = np.random.RandomState(3).rand(), torch.rand(1, generator=torch.Generator().manual_seed(3))
    threads = torch.get_num_threads()
    probe.nested(x, y)
    assert (np.random.rand(), torch.rand(1)) == expected
    assert torch.get_num_threads() == threads


@BOTH
def test_the_same_rows_give_the_same_answer(probe: Probe) -> None:
    x, y = blobs(90, 40, 3, 0.2)
    a, b = probe.nested(x, y), probe.nested(x.copy(), y.copy())
    assert (a.predicted == b.predicted).all() and (a.accuracy, a.dev, a.decay) == (b.accuracy, b.dev, b.decay)


@BOTH
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_features_that_say_nothing_do_no_harm(probe: Probe, value: float) -> None:
    y = (np.arange(90) % 3 == 0).astype(np.int64)
    done = probe.nested(np.full((90, 7), value, dtype=np.float32), y)
    assert 0 <= done.accuracy <= 100 and set(done.predicted) <= {0, 1}
    if probe is CONVERGED:
        assert not done.predicted.any()


@BOTH
def test_a_class_may_be_missing_from_a_fold(probe: Probe) -> None:
    x, y = blobs(60, 90, 2, 3.0)
    y[7] = 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn says that the class is rare
        done = probe.nested(x, y)
    assert done.accuracy > 90 and done.predicted[7] != 2


@BOTH
def test_embeddings_that_are_not_finite_are_refused(probe: Probe) -> None:
    x, y = blobs(60, 5, 2)
    x[3, 2] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        probe.nested(x, y)


@BOTH
def test_random_labels_stay_at_chance(probe: Probe) -> None:
    x, _ = blobs(300, 60, 2, 0.0)
    y = np.random.default_rng(1).permutation(np.arange(300) % 2)
    assert abs(probe.nested(x, y).accuracy - 50) < 10


def test_the_decay_is_tuned() -> None:
    """Many useless dimensions and few rows call for a strong decay, small clean features for a weak one."""
    x, y = blobs(120, 100, 2, 0.0)
    x[:, 0] += 2 * y
    assert min(CONVERGED.kfold((x, y), (x[:9], y[:9])).decay) > 1e-5
    rare = (np.arange(200) % 5 == 0).astype(np.int64)  # held down, the weights never outvote the common label
    small = (0.02 * (np.random.default_rng(0).normal(size=(200, 2)) + 4 * rare[:, None])).astype(np.float32)
    assert CONVERGED.kfold((small, rare), (small[:9], rare[:9])).decay == (1e-5,)
