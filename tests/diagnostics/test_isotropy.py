"""The measures of isotropy against closed forms, against loops over all pairs, and on an encoder."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import BoW, Pooling, StaticEmbedding
from torch import Tensor
from torch.nn.functional import cosine_similarity
from transformers import AutoModel, AutoTokenizer

from srlbench import backbones
from srlbench.diagnostics import contexts
from srlbench.diagnostics.clouds import Moments, cloud, hubness
from srlbench.diagnostics.contexts import Layout, layout
from srlbench.diagnostics.contextualization import FUNCTION_WORDS, change, kind
from srlbench.diagnostics.isotropy import Isotropy, Layer, Sums, contributions, isotropy
from srlbench.errors import SrlbenchError, UsageError

LAYER = {
    "self_similarity", "adjusted_self_similarity", "intra_similarity", "adjusted_intra_similarity", "baseline",
    "norm", "isoscore", "effective_rank", "rogue", "rogue_share",
}  # fmt: skip
TEXTS = [
    "The man is playing a guitar.",
    "A man plays the guitar, and the dog is barking.",
    "The dog is not in the garden.",
    "A woman is in the house with the dog.",
    "The woman is reading.",
    "a dog",
    "The man said that the woman is in the garden, with a dog and a guitar.",
    "A woman said the man is not reading in the house.",
    "The garden is behind a house, and the dog is in the house.",
    "He said that a guitar is not a dog.",
    "The dog and the woman are playing in the garden with a guitar.",
    "Is the dog barking in a garden?",
    "She is playing with the man.",
    "The man is playing a guitar.",
]


def measure(vectors: Tensor, layout: Layout, layer: int = 0) -> Layer:
    """The measures of one layer from all its token vectors. vectors: (t, d), for the rows of the layout."""
    sums = Sums(layout, layer, vectors.shape[-1])
    sums.add(vectors, torch.arange(len(vectors)))
    return sums.measures()


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folder() -> str:
    return str(backbones.fetch(backbones.resolve("tiny")))


@pytest.fixture(scope="module")
def encoder(folder: str) -> SentenceTransformer:
    return SentenceTransformer(modules=[transformer := Transformer(folder), Pooling(transformer_width(transformer))])


@pytest.fixture(scope="module")
def found(encoder: SentenceTransformer) -> Isotropy:
    return isotropy(encoder, TEXTS)


def transformer_width(transformer: Transformer) -> int:
    return int(transformer.get_embedding_dimension())


def ragged(
    sentences: int = 40, width: int = 12, words: int = 9, *, seed: int = 0
) -> tuple[Tensor, list[int], list[int]]:
    """Vectors, sentence and token ids: lengths 1 to 8, tokens that repeat within a sentence, one common direction."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 9, sentences)
    sentence = np.repeat(np.arange(sentences), lengths)
    ids = rng.integers(0, words, len(sentence)) ** 2 // words
    vectors = rng.normal(size=(len(sentence), width)) + rng.normal(size=width) + 0.5 * ids[:, None]
    return torch.from_numpy(vectors), sentence.tolist(), ids.tolist()


def one_sentence_each(n: int, tokens: int = 1) -> Layout:
    return layout(range(n), [i % tokens for i in range(n)])


def mean_pair(vectors: Tensor) -> float:
    pairs = [cosine_similarity(a, b, dim=0).item() for a, b in combinations(vectors, 2)]
    return sum(pairs) / len(pairs)


def same(a: Layer, b: Layer, tolerance: float) -> None:
    for name in ("self_similarities", "shares"):
        torch.testing.assert_close(getattr(a, name), getattr(b, name), rtol=0, atol=tolerance)
    for name in ("intra_similarity", "baseline", "norm", "isoscore", "effective_rank"):
        assert getattr(a, name) == pytest.approx(getattr(b, name), rel=tolerance, abs=tolerance), name


