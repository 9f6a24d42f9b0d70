"""Isotropy of every layer against one pair at a time, and integrated gradients against a backward pass a coordinate."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest
import torch
from captum.attr import LayerIntegratedGradients
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import BertConfig, BertModel

from srlbench import backbones, data, tracks
from srlbench.data import language
from srlbench.diagnostics import gradients, isotropy, words
from srlbench.diagnostics.reader import Reader
from srlbench.diagnostics.run import ANCHORS, Diagnosis
from srlbench.evaluation import external
from srlbench.evaluation.encoding import embed
from srlbench.losses.info_nce import info_nce

LAYERS, WIDTH, SENTENCES = 6, 384, 1379  # all-MiniLM-L6's shape, and the sentences of STS-B's test split
TRACK = tracks.load("embedded")


def timed(work: Any) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@pytest.fixture(scope="module")
def tiny() -> SentenceTransformer:
    return external.quietly(str(backbones.resolve("tiny").path), "mean", 0, 2)


@pytest.fixture(scope="module")
def six_layers(tiny: SentenceTransformer, tmp_path_factory: pytest.TempPathFactory) -> SentenceTransformer:
    """Random weights: what is measured is the time."""
    folder = tmp_path_factory.mktemp("six")
    shape = BertConfig(
        vocab_size=len(tiny.tokenizer), hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=12,
        intermediate_size=4 * WIDTH,
    )  # fmt: skip
    BertModel(shape).save_pretrained(folder)
    tiny.tokenizer.save_pretrained(folder)
    return SentenceTransformer(modules=[Transformer(str(folder)), Pooling(WIDTH, "mean")]).eval()


def pair_by_pair(vectors: torch.Tensor, of: Any, tokens: int) -> None:
    """Self-similarity of some tokens as the paper's code takes it: the matrix of cosines of each token's contexts."""
    from sklearn.metrics.pairwise import cosine_similarity

    for place in range(tokens):
        own = vectors[of.token == place].numpy()
        matrix = cosine_similarity(own)
        _ = (matrix.sum() - len(own)) / (len(own) * (len(own) - 1))


def test_isotropy(six_layers: SentenceTransformer, benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    texts = list(dict.fromkeys(language.sentences(2 * SENTENCES, seed=5)))[:SENTENCES]
    found = benchmark.pedantic(lambda: isotropy.isotropy(six_layers, texts), rounds=1)
    spent = benchmark.stats.stats.mean
    vectors = torch.randn(len(found.layout.token), WIDTH)
    many = len(found.tokens)
    sums = timed(lambda: isotropy.measure(vectors, found.layout))
    peer = timed(lambda: pair_by_pair(vectors, found.layout, many))
    benchmark.extra_info["one layer's self-similarity by scikit-learn against all our measures of it"] = peer / sums
    with capsys.disabled():
        print(
            f"\nisotropy of {LAYERS + 1} layers over {SENTENCES} sentences: {spent:.1f} s; all measures of one layer "
            f"{sums:.2f} s, self-similarity alone by scikit-learn's cosines {peer:.2f} s: x{peer / sums:.2f}"
        )
    assert spent < 60


def test_integrated_gradients(tiny: SentenceTransformer, benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = data.task(TRACK.protocol, "GenSTSB").splits["test"]
    texts = list(dict.fromkeys([*pairs["sentence1"], *pairs["sentence2"]]))[:500]
    benchmark.pedantic(lambda: words.integrated_gradients(tiny, texts), rounds=1)
    spent = benchmark.stats.stats.mean

    reader = Reader(tiny)
    (sentence,) = reader.read(texts[:1])

    def coordinate(ids: torch.Tensor, which: int) -> torch.Tensor:
        return reader(ids)[:, which]

    def captum() -> None:
        method = LayerIntegratedGradients(coordinate, reader.layer)
        empty = reader.baseline_pieces(sentence).unsqueeze(0)
        for which in range(8):  # of the width's 128; the others take as long
            method.attribute(sentence.ids.unsqueeze(0), empty, additional_forward_args=(which,), n_steps=50)

    peer, mine = timed(captum) * 128 / 8, timed(lambda: words.integrated_gradients(tiny, texts[:1]))
    benchmark.extra_info["ratio to captum, coordinate by coordinate"] = peer / mine
    with capsys.disabled():
        print(
            f"\nintegrated gradients of 500 sentences, every coordinate: {spent:.0f} s; of one sentence {mine:.2f} s, "
            f"captum coordinate by coordinate {peer:.2f} s (8 of 128 made): x{peer / mine:.1f}"
        )
    assert spent < 120


def test_what_a_look_takes(tiny: SentenceTransformer, benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Each measure of a run of the embedded track, on one thread, the least of three."""
    torch.set_num_threads(1)
    asked = Diagnosis(TRACK, None, explain=True)
    views = torch.randn(2, 64, 128).unbind()
    work: dict[str, Any] = {
        "development score, alignment, uniformity": lambda: asked._pairs(partial(embed, tiny)),
        "isotropy of all layers": lambda: asked._isotropy(tiny),
        "gradients": lambda: gradients.statistics(info_nce, *views, anchors=ANCHORS),
        **{f"words by {method}": partial(asked._words, tiny, method) for method in asked.methods},
    }
    _ = asked.worth
    spent = {name: min(timed(measure) for _ in range(3)) for name, measure in work.items()}
    benchmark.pedantic(work["isotropy of all layers"], rounds=3)
    with capsys.disabled():
        print("\n" + "\n".join(f"{name}: {seconds:.2f} s" for name, seconds in spent.items()))
