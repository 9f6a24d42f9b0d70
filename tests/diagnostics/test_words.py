"""Information of words against explicit loops and known languages; weights against exact contributions."""

from __future__ import annotations

import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from importlib.util import find_spec
from itertools import permutations
from math import log, nan
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers import RobertaConfig, RobertaModel

from srlbench import backbones
from srlbench.data import language
from srlbench.data.language import surface
from srlbench.diagnostics import words as weighing
from srlbench.diagnostics.information import Worth, relate, words, worth
from srlbench.diagnostics.reader import Reader, Sentence
from srlbench.diagnostics.words import (
    METHODS,
    average,
    integrated_gradients,
    leave_one_out,
    mean_contributions,
    projected_gradients,
    shapley,
    vectors,
)
from srlbench.errors import SrlbenchError, UsageError
from srlbench.training.layers import FirstLast

captum = pytest.mark.skipif(find_spec("captum") is None, reason="captum is not installed: srlbench[explain]")
shap = pytest.mark.skipif(find_spec("shap") is None, reason="shap is not installed: srlbench[explain]")
TEXTS = [
    "The old guests were distrusted by the chef.",
    "On the bench, three duels weren't observed by the cyclist.",
    "Rain.",
    "?",
    "The semi-final is skipped by the defender rapidly.",
]


pytestmark = pytest.mark.usefixtures("one_thread")


# What words are worth


def looped(sentences: list[list[str]], word: str) -> tuple[float, float]:
    """Plain gain, and that with the entropy of Chao and Shen."""
    counts = Counter(w for s in sentences for w in s)
    share = {w: c / counts.total() for w, c in counts.items()}
    met: Counter[str] = Counter()
    for s in sentences:
        for i, w in enumerate(s):
            if w == word:
                met.update(other for j, other in enumerate(s) if j != i)
    n = met.total()
    if not n:
        return nan, nan
    plain = sum(c / n * log(c / n / share[w]) for w, c in met.items())
    seen = 1 - min(sum(c == 1 for c in met.values()), n - 1) / n
    entropy = 0.0
    for c in met.values():
        p = seen * c / n
        entropy -= p * log(p) / (1 - (1 - p) ** n)
    return plain, -sum(c / n * log(share[w]) for w, c in met.items()) - entropy


@pytest.mark.parametrize("seed", range(6))
def test_gains_are_those_of_explicit_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = [f"w{i}" for i in range(3 + 5 * seed)]
    sentences = [list(map(str, rng.choice(names, rng.integers(0, 7)))) for _ in range(3 + 10 * seed)]
    sentences += [["alone"], ["twin", "twin"], ["once", "w0"]]
    found = worth((" ".join(s) for s in sentences), least=1)
    counts = Counter(w for s in sentences for w in s)
    assert {word: each.count for word, each in found.items()} == dict(counts)
    for word, each in found.items():
        plain, gain = looped(sentences, word)
        assert each.plain == pytest.approx(plain, rel=1e-9, abs=1e-12, nan_ok=True)
        assert each.gain == pytest.approx(gain, rel=1e-9, abs=1e-12, nan_ok=True)
        assert each.self_information == pytest.approx(-log(counts[word] / counts.total()))
    assert found["alone"].pairs == 0 and found["twin"].pairs == 2


def test_blocks_of_words_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    text = language.sentences(200)
    whole = worth(text, least=2)
    monkeypatch.setattr("srlbench.diagnostics.information.BLOCK", 7)
    assert worth(text, least=2) == whole


def test_what_a_word_is() -> None:
    assert words("It isn't 3 o'clock -- THE semi-final's on_off, ça va?") == [
        "it", "isn't", "3", "o'clock", "the", "semi-final's", "on", "off", "ça", "va",
    ]  # fmt: skip
    for text in language.sentences(300):
        assert words(text) == surface.words(text)
    few = worth(["a b"] * 9 + ["A c"])
    assert list(few) == ["a"] and few["a"].count == 10
    with pytest.raises(ValueError, match="no word"):
        worth(["?", ""])


def mean_error(found: dict[str, Worth], truth: dict[str, float]) -> tuple[float, float]:
    """Mean of what the plain gain and the gain are off by."""
    known = [word for word in found if word in truth]
    assert len(known) > 50
    plain, gain = (np.mean([getattr(found[w], key) - truth[w] for w in known]) for key in ("plain", "gain"))
    return float(plain), float(gain)


