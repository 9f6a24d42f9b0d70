"""Claims are judged by the records alone: what would bear them out, what would not, and what cannot tell."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Cli

from srlbench import variants
from srlbench.analysis.claims import Claim, Finding, claims, page
from srlbench.analysis.claims.evidence import Evidence, Missing, minus, over
from srlbench.analysis.claims.gradient_paradigm import EFFECTIVE, ORIGINAL
from srlbench.analysis.claims.judge import judge
from srlbench.records import Record

GROUPS = {"sts": ("A",), "transfer": ("B",)}
SEEDS = (0, 1, 2)
PARADIGM = {claim.name: claim for claim in claims() if claim.paper == "arXiv 2402.18281"}
ABLATED = [
    f"{name}+{setting}=none"
    for setting in ("margin", "temperature", "ratio")
    for name in ORIGINAL
    if (name, setting) != ("modified-mhs", "temperature")
]


def records(
    sts: Mapping[str, float], transfer: Mapping[str, float] | None = None, *, noise: float = 0.1, **gradients: Any
) -> list[Record]:
    """Three seeds of every recipe; the noise moves each its own way."""
    transfer = transfer or {}
    made = []
    for recipe, score in sts.items():
        for seed in SEEDS:
            off = noise * random.Random(f"{recipe} {seed}").uniform(-1, 1)
            seen = {key: value[recipe] for key, value in gradients.items() if recipe in value}
            made.append(
                Record(
                    status="ok", track="t", track_version=1, protocol="p", recipe=recipe, backbone="b",
                    fingerprint="0" * 16, seed=seed, scores={"A": score + off, "B": transfer.get(recipe, 60) + off},
                    training={"steps": 9}, diagnostics={"dynamics": [{"step": 0}, {"step": 9, "gradients": seen}]},
                )
            )  # fmt: skip
    return made


def judged(name: str, found: list[Record]) -> Finding:
    return PARADIGM[name].verdict(Evidence(found, GROUPS))


def everywhere(value: float) -> dict[str, float]:
    return dict.fromkeys([*EFFECTIVE, *ORIGINAL, *ORIGINAL.values(), *ABLATED], value)


WORLDS = {  # claim -> STS scores in a world that bears it out, and in one that does not
    "modified-losses-beat-their-originals": (dict.fromkeys(ORIGINAL, 50), dict.fromkeys(ORIGINAL, 30)),
    "dissipation-matters": (
        {f"{name}+margin=none": 30 for name in ORIGINAL}, {f"{name}+margin=none": 50 for name in ORIGINAL}
    ),
    "weight-matters": (
        {name: 30 for name in ABLATED if "temperature" in name}, {name: 50 for name in ABLATED if "temperature" in name}
    ),
    "ratio-matters": (
        {f"{name}+ratio=none": 30 for name in ORIGINAL}, {f"{name}+ratio=none": 50 for name in ORIGINAL}
    ),
    "effective-losses-tie": ({}, {"met": 50}),
}  # fmt: skip


@pytest.mark.parametrize("name", WORLDS)
def test_scores_bear_a_claim_out_or_do_not(name: str) -> None:
    yes, no = WORLDS[name]
    assert judged(name, records(everywhere(40) | yes)).word == "supported"
    assert judged(name, records(everywhere(40) | no)).word == "contradicted"
    assert judged(name, records(everywhere(40), noise=30)).word == "inconclusive"


def test_a_claim_is_judged_in_the_settings_of_its_paper_too() -> None:
    """The regime's runs are variants; those of a claim's own changes are found, and what does not train is the same."""
    regime, name = {"head": "linear", "batch_size": 128}, "modified-losses-beat-their-originals"
    here = records(everywhere(40) | dict.fromkeys(ORIGINAL, 30))
    there = {
        variants.changed(recipe, regime): value
        for recipe, value in (everywhere(40) | dict.fromkeys(ORIGINAL, 50)).items()
    }
    assert "mhe+batch_size=128,head=linear" in there and "modified-mhe+batch_size=128,head=linear,ratio=none" in there
    every = [*here, *records(there)]
    assert PARADIGM[name].verdict(Evidence(every, GROUPS)).word == "contradicted"
    assert PARADIGM[name].verdict(Evidence(every, GROUPS, regime=regime)).word == "supported"
    assert PARADIGM["ratio-matters"].verdict(Evidence(every, GROUPS, regime=regime)).word == "supported"
    assert PARADIGM[name].verdict(Evidence(here, GROUPS, regime=regime)).word == "no evidence"

    regimes = {"arXiv 2402.18281": regime, "arXiv 2212.09170": {"pool": "mean"}}
    track = SimpleNamespace(name="t", ranked=("tiny",), groups=GROUPS, regimes=regimes)
    every = [replace(record, backbone="tiny") for record in every]
    found = judge(SimpleNamespace(track=track, fresh=every))  # type: ignore[arg-type]
    assert [*found] == ["tiny", "tiny, as in the paper: head linear, batch_size 128"]
    assert {claim.paper for claim, _ in found[[*found][1]]} == {"arXiv 2402.18281"}
    assert all(finding.word != "no evidence" for _, finding in found[[*found][1]])


def test_the_gain_on_transfer_is_held_against_that_on_sts() -> None:
    name = "modified-losses-gain-less-on-transfer"
    better = dict.fromkeys(ORIGINAL, 50)
    assert judged(name, records(everywhere(40) | better)).word == "supported"
    assert judged(name, records(everywhere(40) | better, dict.fromkeys(ORIGINAL, 80))).word == "contradicted"


def test_gradients_bear_a_claim_out_or_do_not() -> None:
    name, sts = "effective-losses-share-the-paradigm", everywhere(40)
    assert judged(name, records(sts, unexplained_mean=everywhere(0.001))).word == "supported"
    assert judged(name, records(sts, unexplained_mean=everywhere(0.001) | {"met": 0.2})).word == "contradicted"
    name, strong = "ineffective-losses-do-not-dissipate", dict.fromkeys(EFFECTIVE, 0.1)
    assert judged(name, records(sts, dissipation_mean=everywhere(1.0) | strong)).word == "supported"
    fading = everywhere(1.0) | strong | {"mhs": 0.0}
    assert judged(name, records(sts, dissipation_mean=fading)).word == "contradicted"
    assert judged(name, records(sts)).word == "no evidence"


def test_one_seed_is_inconclusive_and_no_record_is_no_evidence() -> None:
    found = records(everywhere(40) | dict.fromkeys(ORIGINAL, 50))
    one = [record for record in found if record.seed == 0]
    assert judged("modified-losses-beat-their-originals", one).word == "inconclusive"
    nothing = judged("modified-losses-beat-their-originals", [r for r in found if r.recipe != "mhs"])
    assert nothing.word == "no evidence" and nothing.detail.startswith("mhs was not run")


def test_differences_are_taken_seed_by_seed() -> None:
    assert minus({0: 1.0, 1: 5.0, 2: 0.0}, {0: 0.5, 1: 4.0}) == {0: 0.5, 1: 1.0}
    assert over([{0: 1.0, 1: 2.0}, {1: 4.0}]) == {1: 3.0}
    with pytest.raises(Missing):
        minus({0: 1.0}, {1: 1.0})


@pytest.mark.parametrize("claim", claims(), ids=lambda claim: claim.name)
def test_every_claim_says_how_it_is_judged(claim: Claim) -> None:
    assert claim.text.endswith(".") and claim.test.endswith(".") and claim.paper


def test_the_page_shows_every_claim_with_its_verdict() -> None:
    evidence = Evidence(records(everywhere(40)), GROUPS)
    judged = [(each, each.verdict(evidence)) for each in claims()]
    text = page.to_markdown({"tiny": judged}, "t", 1, "p", "srlbench claims")
    assert all(claim.text in text for claim in claims()) and "on `tiny`" not in text
    both = page.to_markdown({"tiny": judged, "mini": judged}, "t", 1, "p", "srlbench claims")
    assert both.count("on `tiny`") == both.count("on `mini`") == len({claim.paper for claim in claims()})
    assert "**inconclusive** | +0.00 points | -" in text and "**no evidence** | – | – | –" in text


def test_the_verb_says_what_is_missing(cli: Cli, tmp_path: Path) -> None:
    done = cli("claims", "--results", tmp_path / "empty")
    assert done.returncode == 4 and "no evidence" in done.stdout and not (tmp_path / "empty").exists()