def test_identical_tokens_are_all_baseline() -> None:
    v = torch.tensor([3.0, 0.0, -4.0])
    of = layout([0] * 4 + [1] * 4 + [2, 3, 4, 5], [7] * 12)
    found = measure(v.repeat(12, 1), of)
    assert of.tokens == (7,) and of.contexts == (6,)
    for value in (found.self_similarity, found.intra_similarity, found.baseline, found.effective_rank):
        assert value == pytest.approx(1, abs=1e-12)
    assert found.norm == pytest.approx(5)
    assert found.adjusted.item() == pytest.approx(0, abs=1e-12)
    torch.testing.assert_close(found.shares, v.double() ** 2 / 25)
    assert math.isnan(found.isoscore)
    again = torch.linspace(0.1, 1.3, 5, dtype=torch.double).repeat(7, 1)
    assert math.isnan(Moments.of(again).isoscore), "rounding is no variance"
    told = found.as_dict()
    assert told["isoscore"] is None
    assert [rogue["dimension"] for rogue in told["rogue"]] == [2, 0, 1]
    assert told["rogue"][0]["share"] == pytest.approx(0.64) and told["rogue_share"] == pytest.approx(1)


def test_axes_in_both_directions_are_isotropic() -> None:
    """Sums vanish: the mean cosine is that of n vectors around nothing, and every direction varies alike."""
    axes = 2 * torch.eye(8)
    found = measure(torch.cat((axes, -axes)), one_sentence_each(16))
    assert found.self_similarity == pytest.approx(-1 / 15) and found.baseline == pytest.approx(-1 / 15)
    assert found.norm == pytest.approx(2) and found.intra_similarity == pytest.approx(1)
    assert found.isoscore == pytest.approx(1) and found.effective_rank == pytest.approx(8)


def test_normal_vectors_are_isotropic_as_far_as_their_number_tells() -> None:
    n, d = 4000, 16
    x = torch.randn(n, d, generator=torch.Generator().manual_seed(0))
    found = measure(x, one_sentence_each(n, tokens=2))
    noise = 1 / math.sqrt(d) / (n / 2)  # of the mean cosine of n/2 vectors' pairs, to a factor
    assert abs(found.self_similarity) < 5 * noise
    assert abs(found.baseline) < 5 / math.sqrt(d) / 1000
    assert found.norm == pytest.approx(math.sqrt(2) * math.gamma((d + 1) / 2) / math.gamma(d / 2), rel=0.01)
    assert found.isoscore == pytest.approx(n / (n + d), abs=0.003)
    assert found.effective_rank == pytest.approx(d, rel=0.001)


def test_one_dominant_dimension_carries_the_similarity_and_is_named() -> None:
    a, b, d = 3.0, 1.0, 7
    around = torch.cat((torch.eye(d), -torch.eye(d)))[[i for i in range(2 * d) if i % d != 4]] * b
    around[:, 4] = a
    n = len(around)
    found = measure(around, one_sentence_each(n))
    cosine = (n * a**2 / (a**2 + b**2) - 1) / (n - 1)
    assert found.self_similarity == pytest.approx(cosine) and found.baseline == pytest.approx(cosine)
    assert found.norm == pytest.approx(math.hypot(a, b))
    assert found.as_dict()["rogue"][0] == {"dimension": 4, "share": pytest.approx(1)}
    assert found.isoscore == pytest.approx((d - 2) / (d - 1))  # the six others vary alike, this one not at all
    sigma = np.array([a] + [b / math.sqrt(d - 1)] * (d - 1))
    share = sigma / sigma.sum()
    assert found.effective_rank == pytest.approx(math.exp(-(share * np.log(share)).sum()))


