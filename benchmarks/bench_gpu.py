"""A step of BERT-base in bfloat16 on a GPU (64 sentences) against stock sentence-transformers, in one run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from bench_decoder import a_step, ours, stock
from transformers import AutoModel, AutoTokenizer, BertConfig

from srlbench import backbones

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BERT-base with random weights; what a step takes does not depend on them."""
    made = tmp_path_factory.mktemp("bert-base")
    AutoModel.from_config(BertConfig()).save_pretrained(made)
    AutoTokenizer.from_pretrained(str(backbones.resolve("tiny").path)).save_pretrained(made)
    return made


def test_a_step_of_bert_base(benchmark: Any, capsys: pytest.CaptureFixture[str], base: Path) -> None:
    ours(base, 1)
    peer, mine = a_step(stock, base), a_step(ours, base)
    benchmark.pedantic(ours, args=(base, 1), rounds=1)
    benchmark.extra_info["ratio to sentence-transformers"] = peer / mine
    with capsys.disabled():
        name = torch.cuda.get_device_name()
        print(f"\n{name}: srlbench {mine:.3f} s, sentence-transformers {peer:.3f} s a step: x{peer / mine:.2f}")