def test_the_correction_halves_the_bias_where_the_truth_is_exact() -> None:
    """Words drawn from one of eight topics, and words drawn without any: what company tells is known in closed form."""
    rng = np.random.default_rng(0)
    size, length = 600, 9
    topics = rng.gamma(0.4, 1, (8, size)) / np.arange(1, size + 1)
    topics /= topics.sum(1, keepdims=True)
    share = topics.mean(0)
    company = (topics / 8 / share).T @ topics
    truth = {f"w{i}": float(company[i] @ np.log(company[i] / share)) for i in range(size)}
    chosen = [topics[t] for t in rng.integers(8, size=2000)]
    for draws, known in ((chosen, truth), ([share] * 2000, dict.fromkeys(truth, 0.0))):
        text = [" ".join(f"w{i}" for i in rng.choice(size, length, p=p)) for p in draws]
        plain, gain = mean_error(worth(text), known)
        assert 0 < gain < 0.6 * plain
        assert worth(text)["w0"].gain == pytest.approx(known["w0"], abs=0.05)


def test_the_generated_language_is_recovered() -> None:
    """Against what the language knows of itself, and against ten times the text for the gain, which it does not."""
    text = language.sentences(220_000, seed=1)
    known, large, small = language.information(), worth(text[:200_000], least=100), worth(text[200_000:])
    assert set(small) <= set(known)
    total = sum(len(words(line)) for line in text[200_000:])
    frequent = [word for word in small if total * known[word].probability >= 100]
    off = np.array([small[w].self_information - log(2) * known[w].self_information for w in frequent])
    print(f"self-information of {len(frequent)} words: off by {off.mean():+.3f}, by {np.abs(off).max():.3f} at most")
    assert len(frequent) > 200 and abs(off.mean()) < 0.02 and np.abs(off).max() < 0.5
    truth = {word: each.gain for word, each in large.items() if each.pairs >= 2000}
    plain, gain = mean_error(small, truth)
    print(f"gain, on average: off by {gain:+.3f}, the plain one by {plain:+.3f}")
    assert 0 < gain < 0.3 * plain
    both = [word for word in small if word in truth]
    ranks = {
        key: stats.spearmanr([getattr(small[w], key) for w in both], [truth[w] for w in both]).statistic
        for key in ("gain", "plain")
    }
    print(f"rank correlation with the gain in ten times the text: {ranks}")
    assert ranks["gain"] > 0.83 and ranks["gain"] > ranks["plain"] + 0.05
    frames = stats.spearmanr([small[w].gain for w in both], [known[w].gain for w in both]).statistic
    print(f"rank correlation with the gain about the frame: {frames:.2f}")
    assert frames > 0.5


# The regression


def test_the_line_is_that_of_numpy_and_scipy() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=40)
    y = 2 + 0.7 * x + rng.normal(size=40)
    weights, information = ({f"w{i}": float(v) for i, v in enumerate(values)} for values in (y, x))
    found = relate({**weights, "only here": 1.0, "w0": nan}, {**information, "only there": 1.0})
    assert found.words == 39
    found = relate(weights, information)
    design = np.stack((np.ones(40), x), axis=1)
    (intercept, slope), residual, *_ = np.linalg.lstsq(design, y)
    error = np.sqrt(residual[0] / 38 * np.linalg.inv(design.T @ design)[1, 1])
    assert (found.intercept, found.slope) == pytest.approx((intercept, slope))
    assert (found.low, found.high) == pytest.approx(stats.t(38, slope, error).interval(0.95))
    assert found.r2 == pytest.approx(1 - residual[0] / ((y - y.mean()) ** 2).sum())
    assert found.spearman == pytest.approx(stats.pearsonr(stats.rankdata(x), stats.rankdata(y)).statistic)
    assert found == relate(dict(reversed(weights.items())), information)


def test_the_interval_holds_the_slope_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        x = rng.normal(size=12)
        found = relate(*({str(i): float(v) for i, v in enumerate(z)} for z in (0.5 * x + rng.normal(size=12), x)))
        held += found.low <= 0.5 <= found.high
    assert 180 <= held <= 199


