"""A pre-training step in bf16 with eager attention, against fp32 and against fused attention, in one run."""

from __future__ import annotations

import time
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig

from srlbench.training.pretraining.build import Pretraining
from srlbench.training.pretraining.masked import Masked, MaskedModel, Masking
from srlbench.training.pretraining.pretrain import adamw, shape, update
from srlbench.training.pretraining.vocabulary import SPECIAL

CONFIG = Pretraining(generated=1, width=256, layers=3, heads=4, precision="bf16", masking=0.2)
ROWS, LENGTH = 64, 32


def batches() -> list[Masked]:
    rng = np.random.default_rng(0)
    masking = Masking(CONFIG.masking, CONFIG.vocabulary)
    return [masking(rng.integers(len(SPECIAL), CONFIG.vocabulary, (ROWS, LENGTH)), rng) for _ in range(CONFIG.chunks)]


def stepping(config: Pretraining, how: BertConfig) -> Any:
    torch.manual_seed(0)
    model = MaskedModel(how)
    optimiser = adamw(model, config)
    given = batches()
    return lambda: update(model, optimiser, given, config, 1)


def rate(step: Any, times: int = 9) -> float:
    """Tokens per processor second, by the median step."""
    step(), step()
    spent = []
    for _ in range(times):
        start = time.process_time()
        step()
        spent.append(time.process_time() - start)
    return CONFIG.chunks * ROWS * LENGTH / median(spent)


def test_pretraining_step(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    single = replace(CONFIG, precision="fp32")
    fused = shape(single)
    found = {
        "bf16, eager": rate(stepping(CONFIG, shape(CONFIG))),
        "bf16, fused": rate(stepping(CONFIG, fused)),
        "fp32, fused": rate(stepping(single, fused)),
    }
    benchmark.pedantic(stepping(CONFIG, shape(CONFIG)), rounds=5)
    benchmark.extra_info |= found
    ratio = found["bf16, eager"] / found["fp32, fused"]
    with capsys.disabled():
        print("\n" + ", ".join(f"{name}: {value:,.0f} tokens/s" for name, value in found.items()) + f": x{ratio:.2f}")
