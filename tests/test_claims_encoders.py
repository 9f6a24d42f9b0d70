"""Claims about encoders, isotropy and the weight of words, in worlds that bear them out and in others that do not."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from srlbench.analysis.claims import Finding, claims, sparse, words
from srlbench.analysis.claims import isotropy as space
from srlbench.analysis.claims.evidence import Evidence
from srlbench.records import Record

GROUPS = {"sts": ("A",)}
SEEDS = (0, 1, 2)
CLAIMS = {claim.name: claim for claim in claims()}


def record(recipe: str, seed: int, diagnostics: Mapping[str, Any], score: float = 40.0, pool: str = "mean") -> Record:
    return Record(
        status="ok", track="t", track_version=1, protocol="p", recipe=recipe, backbone="b", fingerprint="0" * 16,
        seed=seed, scores={"A": score}, resolved={"pool": pool}, diagnostics=dict(diagnostics),
        training={} if recipe.startswith("untrained") else {"steps": 9},
    )  # fmt: skip


def noise(recipe: str, seed: int) -> float:
    """What no claim should be told from; encoders that are not trained have none."""
    return 0.0 if recipe.startswith("untrained") else 0.01 * (seed - 1)


def judged(name: str, found: Sequence[Record]) -> Finding:
    return CLAIMS[name].verdict(Evidence(found, GROUPS))


def trained(recipe: str, measure: str, start: float | None, end: float) -> list[Record]:
    """Runs that looked at a measure at their first step and at their last."""
    return [
        record(
            recipe,
            seed,
            {"dynamics": [{"step": 0, measure: start}, {"step": 9, measure: end + noise(recipe, seed)}]},
        )
        for seed in SEEDS
    ]


@pytest.mark.parametrize(("measure", "sign"), [(measure, sign) for _, measure, sign, _ in space.CHANGES])
@pytest.mark.parametrize(("kind", "recipe"), space.RECIPES.items())
def test_a_change_bears_a_claim_out_by_its_direction(measure: str, sign: int, kind: str, recipe: str) -> None:
    name = f"{measure.replace('_', '-')}-{kind}"
    assert judged(name, trained(recipe, measure, 0.5, 0.5 + 0.2 * sign)).word == "supported"
    against = judged(name, trained(recipe, measure, 0.5, 0.5 - 0.2 * sign))
    assert against.word == "contradicted" and against.n == 3 and against.effect == pytest.approx(-0.2, abs=0.01)
    assert judged(name, trained(recipe, measure, 0.5, 0.5)).word == "inconclusive"
    assert judged(name, trained("mhs", measure, 0.5, 0.9)).word == "no evidence"
    assert judged(name, trained(recipe, measure, None, 0.9)).word == "no evidence"


@pytest.mark.parametrize("setting", space.SWEPT)
@pytest.mark.parametrize("measure", space.MOVED)
def test_a_setting_moves_a_measure_whichever_way(setting: str, measure: str) -> None:
    name = f"{setting}-{measure}".replace("_", "-")
    low, high = space.ENDS[setting]

    def world(ends: Mapping[str, float]) -> list[Record]:
        values = dict.fromkeys(space.SWEPT[setting], 0.5) | ends
        return [r for v, end in values.items() for r in trained(f"simcse-unsup+{setting}={v}", measure, 0.1, end)]

    assert judged(name, world({high: 0.9})).effect == pytest.approx(0.4, abs=0.02)
    assert judged(name, world({low: 0.9})).effect == pytest.approx(-0.4, abs=0.02)
    assert {judged(name, world({each: 0.9})).word for each in (low, high)} == {"supported"}
    assert judged(name, world({})).word == "inconclusive"
    assert judged(name, world({})[:-3]).word == "no evidence"


def weighed(recipe: str, method: str, r2: float, score: float = 40.0, pool: str = "mean") -> list[Record]:
    def fit(seed: int) -> dict[str, float]:
        return {"r2": r2 + noise(recipe, seed), "slope": 1.0}

    return [
        record(
            recipe,
            seed,
            {"words": {method: {quantity: fit(seed) for quantity in words.QUANTITIES}}},
            score + noise(recipe, seed),
            pool,
        )
        for seed in SEEDS
    ]


@pytest.mark.parametrize(("kind", "recipe"), words.RECIPES.items())
@pytest.mark.parametrize("method", words.METHODS)
@pytest.mark.parametrize("quantity", words.QUANTITIES)
def test_weight_is_held_against_the_untrained_encoder_of_the_same_pooling(
    kind: str, recipe: str, method: str, quantity: str
) -> None:
    name = f"{kind}-{method}-{quantity.replace('_', '-')}"
    other = weighed("untrained-mean", method, 0.9)
    before, more = weighed("untrained-cls", method, 0.2), weighed(recipe, method, 0.5, pool="cls")
    assert judged(name, [*other, *before, *more]).word == "supported"
    assert judged(name, [*other, *before, *weighed(recipe, method, 0.1, pool="cls")]).word == "contradicted"
    assert judged(name, [*other, *before, *weighed(recipe, method, 0.2, pool="cls")]).word == "inconclusive"
    missing = judged(name, [*other, *more])
    assert missing.word == "no evidence" and "untrained-cls was not run" in missing.detail


@pytest.mark.parametrize("method", words.METHODS)
def test_bad_recipes_are_told_by_their_scores(method: str) -> None:
    def world(direction: int, recipes: int = 6) -> list[Record]:
        made = [weighed(f"r{k}", method, 0.1 * k, 40 + 5 * direction * k) for k in range(recipes)]
        return [*(each for those in made for each in those), *weighed("untrained-cls", method, 9.0, 0.0)]

    good = judged(f"less-so-{method}", world(1))
    assert good.word == "supported" and good.effect == pytest.approx(1) and good.detail == "6 recipes"
    assert judged(f"less-so-{method}", world(-1)).word == "contradicted"
    assert judged(f"less-so-{method}", world(1, 3)).word == "no evidence"


def pruned(name: str, level: str, score: float, alignment: float = 0.3, uniformity: float = -2.0) -> list[Record]:
    """Three seeds of a variant at a level of sparsity, or of the recipe itself where there is no level."""
    recipe = f"{name}+sparsity={level}" if level else name
    pairs = {"alignment": alignment, "uniformity": uniformity}
    return [record(recipe, seed, {"pairs": pairs}, score + noise("x", seed)) for seed in SEEDS]


@pytest.mark.parametrize(("kind", "pair"), sparse.PAIRS.items())
def test_some_sparsity_must_beat_the_dense_twin_though_the_best_is_chosen(kind: str, pair: tuple[str, str]) -> None:
    name, dense = pair

    def world(scores: dict[str, float]) -> list[Record]:
        levels = dict.fromkeys(sparse.LEVELS, 40.0) | scores
        return [*pruned(dense, "", 40.0), *(r for level, score in levels.items() for r in pruned(name, level, score))]

    helps = f"sparsity-helps-{kind}"
    best = judged(helps, world({"0.05": 45.0}))
    assert best.word == "supported" and best.effect == pytest.approx(5) and best.detail.startswith("best at 0.05")
    assert judged(helps, world(dict.fromkeys(sparse.LEVELS, 30.0))).word == "contradicted"
    assert judged(helps, world({})).word == "inconclusive"
    assert judged(helps, world({})[3:]).word == "no evidence"
    assert judged(f"steady-{kind}", world({"0.05": 45.0})).word == "supported"
    moving = [
        dataclasses.replace(r, scores={"A": 50.0}) if r.recipe.endswith(("=0.001", "=0.5")[r.seed % 2]) else r
        for r in world({})
    ]
    assert judged(f"steady-{kind}", moving).word == "contradicted"


@pytest.mark.parametrize(("kind", "pair"), sparse.PAIRS.items())
@pytest.mark.parametrize("control", sparse.CONTROLS)
def test_the_score_is_held_against_controls(kind: str, pair: tuple[str, str], control: str) -> None:
    name, claim = pair[0], f"least-beats-{control}-{kind}"

    def other(score: float) -> list[Record]:
        recipe = f"{name}+importance={control},sparsity={sparse.LEVEL}"
        return [record(recipe, seed, {}, score) for seed in SEEDS]

    ours = pruned(name, sparse.LEVEL, 40.0)
    assert judged(claim, [*ours, *other(38.0)]).word == "supported"
    assert judged(claim, [*ours, *other(42.0)]).word == "contradicted"
    assert judged(claim, ours).word == "no evidence"


@pytest.mark.parametrize(("kind", "pair"), sparse.PAIRS.items())
def test_alignment_must_improve_and_uniformity_must_not_suffer(kind: str, pair: tuple[str, str]) -> None:
    name, dense = pair
    before = pruned(dense, "", 40.0, 0.3, -2.0)
    good, bad = pruned(name, sparse.LEVEL, 40.0, 0.2, -1.97), pruned(name, sparse.LEVEL, 40.0, 0.4, -1.8)
    for claim in (f"alignment-improves-{kind}", f"uniformity-holds-{kind}"):
        assert judged(claim, [*before, *good]).word == "supported"
        assert judged(claim, [*before, *bad]).word == "contradicted"
