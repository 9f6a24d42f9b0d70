"""Measured gradients against the table of the paradigm, and against steps actually taken."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import pytest
import torch
from closed_forms import CLOSED_FORMS
from torch import Tensor
from torch.nn.functional import normalize

from srlbench import losses
from srlbench.diagnostics.gradients import PairLoss, decompose, statistics
from srlbench.diagnostics.paradigm import Bounds, bounds, cosines
from srlbench.recipe import Loss

TABLE = sorted(CLOSED_FORMS)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def loss_of(name: str) -> PairLoss:
    return Loss(name).load()


def pair(n: int = 12, width: int = 24, *, seed: int = 0, nearest: float = 0.2, farthest: float = 1.5) -> list[Tensor]:
    """Two views; the rows' noise rises, so that gradients are dissipated for some anchors and not for others."""
    generator = torch.Generator().manual_seed(seed)
    shared, a, b = (torch.randn(n, width, generator=generator, dtype=torch.float64) for _ in range(3))
    noise = torch.linspace(nearest, farthest, n, dtype=torch.float64).unsqueeze(-1)
    return [shared + noise * a, shared + noise * b]


def units(views: list[Tensor]) -> tuple[Tensor, Tensor]:
    a, b = (normalize(view, dim=-1) for view in views)
    return a, b


def off_diagonal(square: Tensor) -> Tensor:
    return square[~torch.eye(len(square), dtype=torch.bool)].view(len(square), -1)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", TABLE)
def test_the_measured_components_are_those_of_the_table(name: str, seed: int) -> None:
    views = pair(seed=seed)
    found, form = decompose(loss_of(name), *views), CLOSED_FORMS[name](*cosines(*units(views)))
    assert 0.01 < form.gd.mean() < 0.99, "a batch that tells nothing"
    torch.testing.assert_close(found.dissipation, form.gd, rtol=0, atol=1e-6)
    torch.testing.assert_close(off_diagonal(found.push), form.gd.unsqueeze(-1) * form.w, rtol=0, atol=1e-6)
    felt = form.gd > 1e-6
    assert felt.any()
    shares = form.w / form.w.sum(-1, keepdim=True)
    torch.testing.assert_close(off_diagonal(found.weights)[felt], shares[felt], rtol=0, atol=1e-6)
    torch.testing.assert_close(found.ratio[felt], form.ratio[felt], rtol=0, atol=1e-6)
    assert found.unexplained.max() < 1e-9
    assert found.negative_share.nan_to_num().max() < 1e-9


def test_the_scale_is_that_of_one_anchor() -> None:
    """A lone pair among many: its gradient does not shrink with the batch."""
    views = pair()
    a, b = units(views)
    anchor = a[0].clone().requires_grad_()
    logits = b @ normalize(anchor, dim=0) / 0.05
    (logits.logsumexp(0) - logits[0]).backward()
    found = decompose(loss_of("info_nce"), *views, anchors=1)
    tangent = b - (b @ a[0]).unsqueeze(-1) * a[0]
    assert found.norm[0] == pytest.approx(anchor.grad.norm().item())
    torch.testing.assert_close(found.push[0] @ tangent - found.pull[0] * tangent[0], anchor.grad)


def test_normalising_is_the_same_inside_the_loss_or_out() -> None:
    def bare(a: Tensor, b: Tensor) -> Tensor:
        return torch.nn.functional.cross_entropy(a @ b.T / 0.05, torch.arange(len(a)))

    views = pair()
    torch.testing.assert_close(decompose(bare, *views).push, decompose(loss_of("info_nce"), *views).push)


def test_what_lies_outside_the_paradigm_is_seen() -> None:
    for name in ("align_uniform", "barlow_twins"):
        assert decompose(loss_of(name), *pair()).unexplained.min() > 1e-3

    def attracted(a: Tensor, b: Tensor) -> Tensor:
        others = a @ b.T * (1 - torch.eye(len(a), dtype=a.dtype))
        return -others.sum() / len(a) - (a * b).sum(-1).mean()

    found = decompose(attracted, *pair())
    torch.testing.assert_close(found.negative_share, torch.ones(12, dtype=torch.float64))
    torch.testing.assert_close(off_diagonal(found.push), -torch.ones(12, 11, dtype=torch.float64))
    torch.testing.assert_close(found.pull, torch.ones(12, dtype=torch.float64))


def test_what_does_not_dissipate_stays_as_the_positive_comes_close() -> None:
    near, far = pair(nearest=0.2, farthest=0.2), pair(nearest=1.5, farthest=1.5)
    mean = {
        (name, where): decompose(loss_of(name), *views).dissipation.mean().item()
        for name in ("align_uniform", "info_nce")
        for where, views in (("near", near), ("far", far))
    }
    assert mean["info_nce", "near"] < 0.01 < 0.2 < mean["info_nce", "far"]
    assert mean["align_uniform", "near"] == pytest.approx(mean["align_uniform", "far"], rel=1e-6)


