"""Alignment and uniformity optimised as they are, without a softmax over the batch."""

from srlbench.recipe import Loss, Recipe, recipe


@recipe(cite="wang2020alignuniform")
def align_uniform() -> Recipe:
    """Dropout twins pulled together, all sentences pushed apart on the sphere."""
    return Recipe(
        data="twins",
        loss=Loss("align_uniform", weight=1.0, t=2.0),
        pool="cls",
        head="mlp-train-only",
        settings={
            "embedded": {"pool": "mean"},
            "paper": {"select": "dev"},
        },  # as simcse-unsup
    )
