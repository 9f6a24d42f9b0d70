"""Barlow Twins: decorrelated dimensions instead of negatives."""

from srlbench.recipe import Loss, Recipe, recipe


@recipe(cite="zbontar2021barlow")
def barlow_twins() -> Recipe:
    """The cross-correlation matrix of two dropout views is driven to the identity."""
    return Recipe(
        data="twins",
        loss=Loss("barlow_twins", weight=0.0051),
        pool="cls",
        head="mlp-train-only",
    )
