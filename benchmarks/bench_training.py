"""Our training step and encoding against stock sentence-transformers doing the same work, in one run."""

from __future__ import annotations

import copy
import time
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from sentence_transformers.sentence_transformer.training_args import SentenceTransformerTrainingArguments

from srlbench import backbones, registry, tracks
from srlbench.data import language
from srlbench.evaluation.evaluate import _embed
from srlbench.fingerprint import resolved
from srlbench.recipe import change
from srlbench.training import encoder, trainer

STEPS, BATCH = 40, 64
TRACK = tracks.load("embedded")
TINY = backbones.resolve("tiny")
RECIPE = change(
    resolved(registry.recipe("simcse-unsup"), TRACK, TINY), "simcse-unsup", {"steps": STEPS, "head": "none"}
)


def ours(work: Path) -> None:
    trainer.train(RECIPE, backbones.fetch(TINY), TRACK, 0, work, lambda model: 0.0, lambda *news: None)


def stock(work: Path) -> None:
    """SimCSE as sentence-transformers' documentation has it: each sentence paired with itself."""
    torch.set_num_threads(1)
    model, _ = encoder.build(RECIPE, backbones.fetch(TINY), TRACK)
    lines = language.sentences(TRACK.text["twins"]["lines"], 0)
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(work), max_steps=STEPS, per_device_train_batch_size=BATCH, learning_rate=RECIPE.lr,
        use_cpu=True, save_strategy="no", logging_strategy="no", report_to="none", disable_tqdm=True,
    )  # fmt: skip
    pairs = Dataset.from_dict({"a": lines, "b": lines})
    loss = MultipleNegativesRankingLoss(model, scale=20.0)
    SentenceTransformerTrainer(model, arguments, train_dataset=pairs, loss=loss).train()


def timed(work: Any, times: int = 3) -> float:
    """Median processor seconds: what the work costs whoever else is on the machine."""
    spent = []
    for _ in range(times):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return median(spent)


def test_training(benchmark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counter = iter(range(1000))
    peer = timed(lambda: stock(tmp_path / f"stock-{next(counter)}"))
    mine = timed(lambda: ours(tmp_path / f"ours-{next(counter)}"))
    benchmark.pedantic(ours, setup=lambda: ((tmp_path / f"bench-{next(counter)}",), {}), rounds=3)
    benchmark.extra_info["ratio to sentence-transformers"] = peer / mine
    with capsys.disabled():
        print(
            f"\n{STEPS} training steps: srlbench {mine:.2f} s, sentence-transformers {peer:.2f} s: x{peer / mine:.2f}"
        )


def test_encoding(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    model: SentenceTransformer = encoder.build(RECIPE, backbones.fetch(TINY), TRACK)[0].eval()
    pairs = language.task("GenSTS14").splits["test"]
    texts = [*pairs["sentence1"], *pairs["sentence2"]]
    peer = timed(lambda: copy.copy(model).encode(texts, batch_size=32, show_progress_bar=False), 5)
    mine = timed(lambda: _embed(model, texts), 5)
    benchmark(lambda: _embed(model, texts))
    benchmark.extra_info["ratio to sentence-transformers"] = peer / mine
    with capsys.disabled():
        print(
            f"\n{len(texts)} sentences: srlbench {mine:.2f} s, sentence-transformers {peer:.2f} s: x{peer / mine:.2f}"
        )