def test_a_line_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="needs three words; 2 have"):
        relate({"a": 1.0, "b": 2.0, "c": nan}, {"a": 1.0, "b": 1.0, "c": 3.0})
    with pytest.raises(ValueError, match="same information"):
        relate({"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 1.0, "b": 1.0, "c": 1.0})
    flat = relate({"a": 1.0, "b": 1.0, "c": 1.0}, {"a": 1.0, "b": 2.0, "c": 3.0})
    assert flat.slope == 0 and np.isnan(flat.spearman)


# A linear encoder: everything is known

PIECES = ["[PAD]", "[MASK]", "[UNK]", "un", "##happi", "##ly", "the", "guest", "left", ".", "chef", "'", "t", "don"]


def word_vectors(width: int = 16, zero: bool = False) -> StaticEmbedding:
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    table = torch.randn(len(PIECES), width, generator=torch.Generator().manual_seed(0))
    table[:2] *= 0.0 if zero else 1.0
    return StaticEmbedding(tokenizer, embedding_weights=table)


def linear_map(width: int, out: int) -> Dense:
    torch.manual_seed(1)
    return Dense(width, out, bias=True, activation_function=nn.Identity())


LINEAR = ["Unhappily, the guest left.", "the chef", "Don't, guest!", "guest", "!", ""]
LISTED = [["unhappily", "the", "guest", "left"], ["the", "chef"], ["don't", "guest"], ["guest"], [], []]


def exact(encoder: SentenceTransformer, text: str, filler: int | None) -> tuple[list[Tensor], list[Tensor]]:
    """The pieces of every word, less the filler, over all of them; and how far the mean moves without the word."""
    table, known = encoder[0].embedding.weight.detach(), encoder[0].tokenizer.encode(text, add_special_tokens=False)
    matrix = encoder[1].linear.weight.detach() if len(encoder) > 1 else torch.eye(table.shape[1])
    spans, at = [], 0
    for word in text.replace("!", " ").replace(",", " ").replace(".", " ").split():
        at = text.index(word, at)
        spans.append((at, at + len(word)))
        at += len(word)
    pieces = table[known.ids]
    empty = 0 if filler is None else table[filler]
    adds, moves = [], []
    for start, end in spans:
        own = torch.tensor([start <= a and b <= end for a, b in known.offsets])
        adds.append(matrix @ (pieces[own] - empty).sum(0) / len(pieces))
        rest = pieces[~own].sum(0) / max(int((~own).sum()), 1)
        moves.append(matrix @ (rest - pieces.mean(0)))
    return adds, moves


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("baseline", ["mask", "pad"])
def test_all_methods_give_the_exact_contribution_of_a_linear_encoder(baseline: str, mapped: bool) -> None:
    modules: list[nn.Module] = [word_vectors(), linear_map(16, 6)] if mapped else [word_vectors()]
    encoder = SentenceTransformer(modules=modules, device="cpu")
    whole = torch.as_tensor(encoder.encode(LINEAR))
    found: dict[str, weighing.Weights] = {
        "ig": integrated_gradients(encoder, LINEAR, baseline=baseline, steps=3),
        "loo": leave_one_out(encoder, LINEAR),
    }
    if not mapped:
        found["mean"] = mean_contributions(encoder, LINEAR)
    if find_spec("captum"):
        found["projected"] = projected_gradients(encoder, LINEAR, baseline=baseline, steps=3)
    if find_spec("shap"):
        found["shapley"] = shapley(encoder, LINEAR, baseline=baseline, permutations=1)
    for place, (text, names) in enumerate(zip(LINEAR, LISTED)):
        adds, moves = exact(encoder, text, {"mask": 1, "pad": 0}[baseline])
        along = normalize(whole[place], dim=0)
        expected = {
            "ig": [a.norm() for a in adds],
            "loo": [m.norm() for m in moves],
            "mean": [a.norm() for a in exact(encoder, text, None)[0]],
            "projected": [a @ along for a in adds],
            "shapley": [a @ along for a in adds],
        }
        for name, each in found.items():
            assert [word for word, _ in each[place]] == names
            assert [value for _, value in each[place]] == pytest.approx(list(map(float, expected[name])), abs=1e-5)


def test_from_a_baseline_of_nothing_gradients_are_what_is_added() -> None:
    encoder = SentenceTransformer(modules=[word_vectors(zero=True)], device="cpu")
    gradients, added = integrated_gradients(encoder, LINEAR[:3], steps=1), mean_contributions(encoder, LINEAR[:3])
    for one, other in zip(gradients, added):
        assert [v for _, v in one] == pytest.approx([v for _, v in other], abs=1e-6)


def test_weights_that_follow_information_are_found_to() -> None:
    """Word vectors as long as the words' information: the slope is one over the length of a sentence."""
    rng = np.random.default_rng(0)
    names = [f"w{i}" for i in range(40)]
    shares = 1 / np.arange(1, 41)
    text = [" ".join(rng.choice(names, 8, p=shares / shares.sum())) for _ in range(300)]
    value = {word: each.self_information for word, each in worth(text, least=1).items()}
    ids = {"[MASK]": 0, **{word: i + 1 for i, word in enumerate(names)}}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[MASK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    directions = normalize(torch.randn(41, 8, generator=torch.Generator().manual_seed(0)), dim=-1)
    table = directions * torch.tensor([0.0, *(value[word] for word in names)]).unsqueeze(-1)
    encoder = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=table)], device="cpu")
    found = relate(average(integrated_gradients(encoder, text, steps=1)), value)
    assert found.words == 40
    assert (found.slope, found.intercept, found.r2) == pytest.approx((1 / 8, 0, 1), abs=1e-5)
    assert found.spearman > 0.99, "words that occur equally often tie in what they are worth, and not in the last digit"