@pytest.mark.parametrize("as_published", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_sums_are_those_of_a_loop_over_all_pairs(seed: int, as_published: bool) -> None:
    x, sentence, ids = ragged(seed=seed)
    of = layout(sentence, ids, as_published=as_published)
    found = measure(x, of)
    places: dict[int, dict[int, int]] = {}
    for row, (s, i) in enumerate(zip(sentence, ids)):
        places.setdefault(i, {}).setdefault(s, row)
    wanted = {
        i: list(first.values())
        for i, first in sorted(places.items())
        if (ids.count(i) >= 5 and len(first) > 1 if as_published else len(first) >= 5)
    }
    assert of.tokens == tuple(wanted) and len(wanted) > 3
    assert of.contexts == tuple(len(rows) for rows in wanted.values())
    own = torch.tensor([mean_pair(x[rows]) for rows in wanted.values()], dtype=torch.double)
    own = own.round(decimals=3) if as_published else own
    torch.testing.assert_close(found.self_similarities, own, rtol=0, atol=1e-9)

    def share(rows: list[int]) -> list[float]:
        parts = [x[a] * x[b] / (x[a].norm() * x[b].norm()) for a, b in product(rows, rows)]
        return (torch.stack(parts).sum(0) / sum(part.sum() for part in parts)).tolist()

    shares = torch.tensor([share(rows) for rows in wanted.values()], dtype=torch.double)
    torch.testing.assert_close(found.shares, shares.mean(0), rtol=0, atol=1e-9)
    torch.testing.assert_close(shares.sum(-1), torch.ones(len(shares), dtype=torch.double))
    intra = []
    for s in sorted(set(sentence)):
        rows = [row for row, other in enumerate(sentence) if other == s]
        intra.append(np.mean([cosine_similarity(x[row], x[rows].mean(0), dim=0).item() for row in rows]))
    assert found.intra_similarity == pytest.approx(np.mean(intra), abs=1e-9)
    assert found.norm == pytest.approx(np.mean([row.norm().item() for row in x]), abs=1e-9)
    baseline = mean_pair(x[of.baseline(0)])
    assert found.baseline == pytest.approx(round(baseline, 3) if as_published else baseline, abs=1e-9)
    covariance = np.cov(x.numpy().T)
    v = np.linalg.eigvalsh(covariance)
    d = len(v)
    defect = np.linalg.norm(math.sqrt(d) * v / np.linalg.norm(v) - 1) / math.sqrt(2 * (d - math.sqrt(d)))
    phi = (d - defect**2 * (d - math.sqrt(d))) ** 2 / d**2
    assert found.isoscore == pytest.approx((d * phi - 1) / (d - 1), abs=1e-9)
    sigma = np.linalg.svd(x.numpy(), compute_uv=False)
    p = sigma / sigma.sum()
    assert found.effective_rank == pytest.approx(math.exp(-(p * np.log(p)).sum()), abs=1e-9)


def test_parts_add_up_in_any_order() -> None:
    x, sentence, ids = ragged()
    of = layout(sentence, ids)
    sums = Sums(of, 0, x.shape[1])
    for part in np.array_split(np.random.default_rng(1).permutation(40), 7):
        rows = torch.tensor([row for s in part for row in range(len(ids)) if sentence[row] == s])
        sums.add(x[rows], rows)
    same(sums.measures(), measure(x, of), 1e-12)


def test_the_contributions_of_a_token_sum_to_one() -> None:
    torch.testing.assert_close(contributions(torch.tensor([[3.0, -1.0, 0.0]])), torch.tensor([[0.9, 0.1, 0.0]]))


def test_a_vector_of_zeros_has_no_direction() -> None:
    x = torch.cat((torch.zeros(6, 4), torch.ones(6, 4)))
    found = measure(x, layout(range(12), [0] * 6 + [1] * 6))
    assert found.self_similarities[0].isnan() and found.self_similarities[1].item() == pytest.approx(1)
    assert found.self_similarity == pytest.approx(1)
    torch.testing.assert_close(found.shares, torch.full((4,), 0.25, dtype=torch.double))
    assert found.baseline == pytest.approx(6 * 5 / (12 * 11))
    half = measure(x[3:9], layout(range(6), [0] * 6))
    assert half.self_similarity == half.baseline == pytest.approx(3 * 2 / (6 * 5))


def test_the_baseline_is_drawn_by_its_seed_one_token_a_sentence() -> None:
    x, sentence, ids = ragged(sentences=1500)
    state = torch.get_rng_state(), np.random.get_state()[1].tolist()
    a, again, other = (layout(sentence, ids, seed=seed) for seed in (3, 3, 4))
    for layer in (0, 5):
        chosen = torch.tensor(sentence)[a.baseline(layer)].tolist()
        assert len(chosen) == len(set(chosen)) == contexts.SAMPLE and set(chosen) == set(a.drawn)
        assert torch.equal(a.baseline(layer), again.baseline(layer))
    assert a.drawn == again.drawn and set(a.drawn) != set(other.drawn)
    assert measure(x, a).baseline == measure(x, again).baseline != measure(x, other).baseline
    assert torch.equal(state[0], torch.get_rng_state()) and state[1] == np.random.get_state()[1].tolist()
    of = layout([0] * 4000 + [1] * 2, [0] * 4002)
    at = [torch.nonzero(replace(of, seed=seed).baseline(0)).flatten().tolist() for seed in range(200)]
    spread = np.array([row for row, _ in at])
    assert spread.max() < 4000 and abs(spread.mean() / 2000 - 1) < 0.15, "a token of a sentence is drawn evenly"
    assert {row for _, row in at} == {4000, 4001}


def test_as_published_differs_as_documented_and_not_otherwise() -> None:
    """Tokens: 0 pads, 1 begins every sentence, 2 fills five sentences, 3 occurs five times in two, 4 in one only."""
    rows = [[1, 2, 3, 3, 3, 3], [1, 2, 3, 2], [1, 2], [1, 2], [1, 2], [1, 4, 4, 4, 4, 4], [1]]
    longest = max(map(len, rows))
    flat = [(s, i, True) for s, row in enumerate(rows) for i in row]
    pads = [(s, 0, False) for s, row in enumerate(rows) for _ in range(longest - len(row))]
    sentence, ids, attended = zip(*sorted(flat + pads, key=lambda row: (row[0], not row[2])))
    x = torch.randn(len(ids), 6, generator=torch.Generator().manual_seed(0), dtype=torch.double) + 0.7
    ours, theirs = (
        layout(sentence, ids, attended, specials={1, 99}, as_published=published) for published in (False, True)
    )
    assert (ours.tokens, ours.contexts) == ((2,), (5,))
    assert (theirs.tokens, theirs.contexts) == ((0, 1, 2, 3), (5, 7, 5, 2))
    first_pads = [next(r for r, row in enumerate(zip(sentence, ids)) if row == (s, 0)) for s in (1, 2, 3, 4, 6)]
    assert torch.nonzero(theirs.token == 0).flatten().tolist() == first_pads
    mine, published = measure(x, ours), measure(x, theirs)
    assert published.self_similarities[0].item() == round(mean_pair(x[first_pads]), 3)
    assert published.self_similarities[2].item() == round(mine.self_similarities[0].item(), 3)
    assert mine.self_similarities[0].item() != round(mine.self_similarities[0].item(), 3)
    assert published.baseline == round(mine.baseline, 3) != mine.baseline
    for name in ("intra_similarity", "norm", "isoscore", "effective_rank"):
        assert getattr(published, name) == getattr(mine, name), name
    assert ours.drawn == theirs.drawn
    assert torch.equal(ours.baseline(0), ours.baseline(1)) and torch.equal(ours.baseline(0), theirs.baseline(0))
    assert not torch.equal(theirs.baseline(0), theirs.baseline(1))
    assert ours.attended[ours.baseline(0)].all() and theirs.attended[theirs.baseline(1)].all()


def test_hubness_is_the_skewness_of_the_number_of_times_a_neighbour() -> None:
    x = torch.randn(300, 20, generator=torch.Generator().manual_seed(0))
    x[:, 0] += 3 * torch.linspace(0, 1, 300)
    unit = torch.nn.functional.normalize(x.double(), dim=-1)
    times = [0] * len(x)
    for i in range(len(x)):
        near = sorted((j for j in range(len(x)) if j != i), key=lambda j: -float(unit[i] @ unit[j]))
        for j in near[:10]:
            times[j] += 1
    off = np.array(times) - np.mean(times)
    assert hubness(x) == pytest.approx((off**3).mean() / (off**2).mean() ** 1.5)
    assert hubness(x) > 1
    assert hubness(torch.cat((x, torch.zeros(5, 20)))) == pytest.approx(hubness(x))
    assert math.isnan(hubness(x[:10])), "everyone is a neighbour of everyone"


def test_a_hub_has_its_closed_form() -> None:
    """n points around one: it is the nearest of all, one of them is the nearest of it, the others of none."""
    n = 30
    x = torch.cat((torch.ones(n, 1), torch.eye(n)), dim=-1)
    x = torch.cat((torch.eye(n + 1)[:1], x))
    off = np.array([n, 1] + [0] * (n - 1)) - 1
    assert hubness(x, k=1) == pytest.approx((off**3).mean() / (off**2).mean() ** 1.5)


def test_hubness_does_not_depend_on_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(50, 5, generator=torch.Generator().manual_seed(0))
    whole = hubness(x)
    monkeypatch.setattr("srlbench.diagnostics.clouds.CHUNK", 7)
    assert hubness(x) == whole


def test_a_cloud_has_its_closed_forms() -> None:
    axes = torch.eye(6)
    told = cloud(torch.cat((axes, -axes, 2 * axes))).as_dict()
    assert told["count"] == 18
    assert told["mean_cosine"] == pytest.approx((6 - 18) / (18 * 17))
    # Each axis varies alike, but their means pull in a common direction: covariance = c I - m m^T.
    c, m = 6 / 18, 2 / 18
    v = [c] * 5 + [c - 6 * m**2]
    assert told["isoscore"] == pytest.approx((sum(v) ** 2 / sum(x**2 for x in v) - 1) / 5)
    assert told["effective_rank"] == pytest.approx(6)
    assert cloud(torch.ones(1, 3)).as_dict() == {
        "count": 1, "mean_cosine": None, "isoscore": None, "effective_rank": pytest.approx(1), "hubness": None,
    }  # fmt: skip
    assert math.isnan(Moments.of(torch.zeros(3, 4)).effective_rank)


def by_hand(folder: str, texts: list[str], **rules: bool) -> list[Layer]:
    """All texts in one padded batch, as the official code runs them."""
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        states = model(**batch, output_hidden_states=True).hidden_states
    n, longest = batch["input_ids"].shape
    of = layout(
        torch.arange(n).repeat_interleave(longest),
        batch["input_ids"].flatten(),
        batch["attention_mask"].flatten(),
        specials=tokenizer.all_special_ids,
        **rules,
    )
    return [measure(x.flatten(0, 1), of, place) for place, x in enumerate(states)]


@pytest.mark.parametrize("as_published", [False, True])
def test_the_collector_finds_what_one_padded_batch_shows(
    folder: str, encoder: SentenceTransformer, as_published: bool
) -> None:
    found = isotropy(encoder, TEXTS, as_published=as_published)
    expected = by_hand(folder, TEXTS, as_published=as_published)
    assert len(found.layers) == len(expected) == 3
    assert ("[PAD]" in found.tokens) == ("[CLS]" in found.tokens) == as_published
    assert {"the", "dog", "is"} <= set(found.tokens)
    for a, b in zip(found.layers, expected):
        same(a, b, 1.1e-3 if as_published else 1e-5)  # a rounded digit may fall either way
    if as_published:
        values = found.layers[-1].self_similarities
        assert torch.equal(values, values.round(decimals=3)) and values.min() < 0.999


def test_layers_and_tokens_differ_enough_to_tell(found: Isotropy) -> None:
    assert all(0.1 < layer.intra_similarity < 0.99 for layer in found.layers)
    assert len({round(layer.self_similarity, 3) for layer in found.layers}) == 3
    assert found.layers[-1].self_similarities.std() > 0.01


def test_batches_and_the_order_of_texts_do_not_matter(
    encoder: SentenceTransformer, found: Isotropy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for constant, value in (("TOKENS", 1), ("CHUNK", 4)):
        monkeypatch.setattr(f"srlbench.diagnostics.hidden.{constant}", value)
        for a, b in zip(found.layers, isotropy(encoder, TEXTS).layers):
            same(a, b, 1e-5)
    turned = isotropy(encoder, TEXTS[::-1])
    assert turned.layout.tokens == found.layout.tokens and turned.layout.contexts == found.layout.contexts
    for a, b in zip(found.layers, turned.layers):
        same(a, replace(b, baseline=a.baseline), 1e-5)  # other tokens are drawn
    assert turned.sentences.as_dict() == pytest.approx(found.sentences.as_dict(), rel=1e-5)


def test_it_repeats_to_the_bit(encoder: SentenceTransformer, found: Isotropy) -> None:
    torch.manual_seed(12345)
    assert isotropy(encoder, TEXTS).as_dict() == found.as_dict()
    assert isotropy(encoder, TEXTS, seed=1).as_dict() != found.as_dict()


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_side_of_the_padding_does_not_matter(folder: str, found: Isotropy, side: str) -> None:
    transformer = Transformer(folder, processor_kwargs={"padding_side": side})
    model = SentenceTransformer(modules=[transformer, Pooling(transformer_width(transformer))])
    assert model.tokenizer.padding_side == side
    again = isotropy(model, TEXTS)
    for a, b in zip(again.layers, found.layers):
        same(a, b, 1e-5)
    assert again.tokens == found.tokens
    padded = isotropy(model, TEXTS, as_published=True).sentences
    assert padded.as_dict() == pytest.approx(again.sentences.as_dict(), rel=1e-5)
    assert again.sentences.as_dict() == pytest.approx(found.sentences.as_dict(), rel=1e-5)


def test_sentence_vectors_are_the_encoders_own_of_distinct_texts(folder: str) -> None:
    transformer = Transformer(folder)
    width = transformer_width(transformer)
    model = SentenceTransformer(modules=[transformer, Pooling(width, "cls"), Dense(width, 20)], truncate_dim=15)
    direct = cloud(torch.from_numpy(model.encode(list(dict.fromkeys(TEXTS)))))
    assert isotropy(model, TEXTS).sentences.as_dict() == pytest.approx(direct.as_dict(), rel=1e-4)
    assert direct.count == len(TEXTS) - 1


def test_the_encoder_is_left_as_it_was(folder: str, found: Isotropy) -> None:
    model = SentenceTransformer(modules=[transformer := Transformer(folder), Pooling(transformer_width(transformer))])
    model.train()
    transformer.model.embeddings.eval()
    before = [module.training for module in model.modules()]
    for a, b in zip(isotropy(model, TEXTS).layers, found.layers):
        same(a, b, 1e-5)  # without dropout
    assert [module.training for module in model.modules()] == before
    assert not transformer.model.config.output_hidden_states


def test_static_embeddings_have_one_layer_their_word_vectors(folder: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    weights = torch.randn(len(tokenizer), 16, generator=torch.Generator().manual_seed(0))
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, weights)])
    found = isotropy(model, [*TEXTS, ""])
    (layer,) = found.layers
    assert {"the", "dog"} <= set(found.tokens) and "[PAD]" not in found.tokens
    torch.testing.assert_close(layer.self_similarities, torch.ones(len(found.tokens), dtype=torch.double))
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in TEXTS]
    flat = [i for row in ids for i in row]
    assert layer.norm == pytest.approx(weights[flat].norm(dim=-1).mean().item(), rel=1e-6)
    expected = [cosine_similarity(weights[row], weights[row].mean(0), dim=-1).mean().item() for row in ids]
    assert layer.intra_similarity == pytest.approx(np.mean(expected), rel=1e-6)
    direct = cloud(torch.from_numpy(model.encode([*dict.fromkeys(TEXTS), ""])))
    assert direct.count == len(TEXTS), "the empty text is a sentence, though without a token"
    assert found.sentences.as_dict() == pytest.approx(direct.as_dict(), rel=1e-5)


