"""Every registered loss: its value and gradient against explicit loops, its symmetries, its edges, its kin."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from typing import Any

import loop_losses
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_losses import BY_NAME
from torch import Tensor
from torch.nn.functional import normalize
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from srlbench import losses
from srlbench.recipe import Loss, LossFunction

NAMES = losses.of_pairs()
# What the views may be exchanged in, and what a rotation of the space changes.
SYMMETRIC = {
    "in_batch_tension", "nt_xent",
    "align_uniform", "mhs", "vicreg", "vicreg_uncentred", "barlow_twins", "barlow_twins_normalised", "paradigm",
    "modified_align_uniform", "modified_mhs", "modified_vicreg", "modified_barlow_twins",
}  # fmt: skip
OF_DIMENSIONS = {"vicreg", "barlow_twins", "barlow_twins_normalised"}
# Values to try an argument at, beside None where it may be None.
VALUES: dict[str, tuple[float, ...]] = {
    "temperature": (0.05, 0.5),
    "degrees": (0.0, 10.0, 40.0),
    "margin": (0.1, 0.3, 1.2),
    "mix": (0.0, 0.2, 0.5),
    "weight": (0.5, 30.0),
    "ratio": (0.5, 1.75),
    "t": (0.5, 2.0),
    "invariance": (1.0, 25.0),
    "variance": (1.0, 25.0),
    "covariance": (1.0, 25.0),
    "gamma": (0.3, 1.0),
    "eps": (1e-4, 1e-2),
    "scale": (2.0, 20.0),
    "prior": (0.0, 0.1),
}


def function(name: str) -> LossFunction:
    return Loss(name).load()


def arguments(name: str) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(function(name)).parameters
    return {key: p for key, p in parameters.items() if p.kind is p.KEYWORD_ONLY}


def switches(name: str) -> list[str]:
    """The arguments that None switches off."""
    return [key for key, p in arguments(name).items() if "None" in str(p.annotation)]


def views(n: int = 6, width: int = 4, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, width, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2)]


def near(n: int = 6, width: int = 4, seed: int = 0, noise: float = 0.4) -> list[Tensor]:
    """Views whose rows are all of one cone, so that margins are met."""
    return [(1 + noise * x).detach().requires_grad_() for x in views(n, width, seed)]


def gradients(loss: Callable[..., Tensor], *leaves: Tensor, **chosen: Any) -> list[Tensor]:
    return list(torch.autograd.grad(loss(*leaves, **chosen), leaves, materialize_grads=True))


BATCHES: dict[str, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "random": lambda a, b: (a, b),
    "clustered": lambda a, b: (1 + 0.3 * a, 1 + 0.3 * a + 0.1 * b),
    "identical views": lambda a, b: (a, a.clone()),
    "opposite views": lambda a, b: (a, -a),
    "duplicates": lambda a, b: (a[torch.arange(len(a)) // 2], b[torch.arange(len(b)) // 2]),
}


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_value_and_gradient_equal_the_explicit_loop(name: str, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(BATCHES)), label="batch")
    a, b = views(
        data.draw(st.integers(1, 6), "n"), data.draw(st.integers(2, 5), "width"), data.draw(st.integers(0, 99))
    )
    chosen = {
        key: data.draw(st.sampled_from([*VALUES[key], *([None] if key in switches(name) else [])]), label=key)
        for key in arguments(name)
        if key in VALUES and data.draw(st.booleans(), label=f"{key} given")
    }
    results = []
    for loss in (function(name), BY_NAME[name]):
        value = loss(*BATCHES[kind](a, b), **chosen)
        results.append((value, *torch.autograd.grad(value, (a, b), materialize_grads=True)))
    torch.testing.assert_close(*results, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_those_of_the_explicit_loop(name: str) -> None:
    theirs = {key: p.default for key, p in inspect.signature(BY_NAME[name]).parameters.items()}
    assert {key: p.default for key, p in arguments(name).items()}.items() <= theirs.items()


@pytest.mark.parametrize("count", [0, 5])
def test_a_bank_equals_the_explicit_loop(count: int) -> None:
    a, b = views()
    bank = views(max(1, count), seed=7)[0].detach()[:count]
    mine, loop = function("info_nce_bank"), loop_losses.info_nce_bank
    for temperature in (0.05, 0.5):
        given = {"bank": bank, "temperature": temperature}
        torch.testing.assert_close(mine(a, b, **given), loop(a, b, **given))
        torch.testing.assert_close(gradients(mine, a, b, **given), gradients(loop, a, b, **given), rtol=1e-9, atol=1e-9)
    if not count:
        torch.testing.assert_close(mine(a, b, bank=bank), function("info_nce")(a, b))


@pytest.mark.parametrize("weights", [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.5, 2.0)])
def test_a_taught_ranking_equals_the_explicit_loop(weights: tuple[float, float]) -> None:
    a, b = views()
    given = {"teacher": views(width=3, seed=8)[0].detach(), "temperature": 0.3, "tau": 0.2}
    given |= {"consistency": weights[0], "ranking": weights[1]}
    mine, loop = function("taught_ranking"), loop_losses.taught_ranking
    torch.testing.assert_close(mine(a, b, **given), loop(a, b, **given))
    torch.testing.assert_close(gradients(mine, a, b, **given), gradients(loop, a, b, **given), rtol=1e-9, atol=1e-9)


def rows(width: int, seed: int) -> Tensor:
    return views(width=width, seed=seed)[0].detach()


GIVEN: dict[str, list[dict[str, Any]]] = {  # by loss: what it is given, beside the views
    "angular_triplet": [{"lengths": torch.tensor([30, 20, 26, 25, 40, 99])}, {"lengths": torch.arange(6)}],
    "soft_negative": [{}, {"nearest": 0.5, "furthest": 0.1}],
    "cosent": [{}, {"scale": 3.0}],
    "angle": [{}, {"scale": 3.0}],
    "memory_distillation": [{"teacher": rows(4, 3), "memory": rows(4, 4), "tau": 0.3, "reference": 0.2}],
    "calibrated_distillation": [{"teacher": rows(3, 3), "tau": 0.3, "reference": 0.2, "group": None}],
    "guided_info_nce": [{"guide": [rows(3, k) for k in (5, 6, 7)], "temperature": 0.2, "margin": m} for m in (0, 0.5)],
    "dclr": [{"teacher": rows(2, 3), "bank": rows(4, 4), "ascent": 0, "threshold": t} for t in (0.2, 0.9)],
}


@pytest.mark.parametrize("name", GIVEN)
def test_losses_of_more_than_two_views_equal_the_explicit_loop(name: str) -> None:
    mine, loop = function(name), getattr(loop_losses, "angle_" if name == "angle" else name)
    wide = name in ("angular_triplet", "soft_negative", "cosent", "angle", "guided_info_nce")
    leaves = [*views(seed=1), *(views(seed=2)[:1] if wide else [])]
    for added in GIVEN[name]:
        known = {key: value for key, value in added.items() if key != "ascent"}
        torch.testing.assert_close(mine(*leaves, **added), loop(*leaves, **known))
        expected = gradients(loop, *leaves, **known)
        torch.testing.assert_close(gradients(mine, *leaves, **added), expected, rtol=1e-8, atol=1e-9)


def test_noise_of_dclr_becomes_harder_and_the_loss_has_no_part_in_it() -> None:
    a, b = views()
    added = {"teacher": rows(4, 3), "bank": rows(4, 4), "step": 0.1}
    values = [function("dclr")(a, b, ascent=n, **added).item() for n in (0, 2, 8)]
    assert values == sorted(values) and values[0] < values[2]
    assert all(slope.isfinite().all() for slope in gradients(function("dclr"), a, b, **added))


def test_a_shuffled_order_has_the_same_labels_within_groups() -> None:
    a, b = views()
    added = {"teacher": rows(3, 3), "reference": 0.5}
    found = {round(function("calibrated_distillation")(a, b, group=1.0, **added).item(), 9) for _ in range(9)}
    assert len(found) > 1
    one, two = (function("calibrated_distillation")(a, b, group=g, **added) for g in (1e-9, None))
    torch.testing.assert_close(one, two)


def test_losses_add_up_each_on_its_views() -> None:
    a, b, c = (*views(), views(seed=9)[0])
    summed = Loss("info_nce").on(0, 1) + 0.5 * (Loss("nt_xent").on(0, 2) + 2 * Loss("soft_negative"))
    expected = function("info_nce")(a, b) + 0.5 * function("nt_xent")(a, c) + function("soft_negative")(a, b, c)
    torch.testing.assert_close(summed.whole()(a, b, c), expected)
    assert summed.as_dict() == {
        "name": "info_nce",
        "of": [0, 1],
        "plus": [{"name": "nt_xent", "times": 0.5, "of": [0, 2]}, {"name": "soft_negative"}],
    }
    warmer = summed.with_argument("temperature", 0.5)
    assert [term.arguments for term in warmer.terms] == [{"temperature": 0.5}, {"temperature": 0.5}, {}]


@pytest.mark.parametrize("name", [name for name in losses.names() if name not in losses.of_pairs()])
def test_what_companions_give_is_documented_too(name: str) -> None:
    test_documented_in_the_house_order(name)


@pytest.mark.parametrize("weight", [0.0, 1.5])
def test_hard_negatives_of_info_nce_equal_the_explicit_loop(weight: float) -> None:
    leaves = [*views(seed=1), *views(seed=2)]
    mine, loop = function("info_nce"), BY_NAME["info_nce"]
    torch.testing.assert_close(mine(*leaves, negative_weight=weight), loop(*leaves, negative_weight=weight))
    expected = gradients(loop, *leaves, negative_weight=weight)
    torch.testing.assert_close(gradients(mine, *leaves, negative_weight=weight), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_permuting_the_batch_changes_nothing(name: str) -> None:
    for a, b in (views(), near()):
        order = torch.randperm(len(a), generator=torch.Generator().manual_seed(1))
        torch.testing.assert_close(function(name)(a[order], b[order]), function(name)(a, b))
        moved = gradients(function(name), a[order], b[order])
        torch.testing.assert_close(moved, [g[order] for g in gradients(function(name), a, b)])


@pytest.mark.parametrize("name", NAMES)
def test_a_rotation_of_the_space_changes_nothing_but_losses_of_dimensions(name: str) -> None:
    a, b = near()
    rotation, _ = torch.linalg.qr(views(4, 4, seed=5)[0].detach())
    before, after = function(name)(a, b), function(name)(a @ rotation, b @ rotation)
    assert torch.isclose(before, after, rtol=1e-9) == (name not in OF_DIMENSIONS)


@pytest.mark.parametrize("name", NAMES)
def test_the_views_may_be_exchanged_where_it_is_said(name: str) -> None:
    a, b = near()
    assert torch.isclose(function(name)(a, b), function(name)(b, a), rtol=1e-9) == (name in SYMMETRIC)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", NAMES)
def test_no_nan_at_the_edges(name: str, dtype: torch.dtype) -> None:
    a, b = (v.detach().to(dtype) for v in views())
    edges = {
        "same": (a, a),
        "opposite": (a, -a),
        "one pair": (a[:1], b[:1]),
        "one pair, same": (a[:1], a[:1]),
        "one pair, opposite": (a[:1], -a[:1]),
        "two pairs": (a[:2], b[:2]),
        "duplicates": (a[[0, 0, 1]], b[[0, 0, 1]]),
        "duplicates of the same": (a[[0, 0, 1]], a[[0, 0, 1]]),
        "collapsed": (a[[0, 0, 0]], a[[0, 0, 0]]),
        "collapsed, opposite": (a[[0, 0, 0]], -a[[0, 0, 0]]),
        "orthogonal": (torch.eye(4, dtype=dtype), torch.eye(4, dtype=dtype)),
        "a zero embedding": (a * (torch.arange(6) > 0)[:, None], b * (torch.arange(6) > 0)[:, None]),
        "long": (300 * a, 300 * b),
    }
    # Ties of the hinge, nothing under the mask, each switch off and all of them.
    tried: list[dict[str, Any]] = [{}, *({key: None} for key in switches(name)), dict.fromkeys(switches(name))]
    tried += [{"margin": margin} for margin in (0.0, -3.0) if "margin" in arguments(name)]
    for (edge, pair), chosen in itertools.product(edges.items(), tried):
        x, y = (view.clone().requires_grad_() for view in pair)
        value = function(name)(x, y, **chosen)
        value.backward()
        assert value.shape == () and torch.isfinite(value), (edge, chosen)
        assert x.grad is not None and torch.isfinite(x.grad).all(), (edge, chosen)
        assert y.grad is not None and torch.isfinite(y.grad).all(), (edge, chosen)


@pytest.mark.parametrize("name", ["paradigm", *(name for name in NAMES if "margin" in switches(name))])
def test_nothing_under_the_mask_moves_nothing(name: str) -> None:
    for gradient in gradients(function(name), *near(), margin=-3.0):
        assert not gradient.any()


@pytest.mark.parametrize("name", ["mpt", "met", "mat", "dcl", "mixcse", "info_nce", "paradigm"])
def test_one_pair_is_no_contrast(name: str) -> None:
    assert function(name)(*views(1)).item() == 0
    assert all(gradient.abs().max() < 1e-12 for gradient in gradients(function(name), *views(1)))


class Largest(TorchDispatchMode):
    """The most numbers behind any tensor made under it."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for made in (leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)):
            self.numbers = max(self.numbers, made.untyped_storage().nbytes() // made.element_size())
        return out


@pytest.mark.parametrize("name", NAMES)
def test_makes_nothing_larger_than_a_matrix(name: str) -> None:
    n, width = 40, 56
    with Largest() as seen:
        gradients(function(name), *near(n, width))
    assert seen.numbers <= max(2 * width * width, 4 * n * n) < n * n * width / 10


@pytest.mark.parametrize("name", NAMES)
def test_stays_on_the_device_of_its_views(name: str) -> None:
    for n in (1, 6):
        a, b = (torch.empty(n, 4, device="meta", requires_grad=True) for _ in range(2))
        assert all(gradient.device.type == "meta" for gradient in gradients(function(name), a, b))


# The original of each modified loss, at weight lambda. Gradients are compared, values differ by a constant.
ORIGINALS: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "modified_align_uniform": lambda a, b, lam: function("align_uniform")(a, b, weight=2 * lam, t=0.5),
    "modified_mhs": lambda a, b, lam: function("mhs")(a, b, weight=lam),
    "modified_vicreg": lambda a, b, lam: function("vicreg_uncentred")(a, b, weight=lam),
    "modified_barlow_twins": lambda a, b, lam: function("barlow_twins_normalised")(a, b, weight=lam),
}