def test_squared_weight_is_twice_the_information_gain_where_that_can_be_derived() -> None:
    """P(v|w) = p(v) exp <u_w, c_v> / Z_w, the c_v white under p: then KL(P(.|w) || p) = |u_w|^2 / 2 + O(|u_w|^3).

    This is the model in which arXiv 2310.15921 and, for SGNS, Oyama et al. (2023) derive the relation.
    """
    rng = np.random.default_rng(0)
    names, width, length = [f"w{i}" for i in range(120)], 6, 8
    p = 1 / np.arange(1, 121)
    p /= p.sum()
    contexts = rng.standard_normal((120, width))
    contexts -= p @ contexts
    contexts @= np.linalg.inv(np.linalg.cholesky(contexts.T @ (p[:, None] * contexts))).T
    directions = rng.standard_normal((120, width))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    text = [" ".join(rng.choice(names, length)) for _ in range(200)]
    ids = {"[MASK]": 0, **{word: i + 1 for i, word in enumerate(names)}}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[MASK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    errors = []
    for strength in (0.4, 0.2, 0.1):
        vectors = directions * rng.uniform(0.2, strength / 0.1, (120, 1)) * 0.1
        joint = p * np.exp(vectors @ contexts.T)
        joint /= joint.sum(1, keepdims=True)
        gain = dict(zip(names, (joint * np.log(joint / p)).sum(1)))
        table = torch.tensor(np.vstack([np.zeros(width), vectors]), dtype=torch.float32)
        encoder = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=table)], device="cpu")
        weights = average(integrated_gradients(encoder, text, steps=1))
        found = relate({word: (length * weight) ** 2 for word, weight in weights.items()}, gain)
        errors.append(abs(found.slope - 2))
        assert found.words == 120 and found.r2 > 0.97 and found.spearman > 0.97
    assert errors[0] < 0.4 and errors[2] < 0.05, "the weaker the dependence, the closer to two"


# Transformers


@pytest.fixture(scope="module")
def encoders() -> Callable[[str], SentenceTransformer]:
    made: dict[str, SentenceTransformer] = {}

    def encoder(pool: str) -> SentenceTransformer:
        if pool not in made:
            layers = pool == "first-last"
            transformer = Transformer(
                str(backbones.SHIPPED / "tiny"),
                config_kwargs={"output_hidden_states": True} if layers else {},
                model_kwargs={"dtype": torch.float32, "add_pooling_layer": False},
            )
            pooling = FirstLast(128, "mean") if layers else Pooling(128, pool)
            made[pool] = SentenceTransformer(modules=[transformer, pooling], device="cpu")
        return made[pool]

    return encoder


