"""Non-contrastive losses: as published, in the forms of arXiv 2402.18281, and in its modified, effective forms."""

from collections.abc import Mapping
from typing import Any

from srlbench.recipe import Loss, Recipe, recipe

PARADIGM = "li2024gradient"
BERT, ROBERTA = "paper/google-bert/bert-base-uncased", "paper/FacebookAI/roberta-base"


def _recipe(loss: Loss, lr: float = 1e-5, roberta: Mapping[str, Any] | None = None) -> Recipe:
    """A recipe in the paper's setting: frozen embeddings, a small linear head, selection on STS-B dev.

    On the embedded track every setting is that of `simcse-unsup`, so that the losses alone differ.
    """
    return Recipe(
        data="twins",
        loss=loss,
        pool="cls",
        head="mlp-train-only",
        settings={
            "paper": {"freeze": "embeddings", "select": "dev", "head": "linear-train-only"},
            BERT: {"batch_size": 128, "lr": lr},
            ROBERTA: {"batch_size": 512, "lr": 1e-6, "head": "tanh-linear-train-only", **(roberta or {})},
        },
    )


@recipe(cite="bardes2022vicreg")
def vicreg() -> Recipe:
    """A loss on the distance of the pair, the variance of each dimension, and the covariance of dimensions."""
    return _recipe(Loss("vicreg", invariance=25.0, variance=25.0, covariance=1.0))


@recipe(cite=PARADIGM)
def mhe() -> Recipe:
    """Alignment and minimum hyperspherical energy, which is uniformity with t = 1/2."""
    return _recipe(Loss("align_uniform", weight=20.0, t=0.5))  # the paper's lambda is 10 for each view


@recipe(cite=PARADIGM)
def mhs() -> Recipe:
    """Alignment and maximum hyperspherical separation from the hardest negative."""
    return _recipe(Loss("mhs", weight=1.0), lr=5e-6)


@recipe(cite=PARADIGM)
def vicreg_uncentred() -> Recipe:
    """VICReg in the paper's form: alignment and the uncentred covariance of normalised vectors."""
    return _recipe(Loss("vicreg_uncentred", weight=30.0))


@recipe(cite=PARADIGM)
def barlow_twins_normalised() -> Recipe:
    """Barlow Twins in the paper's form: on normalised, uncentred vectors."""
    return _recipe(Loss("barlow_twins_normalised", weight=30.0))


@recipe(cite=PARADIGM, version_of="mhe")
def modified_mhe() -> Recipe:
    """Hyperspherical energy with gradient dissipation, sharp weights and a dynamic ratio."""
    return _recipe(
        Loss("modified_align_uniform", weight=1.0, margin=0.30, temperature=0.05, ratio=1.75),
        roberta={"lr": 1e-5, "ratio": 1.25},
    )


@recipe(cite=PARADIGM, version_of="mhs")
def modified_mhs() -> Recipe:
    """Hyperspherical separation with gradient dissipation and a dynamic ratio."""
    return _recipe(
        Loss("modified_mhs", weight=1.0, margin=0.30, ratio=1.75),
        roberta={"lr": 1e-5, "margin": 0.27, "ratio": 1.0},
    )


@recipe(cite=PARADIGM, version_of="vicreg-uncentred")
def modified_vicreg() -> Recipe:
    """Uncentred VICReg with gradient dissipation, sharp weights and a dynamic ratio."""
    return _recipe(
        Loss("modified_vicreg", weight=1.0, margin=0.30, temperature=0.05, ratio=1.5),
        roberta={"lr": 1e-5, "margin": 0.37, "ratio": 1.25},
    )


@recipe(cite=PARADIGM, version_of="barlow-twins-normalised")
def modified_barlow_twins() -> Recipe:
    """Normalised Barlow Twins with gradient dissipation, sharp weights and a dynamic ratio."""
    return _recipe(
        Loss("modified_barlow_twins", weight=1.0, margin=0.30, temperature=0.05, ratio=1.5),
        roberta={"lr": 1e-5, "margin": 0.37, "ratio": 1.25},
    )
