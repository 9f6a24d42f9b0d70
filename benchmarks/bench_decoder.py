"""A decoder's training step and encoding against stock sentence-transformers with the same model, in one run.

The model is gemma-3-270m (six layers, bidirectional, bfloat16) where it is installed, else a random one of its shape.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from bench_training import BATCH, paired, timed
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer, Gemma3TextConfig

from srlbench import backbones, registry, tracks
from srlbench.data import language
from srlbench.errors import SrlbenchError
from srlbench.evaluation.encoding import embed
from srlbench.recipe import Recipe, change
from srlbench.tracks.resolve import resolved
from srlbench.training import course, encoder
from srlbench.training.callbacks import Hooks
from srlbench.training.value import Training

STEPS = 6
TRACK = tracks.load("embedded")
LINES = list(language.sentences(TRACK.text["twins"]["lines"], 0))
SETTINGS = {
    "word_dropout": 0.2, "head": "none", "freeze": "embeddings", "precision": "bf16", "layers": 6, "pool": "mean",
    "attention": "bidirectional", "lr": 1e-4, "batch_size": BATCH,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return backbones.fetch(backbones.resolve("gemma-3-270m"))
    except SrlbenchError:
        made = tmp_path_factory.mktemp("gemma")
        tokenizer = AutoTokenizer.from_pretrained(str(backbones.resolve("tiny").path))
        config = Gemma3TextConfig(
            vocab_size=len(tokenizer), hidden_size=640, intermediate_size=2048, num_hidden_layers=6,
            num_attention_heads=4, num_key_value_heads=1, head_dim=256,
        )  # fmt: skip
        AutoModel.from_config(config).save_pretrained(made)
        tokenizer.save_pretrained(made)
        return made


def recipe(folder: Path, steps: int, **settings: Any) -> Recipe:
    start, asked = backbones.resolve(str(folder)), {**SETTINGS, **settings, "steps": steps}
    return change(resolved(registry.recipe("simcse-unsup"), TRACK, start), "simcse-unsup", asked)


def ours(folder: Path, steps: int, **settings: Any) -> None:
    with TemporaryDirectory() as work:
        course.train(
            Training(recipe(folder, steps, **settings), folder, TRACK, 0, Path(work)), Hooks(lambda model: 0.0)
        )


def stock(folder: Path, steps: int, **settings: Any) -> None:
    torch.set_num_threads(TRACK.threads)
    model, _ = encoder.build(recipe(folder, steps, **settings), folder, TRACK)
    paired(model, LINES, steps, 1e-4)


def race(what: str, folder: Path, benchmark: Any, capsys: pytest.CaptureFixture[str], **settings: Any) -> None:
    """Print the seconds of one step beside stock sentence-transformers, without what comes before the first step."""
    ours(folder, 1, **settings)
    peer, mine = (
        (timed(lambda: train(folder, 1 + STEPS, **settings)) - timed(lambda: train(folder, 1, **settings))) / STEPS  # noqa: B023
        for train in (stock, ours)
    )
    benchmark.pedantic(ours, args=(folder, 1), kwargs=settings, rounds=1)
    benchmark.extra_info["ratio to sentence-transformers"] = peer / mine
    with capsys.disabled():
        print(f"\na step of {what}: srlbench {mine:.3f} s, sentence-transformers {peer:.3f} s: x{peer / mine:.2f}")


def test_training_step(benchmark: Any, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    race("a decoder", folder, benchmark, capsys)


def test_encoding(benchmark: Any, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    torch.set_num_threads(TRACK.threads)
    model: SentenceTransformer = encoder.build(recipe(folder, 1), folder, TRACK)[0].eval()
    texts = list(dict.fromkeys(language.sentences(5000, seed=3)))
    single: SentenceTransformer = encoder.build(replace(recipe(folder, 1), precision=None), folder, TRACK)[0].eval()
    peers = {
        name: timed(lambda: copy.copy(peer).encode(texts, batch_size=32, show_progress_bar=False), 1)  # noqa: B023
        for name, peer in (("bfloat16", model), ("float32, its default", single))
    }
    mine = timed(lambda: benchmark.pedantic(embed, args=(model, texts), rounds=1), 1)
    for name, seconds in peers.items():
        benchmark.extra_info[f"ratio to sentence-transformers, {name}"] = seconds / mine
    with capsys.disabled():
        print(f"\n{len(texts)} sentences: srlbench {mine:.1f} s in bfloat16; sentence-transformers", end=" ")
        print(", ".join(f"{seconds:.1f} s in {name}: x{seconds / mine:.2f}" for name, seconds in peers.items()))