def test_it_is_ready_for_json(encoder: SentenceTransformer, found: Isotropy) -> None:
    told = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert set(told) == {"as_published", "seed", "sentences", "drawn", "layers", "tokens", "sentence_vectors"}
    assert told["sentences"] == told["drawn"] == len(TEXTS)
    assert [layer.pop("layer") for layer in told["layers"]] == [0, 1, 2]
    assert all(set(layer) == LAYER and len(layer["rogue"]) == 3 for layer in told["layers"])
    token = next(token for token in told["tokens"] if token["token"] == "dog")
    assert token["contexts"] == sum("dog" in text for text in TEXTS) and len(token["self_similarity"]) == 3
    rare = isotropy(encoder, TEXTS[:2])
    assert rare.tokens == ()
    layer = json.loads(json.dumps(rare.as_dict(), allow_nan=False))["layers"][0]
    assert layer["self_similarity"] is layer["rogue_share"] is None and layer["rogue"] == []


def test_what_cannot_be_measured_is_said(folder: str, encoder: SentenceTransformer) -> None:
    with pytest.raises(UsageError, match="no text"):
        isotropy(encoder, [])
    transformer = Transformer(folder)
    model = SentenceTransformer(modules=[transformer, Pooling(transformer_width(transformer))])
    transformer.model.embeddings.word_embeddings.weight.data[:] = torch.nan
    with pytest.raises(SrlbenchError, match="not finite"):
        isotropy(model, TEXTS)
    with pytest.raises(UsageError, match="BoW"):
        isotropy(SentenceTransformer(modules=[BoW(["dog", "man"])]), TEXTS)