def surrogate(name: str, a: Tensor, b: Tensor, lam: float, margin: Any, t: Any, r: Any) -> Tensor:
    """The objectives of the gradient paradigm's released code, with all or none of its flags, in matrices."""
    n, held = len(a), []
    for x in (normalize(a, dim=-1), normalize(b, dim=-1)):
        cosine = (x @ x.T).detach().fill_diagonal_(-1e8)
        moves = torch.ones(n, 1, dtype=torch.bool) if margin is None else 1 - cosine.amax(1, keepdim=True) < margin
        held.append(x * moves + x.detach() * ~moves)
    (u, v), own = held, torch.eye(n, dtype=torch.bool)
    align, loss = 2 - 2 * (u * v).sum(1), a.new_zeros(())
    for x, y in ((u, v), (v, u)):
        if name == "modified_align_uniform":
            cosine = x @ x.T / (t or 1)
            potential = cosine[torch.ones(n, n).tril(-1) > 0].logsumexp(0)
            crowd = (cosine.masked_fill(own, -1e8).logsumexp(1) - potential).exp() / t if t else 1 / n
            loss = loss + lam * potential + ((r or 1) / 2 * (crowd.detach() if t else crowd) * align).sum()
        elif name == "modified_mhs":
            apart = ((x[:, None] - y[None].detach()).pow(2).sum(-1) + 1e-4).sqrt() + 1e8 * own
            apart = apart.amin(1)
            loss = loss + ((r / apart.detach() if r else 1) / 2 * align - lam * apart).mean()
        else:
            of = (x if name == "modified_vicreg" else y).detach()
            w = (of @ of.T / t).exp() if t else of @ of.T * 2 / n**2
            w = w / w[~own].sum() if t else w
            loss = loss + lam * (w * (x @ x.detach().T)).sum()  # the diagonal among them
            if r:
                loss = loss - lam * r * ((w * ~own).sum(1) * (x * y).sum(1)).sum()
            elif name == "modified_vicreg":
                loss = loss - 2 / n * (x * y.detach()).sum()
            else:
                diagonal = (x * y).mean(0).detach()
                loss = loss - (2 / n * (1 - (1 - lam) * diagonal) * x * y.detach()).sum()
    return loss