def test_without_a_push_there_is_nothing_to_dissipate() -> None:
    found = decompose(lambda a, b: (a - b).square().sum(-1).mean(), *pair())
    assert found.dissipation.isnan().all() and found.ratio.isnan().all()
    torch.testing.assert_close(found.pull, torch.full((12,), 2.0, dtype=torch.float64))
    assert found.unexplained.max() < 1e-9


def test_first_anchors_are_those_of_the_whole() -> None:
    some, every = (decompose(loss_of("info_nce"), *pair(), anchors=k) for k in (3, None))
    assert some.push.shape == (3, 12)
    torch.testing.assert_close(some.dissipation, every.dissipation[:3])


def test_more_rows_than_dimensions_have_no_one_answer() -> None:
    found = decompose(loss_of("info_nce"), *pair(12, 8))
    assert found.strength.isnan().all() and found.unexplained.isnan().all()
    out = statistics(loss_of("info_nce"), *pair(12, 8))
    assert out["determined"] == 0 and out["dissipation_mean"] is None and out["alignment"] is not None
    assert statistics(loss_of("info_nce"), *pair(12, 14))["determined"] == 12


def test_duplicate_negatives_share_the_push_and_keep_its_sum() -> None:
    a, b = pair()
    twice = [torch.cat((x, x[-1:])) for x in (a, b)]
    found = decompose(loss_of("info_nce"), *twice, anchors=3)
    form = CLOSED_FORMS["info_nce"](*cosines(*units(twice)))
    torch.testing.assert_close(found.push[:, -1], found.push[:, -2])
    torch.testing.assert_close(found.dissipation, form.gd[:3], rtol=0, atol=1e-6)
    last = decompose(loss_of("info_nce"), *twice).strength[-2:]
    assert last.isnan().all(), "a negative that is also the positive: which of them moved the anchor cannot be told"


def test_an_anchor_without_a_gradient_has_an_unexplained_share_of_none() -> None:
    found = decompose(lambda a, b: 0 * (a @ b.T).sum(), *pair(), anchors=2)
    assert found.unexplained.tolist() == [0, 0] and found.dissipation.isnan().all()
    assert statistics(loss_of("mpt"), *pair(farthest=0.2))["still"] == 12
    constant = decompose(lambda a, b: torch.tensor(1.0), *pair(), anchors=2)
    assert constant.unexplained.tolist() == [0, 0]


def test_an_anchor_whose_gradient_is_not_finite_is_left_out_alone() -> None:
    def angles(a: Tensor, b: Tensor) -> Tensor:
        return (a * b).sum(-1).clamp(-1, 1).acos().mean() + loss_of("info_nce")(a, b)

    a = torch.eye(8, dtype=torch.float64)[:5]
    b = normalize(a + 0.5 * torch.eye(8, dtype=torch.float64)[[7, 2, 3, 4, 5]], dim=-1)
    b[0] = a[0]
    found = decompose(angles, a, b)
    assert found.strength.isfinite().tolist() == [False, True, True, True, True]
    assert statistics(angles, a, b)["determined"] == 4


def test_an_identical_view_has_a_dissipation_but_no_ratio() -> None:
    def apart(a: Tensor, b: Tensor) -> Tensor:
        """No gradient exists where b = -a exactly."""
        return loss_of("info_nce")(a, b, temperature=0.5) - (a + normalize(b, dim=-1)).square().sum(-1).sqrt().mean()

    a, _ = pair()
    found = decompose(apart, a, a)
    assert (found.dissipation > 0.1).all() and (found.dissipation < 1).all()
    assert found.ratio.isnan().all()


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="anchor"):
        decompose(loss_of("info_nce"), torch.zeros(0, 4), torch.zeros(0, 4))


@pytest.mark.parametrize("name", losses.of_pairs())
def test_every_loss_has_plain_statistics_of_every_batch(name: str) -> None:
    a, b = (view.float() for view in pair(6, 16))
    batches = {
        "ordinary": (a, b),
        "identical views": (a, a),
        "opposite views": (a, -a),
        "one pair": (a[:1], b[:1]),
        "two pairs": (a[:2], b[:2]),
        "duplicates": (a[[0, 0, 1, 2]], b[[0, 0, 1, 2]]),
        "one sentence": (a[[0, 0, 0]], a[[0, 0, 0]]),
        "a zero": (a * (torch.arange(6) > 0).unsqueeze(-1), b),
    }
    keys = set()
    for case, views in batches.items():
        out = statistics(loss_of(name), *views)
        json.dumps(out, allow_nan=False)
        assert out["anchors"] == len(views[0]), case
        keys.add(tuple(out))
    assert len(keys) == 1, "the same keys in the same order, whatever the batch"
    ordinary = statistics(loss_of(name), a, b)
    assert ordinary["determined"] == 6 and ordinary["cos_hardest"] is not None


