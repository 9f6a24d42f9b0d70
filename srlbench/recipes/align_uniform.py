"""Alignment and uniformity as the training loss, without a softmax over the batch."""

from srlbench.recipe import Loss, Recipe, recipe


@recipe(cite="wang2020alignuniform")
def align_uniform() -> Recipe:
    """Two dropout views of a sentence are pulled together, and all sentences are pushed apart on the sphere."""
    return Recipe(
        data="twins",
        loss=Loss("align_uniform", weight=1.0, t=2.0),
        pool="cls",
        head="mlp-train-only",
        settings={
            "paper": {"select": "dev"},
        },  # as simcse-unsup
    )