def shifted(found: Isotropy, by: dict[str, float], baseline: float = 0.0) -> Isotropy:
    """The same measures with the self-similarity of some tokens and the baseline moved, in the last layer."""
    *others, last = found.layers
    moved = last.self_similarities + torch.tensor([by.get(token, 0.0) for token in found.tokens]).double()
    return replace(found, layers=(*others, replace(last, self_similarities=moved, baseline=last.baseline + baseline)))


def test_a_change_is_of_adjusted_self_similarity(found: Isotropy) -> None:
    by = {"dog": 0.3, "the": -0.2, ".": -0.4}
    told = change(shifted(found, by, baseline=0.05), found, {})
    assert set(told.tokens) == set(found.tokens) > set(by)
    for token, value in zip(told.tokens, told.values):
        assert value == pytest.approx(by.get(token, 0.0) - 0.05, abs=1e-7)
    words = [token for token in found.tokens if token in FUNCTION_WORDS]
    rest = [token for token in found.tokens if token not in FUNCTION_WORDS and token.isalnum()]
    assert len(words) > 2 and len(rest) > 2
    assert told.mean("function") == pytest.approx(-0.2 / len(words) - 0.05)
    assert told.mean("content") == pytest.approx(0.3 / len(rest) - 0.05)
    assert told.mean("mark") == pytest.approx(-0.45) and math.isnan(told.mean("special"))