def test_statistics_are_the_means_of_what_was_measured() -> None:
    views = pair(farthest=0.8)
    a, b = units(views)
    out, found = statistics(loss_of("arccon"), *views), decompose(loss_of("arccon"), *views)
    felt = found.ratio[found.ratio.isfinite()]
    assert out["ratio_mean"] == pytest.approx(felt.mean().item()) and out["ratio_sd"] == pytest.approx(
        felt.std().item()
    )
    assert out["norm_mean"] == pytest.approx(found.norm.mean().item()) and out["still"] == 0
    assert out["dissipation_median"] == pytest.approx(found.dissipation.quantile(0.5).item())
    positive, negatives = cosines(a, b)
    assert out["cos_positive"] == pytest.approx(positive.mean().item())
    assert out["cos_hardest"] == pytest.approx(negatives.amax(-1).mean().item())
    assert out["alignment"] == pytest.approx((2 - 2 * positive).mean().item())
    views_uniformity = []
    for x in (a, b):
        potential = [math.exp(-2 * float((x[i] - x[j]) @ (x[i] - x[j]))) for i in range(12) for j in range(i)]
        views_uniformity.append(math.log(sum(potential) / len(potential)))
    assert out["uniformity"] == pytest.approx(sum(views_uniformity) / 2)
    shares = []
    form = CLOSED_FORMS["arccon"](positive, negatives)
    for i in range(12):
        others = [j for j in range(12) if j != i]
        parts = [w * (b[j] - (a[i] @ b[j]) * a[i]) for w, j in zip(form.w[i], others)]
        joint, hardest = torch.stack(parts).sum(0), parts[int(form.w[i].argmax())]
        cosine = hardest @ joint / hardest.norm() / joint.norm()
        shares.append((hardest.norm() * cosine / joint.norm()).item())
    assert out["hardest_share_mean"] == pytest.approx(sum(shares) / 12, abs=1e-6)


def moved(a: Tensor, b: Tensor, c: Tensor, ratio: float, step: float) -> tuple[Tensor, Tensor]:
    p, n = (x - (a * x).sum(-1, keepdim=True) * a for x in (b, c))
    return a, a + step * (ratio * p - n)


def triples(seed: int, count: int = 400) -> list[Tensor]:
    """Unit vectors at all sorts of angles: anchor, positive, hardest negative."""
    draw = torch.Generator().manual_seed(seed)
    centre, *rest = (torch.randn(count, 4, generator=draw, dtype=torch.float64) for _ in range(4))
    spread = 1.5 * torch.rand(count, 1, generator=draw, dtype=torch.float64)
    return [normalize(centre + spread * x, dim=-1) for x in rest]


@pytest.mark.parametrize("step", [0.1, 0.5, 1.0])
def test_the_bounds_on_the_ratio_are_where_the_step_changes_sides(step: float) -> None:
    a, b, c = triples(seed=int(10 * step))
    edges = bounds(a, b, c, step=step)
    outcomes = set()
    for ratio in (0.05, 0.3, 0.7, 1.0, 1.4, 2.5, 6.0, 20.0):
        before, after = moved(a, b, c, ratio, step)
        asked = torch.full((len(a),), ratio, dtype=torch.float64)
        closer = (after - b).norm(dim=-1) < (before - b).norm(dim=-1)
        away = (after - c).norm(dim=-1) > (before - c).norm(dim=-1)
        assert torch.equal(edges.closer(asked), closer)
        assert torch.equal(edges.away(asked), away)
        up, down = (((after * x).sum(-1) / after.norm(dim=-1) - (before * x).sum(-1)) for x in (b, c))
        acute = ((a * b).sum(-1) > 0) & ((a * c).sum(-1) > 0)
        assert (up[closer & acute] > 0).all(), "nearer is also at the higher cosine"
        assert (down[~away & acute] > -1e-12).all(), "not farther is also not at the lower cosine"
        outcomes |= {("closer", bool(x)) for x in closer} | {("away", bool(x)) for x in away}
    assert len(outcomes) == 4


def test_an_edge_that_is_not_there_is_all_or_nothing() -> None:
    nothing = torch.tensor([torch.nan], dtype=torch.float64)
    edges = Bounds(nothing, nothing, nothing, nothing, torch.tensor([True]))
    one = torch.ones(1, dtype=torch.float64)
    assert not edges.closer(one).any() and edges.away(one).all()


def test_the_conditions_are_asked_at_acute_angles_alone() -> None:
    views = pair(farthest=0.8)
    a, b = units(views)
    out, found = statistics(loss_of("info_nce"), *views, step=0.3), decompose(loss_of("info_nce"), *views)
    closer, away, counted = [], [], 0
    for i in range(12):
        j = max((j for j in range(12) if j != i), key=lambda j: float(a[i] @ b[j]))
        before, after = moved(a[i : i + 1], b[i : i + 1], b[j : j + 1], 1.0, 0.3)
        p, n = (x - (a[i] @ x) * a[i] for x in (b[i], b[j]))
        if not (a[i] @ b[i] > 0 and a[i] @ b[j] > 0 and p @ n > 0 and found.ratio[i].isfinite()):
            continue
        counted += 1
        closer.append(float((after - b[i]).norm() < (before - b[i]).norm()))
        away.append(float((after - b[j]).norm() > (before - b[j]).norm()))
    assert 0 < counted < 12 and out["counted"] == counted
    assert out["closer_share"] == pytest.approx(sum(closer) / counted)
    assert out["away_share"] == pytest.approx(sum(away) / counted)