Encoders = Callable[[str], SentenceTransformer]


@pytest.mark.parametrize("pool", ["cls", "mean", "first-last"])
def test_the_reader_encodes_as_the_encoder_does(encoders: Encoders, pool: str) -> None:
    encoder = encoders(pool)
    reader = Reader(encoder)
    found = reader.vectors([sentence.ids for sentence in reader.read(TEXTS)])
    torch.testing.assert_close(found, torch.as_tensor(encoder.encode(TEXTS)), rtol=0, atol=1e-5)


@pytest.mark.parametrize("pool", ["cls", "mean", "first-last"])
@pytest.mark.parametrize(("baseline", "unit"), [("mask", False), ("pad", True)])
def test_integrated_gradients_are_complete(encoders: Encoders, pool: str, baseline: str, unit: bool) -> None:
    reader = Reader(encoders(pool), baseline=baseline, unit=unit)
    for sentence in reader.read([TEXTS[0], TEXTS[2]]):
        whole, empty = reader.vectors([sentence.ids, reader.baseline_pieces(sentence)])
        found = vectors(reader, sentence, steps=16)
        torch.testing.assert_close(found.sum(0), whole - empty, rtol=0, atol=1e-3 * float((whole - empty).norm()))
        assert len(found) == len(sentence.words) + 1, "the full stop's part is in the sum"
        assert whole.norm().item() == pytest.approx(1, abs=1e-5) or not unit


def test_integrated_gradients_are_those_of_backward_passes(encoders: Encoders) -> None:
    """Coordinate by coordinate, node by node, piece by piece."""
    reader = Reader(encoders("cls"))
    (sentence,) = reader.read(["The semi-final ended."])
    ids, empty = sentence.ids.unsqueeze(0), reader.baseline_pieces(sentence).unsqueeze(0)
    x, start = reader.layer(ids).detach(), reader.layer(empty).detach()
    expected = torch.zeros(len(sentence.words) + 1, 5)
    nodes, shares = np.polynomial.legendre.leggauss(6)
    for node, share in zip(nodes, shares):
        at = (start + (node + 1) / 2 * (x - start)).float().requires_grad_()
        with reader.with_embeddings(at):
            f = reader(ids)[0]
        for k in range(5):
            (gradient,) = torch.autograd.grad(f[k], at, retain_graph=True)
            for place, word in enumerate(sentence.of.tolist()):
                if word >= 0:
                    expected[word, k] += share / 2 * (gradient[0, place] @ (x - start)[0, place])
    found = vectors(reader, sentence, steps=6, tolerance=1)[:, :5]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("baseline", ["mask", "pad"])
def test_words_keep_their_places_where_padding_shifts_them(baseline: str, tmp_path: Path) -> None:
    """RoBERTa counts positions over what is not [PAD]."""
    shutil.copytree(backbones.SHIPPED / "tiny", tmp_path, dirs_exist_ok=True, ignore=lambda *_: ["model.safetensors"])
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=8192,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        pad_token_id=0,
        initializer_range=0.1,
    )
    RobertaModel(config, add_pooling_layer=False).save_pretrained(tmp_path)
    encoder = SentenceTransformer(modules=[Transformer(str(tmp_path)), Pooling(16, "mean")], device="cpu")
    reader = Reader(encoder, baseline=baseline)
    for sentence, weights in zip(reader.read(TEXTS[:1]), integrated_gradients(encoder, TEXTS[:1], baseline=baseline)):
        assert [word for word, _ in weights] == sentence.words
        as_text = reader.vectors([reader.baseline_pieces(sentence)])
        in_place = reader.vectors_of(sentence.ids[None], reader.baseline_pieces(sentence)[None])
        assert torch.allclose(as_text, in_place, atol=1e-5) == (baseline == "mask")
    if find_spec("captum") and find_spec("shap"):
        gradients = projected_gradients(encoder, TEXTS[:1], baseline=baseline)
        values = shapley(encoder, TEXTS[:1], baseline=baseline)
        assert stats.pearsonr(*([v for _, v in found[0]] for found in (gradients, values))).statistic > 0.5


