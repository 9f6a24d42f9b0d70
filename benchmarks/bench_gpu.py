"""A step of BERT-base in bfloat16 on a GPU (64 sentences) against stock sentence-transformers, in one run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from bench_decoder import race
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
    what = f"BERT-base on a {torch.cuda.get_device_name()}"
    race(what, base, benchmark, capsys, layers=12, freeze="none")
