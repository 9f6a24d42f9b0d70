"""The effective contrastive losses of the gradient paradigm (arXiv 2402.18281), related losses, and its controlled one.

The paper's code has no flags for ArcCon, MPT, MET and MAT. On the paper track they use those of its predecessor
(ICLR 2023, "On the inadequacy of optimizing alignment and uniformity"): batches of 128 and a learning rate of 1e-5.
"""

from typing import Any

from srlbench.recipe import Loss, Recipe, recipe

PARADIGM = "li2024gradient"


def _recipe(loss: Loss) -> Recipe:
    """A recipe like `simcse-unsup` with another loss: on the embedded track the losses alone differ."""
    return Recipe(
        data="twins",
        loss=loss,
        pool="cls",
        head="mlp-train-only",
        settings={"paper": {"batch_size": 128, "lr": 1e-5, "select": "dev"}},
    )


@recipe(cite="zhang2022arccon")
def arccon() -> Recipe:
    """InfoNCE with an angular margin on the positive pair."""
    return _recipe(Loss("arccon", temperature=0.05, degrees=10.0))


@recipe(cite=PARADIGM)
def mpt() -> Recipe:
    """A margin between the cosines of the positive and of the hardest negative."""
    return _recipe(Loss("mpt", margin=0.23))


@recipe(cite=PARADIGM)
def met() -> Recipe:
    """A margin between the distances of the positive and of the hardest negative."""
    return _recipe(Loss("met", margin=0.45))


@recipe(cite=PARADIGM)
def mat() -> Recipe:
    """A margin between the angles of the positive and of the hardest negative."""
    return _recipe(Loss("mat"))


@recipe(cite="yeh2022decoupled")
def dcl() -> Recipe:
    """InfoNCE without the positive in the denominator: the positive pair does not weaken the gradient."""
    return _recipe(Loss("dcl", temperature=0.1))


@recipe(cite="zhang2022mixcse", reported={"paper/google-bert/bert-base-uncased": {"sts_avg": 77.66}})
def mixcse() -> Recipe:
    """InfoNCE with one more negative for each anchor, mixed from its positive and its hardest negative."""
    return _recipe(Loss("mixcse", temperature=0.05, mix=0.2))


# The setting of the paper's empirical study, for its controlled loss.
STUDY: dict[str, Any] = {"batch_size": 128, "lr": 1e-5, "select": "dev", "freeze": "embeddings"}


@recipe(cite=PARADIGM)
def paradigm() -> Recipe:
    """The gradient that the effective losses share, with its dissipation, weight and ratio as free settings."""
    return Recipe(
        data="twins",
        loss=Loss("paradigm", margin=0.30, temperature=0.05, ratio=1.0),
        pool="cls",
        head="mlp-train-only",
        settings={"paper": {**STUDY, "head": "linear-train-only"}},
    )