@pytest.mark.parametrize("lam", [1.0, 30.0])
@pytest.mark.parametrize("name", ORIGINALS)
def test_switched_off_it_has_the_gradient_of_the_original_and_of_its_surrogate(name: str, lam: float) -> None:
    for leaves in (views(), near(), views(2, seed=3), views(1)):
        original = gradients(lambda a, b: ORIGINALS[name](a, b, lam), *leaves)
        off = gradients(function(name), *leaves, weight=lam, **dict.fromkeys(switches(name)))
        torch.testing.assert_close(off, original, rtol=1e-9, atol=1e-9)
        if len(leaves[0]) > 1:
            coded = gradients(lambda a, b: surrogate(name, a, b, lam, None, None, None), *leaves)
            torch.testing.assert_close(coded, original, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("margin", [0.2, None])
@pytest.mark.parametrize("temperature", [0.3, None])
@pytest.mark.parametrize("ratio", [1.25, None])
@pytest.mark.parametrize("name", ORIGINALS)
def test_switched_on_it_has_the_gradient_of_the_released_code(
    name: str, margin: float | None, temperature: float | None, ratio: float | None
) -> None:
    flags = {"margin": margin, "temperature": temperature, "ratio": ratio}
    own, lam = {key: flags[key] for key in switches(name)}, 2.0
    if name == "modified_align_uniform" and ratio is None and temperature:
        own["ratio"] = 1.0  # in the code the Weight brings its alignment along,
    if name == "modified_align_uniform" and ratio and temperature is None:
        own["ratio"], lam = None, 2.0 / ratio  # and the Ratio alone is a factor on the original's
    for leaves in (near(), near(noise=0.8), near(2)):
        scale = 2.0 / lam
        mine = [scale * gradient for gradient in gradients(function(name), *leaves, weight=lam, **own)]
        coded = gradients(lambda a, b: surrogate(name, a, b, 2.0, margin, temperature, ratio), *leaves)
        torch.testing.assert_close(mine, coded, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_the_ratio_of_the_paradigm_is_felt_twice(ratio: float) -> None:
    u, v = (normalize(x, dim=-1).detach().requires_grad_() for x in near())
    n, loss = len(u), function("paradigm")
    for mine, x, y in zip(gradients(loss, u, v, margin=3.0, temperature=0.1, ratio=ratio), (u, v), (v, u), strict=True):
        w = (x @ y.T / 0.1).fill_diagonal_(-torch.inf).softmax(1)
        felt = (w @ y - 2 * ratio * y) / n**2
        along = felt - (felt * x).sum(1, keepdim=True) * x
        torch.testing.assert_close(mine, along.detach(), rtol=1e-9, atol=1e-12)


def test_arccon_without_a_margin_is_info_nce() -> None:
    torch.testing.assert_close(function("arccon")(*near(), degrees=0.0), function("info_nce")(*near()))


@pytest.mark.parametrize("name", NAMES)
def test_documented_in_the_house_order(name: str) -> None:
    said = function(name).__doc__ or ""
    assert "(n, d)" in said.partition("\n")[0] and said.partition("\n")[0].rstrip(".").endswith("-> scalar")
    places = [said.find(part) for part in ("Args:", "Reference:", "Relations:")]
    assert -1 not in places and places == sorted(places)
