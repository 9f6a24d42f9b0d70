"""The parts that a recipe chooses by name: each name has its part, and each part its name."""

from __future__ import annotations

import pytest
import torch

from srlbench.recipe import Recipe
from srlbench.training.augment import AUGMENTATIONS
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
        vectors.append(pooling(features)["sentence_embedding"])
    assert vectors[0].shape == (1, 4) and torch.equal(*vectors) and vectors[0].isfinite().all()


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmentation_changes_some_pieces_and_never_special_ones(name: str) -> None:
    torch.manual_seed(0)
    ids, mask = torch.tensor([2, 10, 11, 12, 13, 3, 0]).repeat(500, 1), torch.tensor([1] * 6 + [0]).repeat(500, 1)
    seen, left = AUGMENTATIONS[name](ids, mask, 0.5, torch.tensor([0, 2, 3]))
    read = [row[here.bool()].tolist() for row, here in zip(seen, left)]
    assert all((row[0], row[-1]) == (2, 3) and not {0, 2, 3} & {*row[1:-1]} for row in read)
    assert any(row != [2, 10, 11, 12, 13, 3] for row in read)
    assert all(len(row) > 2 for row in read), "no sentence loses all its words"


def test_deleted_pieces_are_those_left_out_and_leave_no_gap() -> None:
    ids, mask = torch.tensor([2, 10, 11, 12, 13, 3, 0]).repeat(50, 1), torch.tensor([1] * 6 + [0]).repeat(50, 1)
    made = []
    for name in ("word_dropout", "word_deletion"):
        torch.manual_seed(0)
        made.append(AUGMENTATIONS[name](ids, mask, 0.5, torch.tensor([0, 2, 3])))
    (whole, seen), (moved, left) = made
    for row in range(50):
        assert moved[row][left[row].bool()].tolist() == whole[row][seen[row].bool()].tolist()
        assert left[row].sort(descending=True).values.equal(left[row]) and left.shape[1] == int(seen.sum(1).max())
