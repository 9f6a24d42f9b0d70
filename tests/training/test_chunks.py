"""Micro-batches: the gradient of the whole batch to the last digit, from a few sentences at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer
from torch import nn

from srlbench import backbones, losses
from srlbench.data import language
from srlbench.evaluation import external
from srlbench.recipe import Loss
from srlbench.training.batches import Padding, TokenisedText
from srlbench.training.chunks import cut
from srlbench.training.objective import Objective, Views

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def tiny() -> SentenceTransformer:
    """The shipped backbone in double precision, with its dropout."""
    return external.load(str(Path(backbones.resolve("tiny").path or "")), "mean")[0].double().train()


def objective(model: SentenceTransformer, name: str, head: nn.Module, shares: dict[str, float]) -> Objective:
    return Objective(model, head, Loss(name).load(), Views(2, shares)).train()


def step(objective: Objective, blocks: list[dict[str, torch.Tensor]], labels: torch.Tensor) -> tuple[float, list[Any]]:
    torch.manual_seed(3)
    objective.zero_grad()
    value = objective(blocks, labels)
    value.backward()
    drawn = torch.rand(1).item()  # the random state afterwards
    return value.item(), [*(p.grad.clone() for p in objective.parameters() if p.grad is not None), torch.tensor(drawn)]


@pytest.mark.parametrize("name", losses.of_pairs())
def test_the_gradient_is_that_of_the_whole_batch(name: str, tiny: SentenceTransformer) -> None:
    text = TokenisedText([(line,) for line in language.sentences(12, seed=2)], tiny.tokenizer, 32)
    batch = Padding(text.pad, groups=1)([text[row] for row in range(len(text))])
    block = {key: batch[f"0_{key}"] for key in ("input_ids", "attention_mask")}
    try:
        Loss(name).load()(*torch.randn(2, 12, 4, dtype=torch.double))
    except TypeError:
        pytest.skip("a loss with hard negatives alone")
    head = nn.Linear(128, 16).double()
    made = objective(tiny, name, head, {})
    plain = step(made, cut([block], 5), batch["label"])
    made.micro_batch = 5
    chunked = step(made, [block], batch["label"])
    assert plain[0] == pytest.approx(chunked[0], rel=1e-12)
    assert len(plain[1]) == len(chunked[1])
    for a, b in zip(plain[1], chunked[1]):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def test_blocks_are_cut_whole() -> None:
    blocks = cut([{"input_ids": torch.arange(14).view(7, 2)}, {"input_ids": torch.arange(4).view(2, 2)}], 3)
    assert [len(block["input_ids"]) for block in blocks] == [3, 3, 1, 2]
    assert torch.cat([block["input_ids"] for block in blocks[:3]]).equal(torch.arange(14).view(7, 2))


def test_a_view_reads_on_where_words_were_deleted(tiny: SentenceTransformer) -> None:
    text = TokenisedText([(" ".join(language.sentences(20, seed=2)),)], tiny.tokenizer, 16, ahead=4)
    batch = Padding(text.pad, groups=1)([text[0]] * 20)
    block = {key: batch[f"0_{key}"] for key in ("input_ids", "attention_mask")}
    views = Views(2, {"word_deletion": 0.5}, longest=text.longest)
    objective = Objective(tiny, nn.Identity(), Loss("dcl").load(), views).train()
    ((seen,), _) = objective._all_augmented([block], torch.arange(40))
    assert seen["input_ids"].shape == (40, 16), "as many pieces as the encoder is given of other texts"
    behind = {*block["input_ids"][0, 15:].tolist()} - {*block["input_ids"][0, :15].tolist()}
    assert behind & {*seen["input_ids"].flatten().tolist()}
