"""The parts that a recipe chooses by name: each name has its part, and each part its name."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer, models

from srlbench.recipe import Recipe
from srlbench.training.augment import AUGMENTATIONS, Pieces, pieces, shortened
from srlbench.training.layers import ALL_LAYERS, POOLINGS


def test_every_name_that_a_recipe_may_choose_is_there() -> None:
    assert tuple(POOLINGS) == Recipe.CHOICES["pool"] and {*ALL_LAYERS} <= {*POOLINGS}
    assert tuple(AUGMENTATIONS) == Recipe.AUGMENTATIONS


@pytest.mark.parametrize("name", POOLINGS)
def test_a_pooling_does_not_look_at_padding(name: str) -> None:
    torch.manual_seed(0)
    pooling, mask = POOLINGS[name](4), torch.tensor([[1, 1, 1, 0, 0]])
    vectors = []
    for padding in (0.0, 9.0):
        torch.manual_seed(1)
        layers = [torch.randn(1, 5, 4) for _ in range(3)]
        for layer in layers:
            layer[:, 3:] = padding
        features = {"token_embeddings": layers[-1], "all_layer_embeddings": layers, "attention_mask": mask}
        if name == "mask":
            pooling.token, features["input_ids"] = 7, torch.tensor([[2, 7, 3, 0, 0]])
        vectors.append(pooling(features)["sentence_embedding"])
    assert vectors[0].shape == (1, 4) and torch.equal(*vectors) and vectors[0].isfinite().all()


KNOWN = Pieces(torch.tensor([0, 2, 3]), torch.ones(20, dtype=torch.bool))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmentation_changes_some_pieces_and_never_special_ones(name: str) -> None:
    torch.manual_seed(0)
    ids, mask = torch.tensor([2, 10, 11, 12, 13, 3, 0]).repeat(500, 1), torch.tensor([1] * 6 + [0]).repeat(500, 1)
    seen, left = AUGMENTATIONS[name](ids, mask, 0.5, KNOWN)
    read = [row[here.bool()].tolist() for row, here in zip(seen, left)]
    assert all((row[0], row[-1]) == (2, 3) and not {0, 2, 3} & {*row[1:-1]} for row in read)
    assert any(row != [2, 10, 11, 12, 13, 3] for row in read)
    assert all(len(row) > 2 for row in read), "no sentence loses all its words"


def test_words_are_deleted_whole_and_leave_no_gap() -> None:
    torch.manual_seed(0)
    ids, mask = torch.tensor([2, 10, 11, 12, 13, 3, 0]).repeat(500, 1), torch.tensor([1] * 6 + [0]).repeat(500, 1)
    begins = torch.ones(20, dtype=torch.bool)
    begins[[11, 12]] = False  # 10, 11, 12 are one word
    seen, left = AUGMENTATIONS["word_deletion"](ids, mask, 0.5, Pieces(KNOWN.special, begins))
    assert {tuple(row[here.bool()].tolist()) for row, here in zip(seen, left)} == {
        (2, 10, 11, 12, 13, 3), (2, 10, 11, 12, 3), (2, 13, 3)
    }  # fmt: skip
    assert left.sort(dim=1, descending=True).values.equal(left)


def test_a_text_is_cut_after_words_are_deleted_and_keeps_its_special_tokens() -> None:
    ids = torch.tensor([[2, 10, 11, 12, 13, 3, 0], [2, 10, 3, 0, 0, 0, 0]])
    seen, left = shortened(ids, (ids > 0).long(), 4, KNOWN)
    assert seen.tolist() == [[2, 10, 11, 3], [2, 10, 3, 0]]
    assert left.tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]


@pytest.mark.parametrize(
    ("names", "begins"),
    [
        (["[CLS]", "play", "##ing", "the"], [True, True, False, True]),
        (["<s>", "▁play", "ing", "▁the"], [False, True, False, True]),
        (["</s>", "play", "Ġplay", "ing"], [False, False, True, False]),
        (["a", "b"], [True, True]),
    ],
)
def test_marks_say_where_words_begin(names: list[str], begins: list[bool]) -> None:
    vocabulary = Tokenizer(models.WordLevel({name: place for place, name in enumerate(names)}, unk_token=names[0]))
    assert pieces(vocabulary, []).begins.tolist() == begins