def test_too_few_steps_are_refused(encoders: Encoders) -> None:
    with pytest.raises(SrlbenchError, match=r"with 1 steps miss 0\.\d+ .* take more steps"):
        integrated_gradients(encoders("mean"), TEXTS[:1], steps=1)
    with pytest.raises(SrlbenchError, match="take more steps"):
        integrated_gradients(encoders("mean"), TEXTS[:1], steps=4, tolerance=1e-9)


def test_steps_are_as_many_as_completeness_asks(encoders: Encoders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("srlbench.diagnostics.words.STEPS", (1, 2, 40))
    (many,), (asked,) = (integrated_gradients(encoders("mean"), TEXTS[:1], steps=n) for n in (40, None))
    assert many == asked
    monkeypatch.setattr("srlbench.diagnostics.words.STEPS", (1, 2))
    with pytest.raises(SrlbenchError, match="with 2 steps miss"):
        integrated_gradients(encoders("mean"), TEXTS[:1], tolerance=1e-5)


@captum
def test_a_direction_of_the_vectors_is_what_captum_gives(encoders: Encoders) -> None:
    texts = TEXTS[2:]
    for unit in (False, True):
        reader = Reader(encoders("mean"), unit=unit)
        found = projected_gradients(encoders("mean"), texts, unit=unit, steps=12)
        for sentence, weights in zip(reader.read(texts), found):
            along = normalize(reader.vectors([sentence.ids]), dim=-1)[0]
            expected = (vectors(reader, sentence, steps=12) @ along)[: len(sentence.words)]
            assert [word for word, _ in weights] == sentence.words
            assert [value for _, value in weights] == pytest.approx(expected.tolist(), abs=1e-4)
    with pytest.raises(SrlbenchError, match="take more steps"):
        projected_gradients(encoders("mean"), TEXTS[:1], steps=1, tolerance=1e-6)


@shap
def test_shapley_values_are_those_of_all_orders(encoders: Encoders) -> None:
    encoder, text = encoders("cls"), "The chef left early."
    reader = Reader(encoder)
    (sentence,) = reader.read([text])
    along = normalize(reader.vectors([sentence.ids]), dim=-1)[0]
    players = len(sentence.words) + 1
    value = {}
    for coalition in range(2**players):
        here = torch.tensor([bool(coalition >> int(w) & 1) if w >= 0 else True for w in sentence.of])
        value[coalition] = float(reader.vectors([sentence.ids.where(here, reader.filler)])[0] @ along)
    expected: dict[int, list[float]] = defaultdict(list)
    for order in permutations(range(players)):
        coalition = 0
        for word in order:
            expected[word].append(value[coalition | 1 << word] - value[coalition])
            coalition |= 1 << word
    (found,) = shapley(encoder, [text], permutations=100)
    exact_values = [float(np.mean(expected[word])) for word in range(players - 1)]
    assert [v for _, v in found] == pytest.approx(exact_values, abs=0.03 * max(map(abs, exact_values)))


@shap
def test_shapley_takes_a_seed_and_leaves_the_world_its_own(encoders: Encoders) -> None:
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    one, again, other = (shapley(encoders("mean"), TEXTS[:1], permutations=1, seed=s) for s in (1, 1, 2))
    assert one == again != other
    assert np.random.random() == expected


def test_leaving_out_is_the_shorter_sequence(encoders: Encoders) -> None:
    encoder = encoders("mean")
    (found,) = leave_one_out(encoder, ["The old guests left."])
    texts = ["The old guests left.", "old guests left.", "The guests left.", "The old left.", "The old guests ."]
    whole, *others = torch.as_tensor(encoder.encode(texts))
    assert [word for word, _ in found] == ["the", "old", "guests", "left"]
    assert [v for _, v in found] == pytest.approx([float((o - whole).norm()) for o in others], abs=1e-4)


@pytest.mark.parametrize("pool", ["mean", "first-last"])
def test_mean_contributions_are_parts_of_the_mean(encoders: Encoders, pool: str) -> None:
    encoder, text = encoders(pool), "The old guests left."
    features = encoder.preprocess([text])
    with torch.no_grad():
        layers = encoder[0](dict(features))
        last = layers["token_embeddings"][0]
        if pool == "first-last":
            last = (layers["all_layer_embeddings"][1][0] + last) / 2
    torch.testing.assert_close(last.mean(0), torch.as_tensor(encoder.encode(text)), rtol=0, atol=1e-5)
    (found,) = mean_contributions(encoder, [text])
    assert len(last) == 7
    assert [v for _, v in found] == pytest.approx((last[1:5].norm(dim=-1) / 7).tolist(), abs=1e-5)


def test_pieces_of_a_word_sum_to_it(encoders: Encoders) -> None:
    reader = Reader(encoders("mean"))
    text = "The semi-final wasn't xylophonic."
    (sentence,) = reader.read([text])
    assert sentence.words == ["the", "semi-final", "wasn't", "xylophonic"]
    assert Counter(sentence.of.tolist())[1] == 3 and Counter(sentence.of.tolist())[3] > 1
    apart = Sentence(sentence.ids, torch.arange(len(sentence.of)) - 1, [str(i) for i in range(len(sentence.of) - 2)])
    apart.of[-1] = -1
    whole, pieces = vectors(reader, sentence, steps=12), vectors(reader, apart, steps=12)
    joined = torch.zeros_like(whole).index_add_(0, sentence.of[1:-1], pieces)
    torch.testing.assert_close(whole, joined, rtol=0, atol=1e-5)
    (weights,) = integrated_gradients(encoders("mean"), [text], steps=12)
    assert [v for _, v in weights] == pytest.approx(whole.norm(dim=-1)[:4].tolist())


def test_long_and_wide_texts_take_more_passes(encoders: Encoders, monkeypatch: pytest.MonkeyPatch) -> None:
    before = integrated_gradients(encoders("mean"), TEXTS[:1], steps=10)
    monkeypatch.setattr(weighing, "PIECES", 20)
    after = integrated_gradients(encoders("mean"), TEXTS[:1], steps=10)
    assert [v for _, v in after[0]] == pytest.approx([v for _, v in before[0]], abs=1e-5)


def test_words_that_are_cut_off_have_no_weight(encoders: Encoders) -> None:
    encoder = encoders("mean")
    before = encoder.max_seq_length
    encoder.max_seq_length = 5
    try:
        assert [word for word, _ in leave_one_out(encoder, TEXTS[:1])[0]] == ["the", "old", "guests"]
    finally:
        encoder.max_seq_length = before


def test_every_method_weighs_every_word(encoders: Encoders) -> None:
    for name, method in METHODS.items():
        if (name == "projected-gradients" and not find_spec("captum")) or (name == "shapley" and not find_spec("shap")):
            continue
        found = method(encoders("mean"), TEXTS)
        assert [[word for word, _ in each] for each in found] == [words(text) for text in TEXTS], name
        assert all(np.isfinite(value) for each in found for _, value in each)
        assert method(encoders("mean"), []) == []


def test_averages_are_over_occurrences() -> None:
    found = [[("a", 1.0), ("b", 5.0), ("a", 3.0)], [], [("a", 5.0)]]
    assert average(found) == {"a": 3.0, "b": 5.0}


def test_what_cannot_be_weighed_is_said(encoders: Encoders, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"Unknown baseline 'zero'\. Known: mask, pad"):
        integrated_gradients(encoders("mean"), TEXTS, baseline="zero")
    with pytest.raises(UsageError, match="does not pool by the mean"):
        mean_contributions(encoders("cls"), TEXTS)
    bare = StaticEmbedding(Tokenizer(models.WordLevel({"a": 0}, unk_token="a")), embedding_weights=torch.ones(1, 2))
    with pytest.raises(UsageError, match="no mask token"):
        integrated_gradients(SentenceTransformer(modules=[bare], device="cpu"), ["a"])
    prompted = SentenceTransformer(
        modules=[word_vectors()], prompts={"query": "search: "}, default_prompt_name="query", device="cpu"
    )
    with pytest.raises(UsageError, match="prompt"):
        leave_one_out(prompted, ["the chef"])
    for method, package in ((projected_gradients, "captum"), (shapley, "shap")):
        monkeypatch.setitem(sys.modules, package, None)
        monkeypatch.setitem(sys.modules, f"{package}.attr", None)
        with pytest.raises(UsageError, match=rf"needs {package}: pip install 'srlbench\[explain\]'"):
            method(encoders("mean"), TEXTS)
