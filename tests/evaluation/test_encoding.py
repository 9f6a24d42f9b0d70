"""A vector is the same to the bit in any company, and scores of odd encoders are defined."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from srlbench import backbones, data
from srlbench.data import language
from srlbench.errors import SrlbenchError
from srlbench.evaluation import encoding, external
from srlbench.evaluation.encoding import Encoder, embed
from srlbench.evaluation.evaluate import encoder, evaluate, meta
from srlbench.evaluation.similarity import Undefined, aggregates, cosines, spearman
from srlbench.tracks import protocol as protocols

REAL = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.fixture(scope="module")
def tiny() -> SentenceTransformer:
    return external.load(str(backbones.fetch(backbones.resolve("tiny"))), "mean")[0]


def test_a_vector_does_not_depend_on_its_company(tiny: SentenceTransformer) -> None:
    texts = language.sentences(300, seed=5)
    together = dict(zip(texts, embed(tiny, texts)))
    for part in (texts[::-1], texts[7:9], texts[40:]):
        assert all((together[text] == vector).all() for text, vector in zip(part, embed(tiny, part)))
    np.testing.assert_allclose(list(together.values()), tiny.encode(list(together)), atol=1e-5)


def test_a_prompt_a_cut_and_padding_on_the_left_are_as_sentence_transformers_has_them() -> None:
    own = external.load(str(backbones.fetch(backbones.resolve("tiny"))), "mean")[0]
    texts = [*language.sentences(40, seed=6), ""]
    plain = embed(own, texts)
    own.prompts["ask"], own.default_prompt_name, own.truncate_dim = "what is said of ", "ask", 24
    np.testing.assert_allclose(embed(own, texts), own.encode(texts), atol=1e-5)
    assert embed(own, texts).shape == (41, 24) and not np.allclose(embed(own, texts), plain[:, :24], atol=1e-2)
    own.default_prompt_name, own.truncate_dim, own.tokenizer.padding_side = None, None, "left"
    np.testing.assert_allclose(embed(own, texts), plain, atol=1e-6)


def test_a_sentence_is_encoded_once(tiny: SentenceTransformer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(encoding, "embed", lambda model, texts, report: asked.extend(texts) or embed(model, texts))
    encoder = Encoder(tiny, meta("x", "y", 0))
    encoder.learn(["b", "a", "b"])
    out = encoder.encode([{"text": ["a", "c"]}, {"text": ["a"]}])
    assert asked == ["a", "b", "c"] and (out[0] == out[2]).all()


class Fixed:
    """An encoder that gives every sentence the same vector."""

    tokenizer = None

    def __init__(self, value: float) -> None:
        self.value = value

    def eval(self) -> Any:
        return self

    def encode(self, texts: list[str], **kwargs: Any) -> Any:
        return np.full((len(texts), 4), self.value, dtype=np.float32)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_constant_encoder_has_defined_scores_and_a_warning(value: float) -> None:
    protocol = protocols.load("generated").only(("GenSTS13", "GenCR"))
    done = evaluate(encoder(Fixed(value), meta("x", "y", 0)), protocol)  # type: ignore[arg-type]
    assert done.scores["GenSTS13"] == 0 and 50 < done.scores["GenCR"] < 70
    assert done.warnings == ["GenSTS13: every pair has the same similarity: no rank correlation, counted as 0"]


def test_vectors_that_are_not_finite_are_refused() -> None:
    with pytest.raises(SrlbenchError, match="not finite"):
        embed(Fixed(np.nan), ["a"])  # type: ignore[arg-type]


def test_aggregates_by_hand() -> None:
    found = aggregates([1, 2, 3, 9, 8], [1, 2, 3, 1, 2], ["a", "a", "a", "b", "b"])
    assert found["subsets"] == pytest.approx({"a": 100, "b": -100})
    assert (found["mean"], found["wmean"]) == pytest.approx((0, 20))
    assert found["all"] == pytest.approx(spearman([1, 2, 3, 9, 8], [1, 2, 3, 1, 2]))
    with pytest.warns(Undefined):
        assert spearman([1, 1], [1, 2]) == 0
    assert cosines(np.zeros((1, 2), np.float32), np.ones((1, 2), np.float32)).tolist() == [0.0]


@pytest.mark.skipif(not REAL.is_dir(), reason="the real text is not at ../shared/data")
@pytest.mark.parametrize("name", ["simcse", "mteb"])
def test_every_real_set_is_the_pinned_one(name: str, tmp_path: Path) -> None:
    protocol = protocols.load(name)
    for task in protocol.tasks:
        assert data.task(protocol, task, REAL).counts() == dict(protocol.tasks[task].rows)
    task = next(iter(protocol.tasks))
    other = dataclasses.replace(protocol.tasks[task], sha256="0" * 64)
    with pytest.raises(SrlbenchError, match=rf"^{task}: has all its rows, but not as protocol {name} pins them"):
        data.task(dataclasses.replace(protocol, tasks={task: other}), task, REAL)
    short = dataclasses.replace(protocol.tasks[task], rows={"test": 3109})
    with pytest.raises(SrlbenchError, match=rf"^{task}: expected test 3,109 rows, found test 3,108; .*srlbench data"):
        data.task(dataclasses.replace(protocol, tasks={task: short}), task, REAL)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real text is not at ../shared/data")
def test_the_two_protocols_differ_in_sick_alone(tiny: SentenceTransformer) -> None:
    """mteb's STS12-16 are SentEval's text; SICK-R is all pairs there and the test pairs here, and each shows both."""
    one, other = (
        evaluate(encoder(tiny, meta("x", "y", 0)), protocols.load(name).only(("STS16", "SICK-R")), given=REAL)
        for name in ("simcse", "mteb")
    )
    assert one.scores["STS16"] == pytest.approx(other.scores["STS16"], abs=0.001)
    assert one.scores["SICK-R"] != pytest.approx(other.scores["SICK-R"], abs=0.1)
    assert one.detail["SICK-R"]["train+dev+test"] == pytest.approx(other.scores["SICK-R"], abs=0.1)
    assert other.detail["SICK-R"]["test"] == pytest.approx(one.scores["SICK-R"], abs=0.1)
