"""Our training step and encoding against stock sentence-transformers doing the same work, in one run."""

from __future__ import annotations

import copy
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from sentence_transformers.sentence_transformer.training_args import SentenceTransformerTrainingArguments
from transformers import BertConfig, BertModel

from srlbench import backbones, registry, tracks
from srlbench.data import language
from srlbench.evaluation.encoding import embed
from srlbench.losses.info_nce import info_nce
from srlbench.recipe import change
from srlbench.tracks.resolve import resolved
from srlbench.training import course, encoder
from srlbench.training.callbacks import Hooks
from srlbench.training.value import Training

BATCH = 64
TRACK = tracks.load("embedded")
TINY = backbones.resolve("tiny")
RECIPE = change(resolved(registry.recipe("simcse-unsup"), TRACK, TINY), "simcse-unsup", {"head": "none"})


def ours(steps: int) -> None:
    with TemporaryDirectory() as work:
        recipe = change(RECIPE, "simcse-unsup", {"steps": steps})
        course.train(Training(recipe, backbones.fetch(TINY), TRACK, 0, Path(work)), Hooks(lambda model: 0.0))


def stock(steps: int) -> None:
    torch.set_num_threads(1)
    model, _ = encoder.build(RECIPE, backbones.fetch(TINY), TRACK)
    paired(model, language.sentences(TRACK.text["twins"]["lines"], 0), steps, RECIPE.lr)


def paired(model: SentenceTransformer, lines: Any, steps: int, lr: float | None) -> None:
    """SimCSE as sentence-transformers' documentation has it: each sentence paired with itself."""
    with TemporaryDirectory() as work:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=work, max_steps=steps, per_device_train_batch_size=BATCH, learning_rate=lr,
            use_cpu=not torch.cuda.is_available(), save_strategy="no", logging_strategy="no", report_to="none",
            disable_tqdm=True,
        )  # fmt: skip
        pairs = Dataset.from_dict({"a": lines, "b": lines})
        loss = MultipleNegativesRankingLoss(model, scale=20.0)
        SentenceTransformerTrainer(model, arguments, train_dataset=pairs, loss=loss).train()


def timed(work: Any, times: int = 3) -> float:
    """Median processor seconds: what the work costs whoever else is there; with a GPU, seconds by the clock."""
    spent = []
    for _ in range(times):
        start = _now()
        work()
        spent.append(_now() - start)
    return median(spent)


def _now() -> float:
    if not torch.cuda.is_available():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def a_step(train: Any) -> float:
    """Milliseconds of one step, without what a training costs before its first step."""
    return 1000 * (timed(lambda: train(50)) - timed(lambda: train(10))) / 40


def test_training_step(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ours(2)
    peer, mine = a_step(stock), a_step(ours)
    benchmark.pedantic(ours, args=(10,), rounds=3)
    benchmark.extra_info["ratio to sentence-transformers"] = peer / mine
    with capsys.disabled():
        print(f"\na training step: srlbench {mine:.0f} ms, sentence-transformers {peer:.0f} ms: x{peer / mine:.2f}")


def test_encoding(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    model: SentenceTransformer = encoder.build(RECIPE, backbones.fetch(TINY), TRACK)[0].eval()
    pairs = language.task("GenSTS14").splits["test"]
    texts = [*pairs["sentence1"], *pairs["sentence2"]]
    peer = timed(lambda: copy.copy(model).encode(texts, batch_size=32, show_progress_bar=False), 5)
    mine = timed(lambda: embed(model, texts), 5)
    benchmark(lambda: embed(model, texts))
    benchmark.extra_info["ratio to sentence-transformers"] = peer / mine
    with capsys.disabled():
        print(
            f"\n{len(texts)} sentences: srlbench {mine:.2f} s, sentence-transformers {peer:.2f} s: x{peer / mine:.2f}"
        )


def test_step_of_the_paper_track(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A step of SimCSE on a random BERT-base, on this machine's device: what to reckon the paper track's hours with."""
    rule = tracks.load("paper").estimate
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = BertModel(BertConfig(), add_pooling_layer=False).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    ids = torch.randint(1000, 30000, (2 * BATCH, int(rule["tokens"])), device=device)

    def step() -> None:
        a, b = model(ids).last_hidden_state[:, 0].chunk(2)
        info_nce(a, b).backward()
        optimizer.step()
        optimizer.zero_grad()
        if device == "cuda":
            torch.cuda.synchronize()

    benchmark.pedantic(step, rounds=5 if device == "cpu" else 50, warmup_rounds=1)
    spent = benchmark.stats.stats.median
    rate = 6 * rule["parameters"] * ids.numel() / spent
    benchmark.extra_info["operations a second"] = rate
    with capsys.disabled():
        where = f"{torch.get_num_threads()} threads" if device == "cpu" else device
        print(f"\na step at BERT's scale on {where}: {spent:.2f} s, {rate:.2g} operations a second")