def test_a_change_is_ranked_against_information(found: Isotropy) -> None:
    after = shifted(found, {token: 0.01 * place for place, token in enumerate(found.tokens)})
    rising = {token: 2.0**place for place, token in enumerate(found.tokens)}
    assert change(after, found, information=rising).information == pytest.approx(1)
    assert change(after, found, information={k: -v for k, v in rising.items()}).information == pytest.approx(-1)
    spelt = tuple("Ġ" + token.title() for token in found.tokens)
    first, then = (replace(one, tokens=spelt) for one in (found, after))
    assert change(then, first, information=rising).information == pytest.approx(1)
    some = dict(list(rising.items())[:4]) | {"elsewhere": 3.0}
    assert change(after, found, information=some).informed == 4
    few = change(after, found, information=dict(list(rising.items())[:2]))
    assert few.informed == 2 and math.isnan(few.information) and math.isnan(few.mean("special"))
    none = change(after, found, information={})
    assert none.informed == 0 and math.isnan(none.information)


def test_special_tokens_and_lost_ones_are_apart(encoder: SentenceTransformer) -> None:
    found = isotropy(encoder, TEXTS, as_published=True)
    told = change(found, shifted(found, {"dog": math.nan}), {})
    assert "dog" not in told.tokens and len(told.values) == len(found.tokens) - 1
    assert told.kinds.count("special") == 3 and told.mean("special") == 0


def test_only_like_is_compared(encoder: SentenceTransformer, found: Isotropy) -> None:
    with pytest.raises(UsageError, match="Not the same tokens"):
        change(isotropy(encoder, TEXTS[:-1]), found, {})
    with pytest.raises(UsageError, match="2 layers and 3"):
        change(replace(found, layers=found.layers[:2]), found, {})


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("the", "function"), ("The", "function"), ("Ġof", "function"), ("▁and", "function"), ("dog", "content"),
        ("##s", "content"), ("##to", "content"), ("Ġdog", "content"), ("42", "content"), (",", "mark"), ("Ġ(", "mark"),
        ("##.", "mark"), ("Ġ", "mark"),
    ],
)  # fmt: skip
def test_the_kinds_of_tokens(token: str, expected: str) -> None:
    assert kind(token) == expected


def test_the_function_words_are_about_a_hundred_and_lower_case() -> None:
    assert 100 <= len(FUNCTION_WORDS) <= 160 and all(word == word.lower() for word in FUNCTION_WORDS)
