"""Versions of InfoNCE with other negatives: random vectors, harder ones, fewer false ones."""

from typing import Any

from srlbench.recipe import Companion, Loss, Recipe, recipe

BERT, ROBERTA = "paper/google-bert/bert-base-uncased", "paper/FacebookAI/roberta-base"


def _recipe(loss: Loss, *companions: Companion, **paper: Any) -> Recipe:
    """`simcse-unsup` with another loss, and what the loss needs."""
    settings = {"paper": {"select": "dev", **paper}, ROBERTA: {"batch_size": 512, "lr": 1e-5}}
    return Recipe(data="twins", loss=loss, companions=companions, head="mlp-train-only", settings=settings)


@recipe(cite="wu2022gsinfonce", version_of="simcse-unsup", reported={BERT: {"sts_avg": 77.63}})
def gs_infonce() -> Recipe:
    """InfoNCE with random vectors as further negatives, three for each sentence of the batch."""
    return _recipe(Loss("info_nce_bank", temperature=0.05), Companion("noise", count=192), dropout=0.2)


@recipe(cite="hou2023focal", version_of="simcse-unsup", reported={BERT: {"sts_avg": 77.32}})
def focal_infonce() -> Recipe:
    """InfoNCE in which hard negatives count more, and easy ones less."""
    return _recipe(Loss("focal_info_nce", temperature=0.05, margin=0.3))


@recipe(cite="chuang2020debiased", version_of="simcse-unsup")
def debiased_infonce() -> Recipe:
    """InfoNCE that takes a hundredth of the negatives to be positives."""
    return _recipe(Loss("debiased_info_nce", temperature=0.05, prior=0.01))


@recipe(cite="zhou2022dclr", version_of="simcse-unsup", reported={BERT: {"sts_avg": 77.22}})
def dclr() -> Recipe:
    """InfoNCE without the negatives that a SimCSE finds too similar, and with noise that is made hard."""
    taught = (Companion("teacher", recipe="simcse-unsup"), Companion("noise", count=64))
    return _recipe(Loss("dclr", temperature=0.05, threshold=0.9), *taught, batch_size=128, epochs=3, count=128)
