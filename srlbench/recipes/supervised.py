"""Supervised methods beside SimCSE, on its triplets: a premise, what it entails, what contradicts it."""

from typing import Any

from srlbench.recipe import Companion, Loss, Recipe, recipe

BERT = "paper/google-bert/bert-base-uncased"
SUPERVISED: dict[str, Any] = {"select": "dev", "epochs": 3}


@recipe(cite="su2022cosent", version_of="simcse-sup")
def cosent() -> Recipe:
    """Every entailed pair is closer than every contradicted one."""
    settings = {"paper": {**SUPERVISED, "lr": 2e-5, "batch_size": 32}}
    return Recipe(data="triplets", loss=Loss("cosent", scale=20.0), settings=settings)


@recipe(cite="li2024angle", version_of="simcse-sup", reported={BERT: {"sts_avg": 82.37}})
def angle() -> Recipe:
    """Entailed pairs are closer than contradicted ones, in cosine and in the angles of complex vectors; and InfoNCE."""
    settings = {"paper": {**SUPERVISED, "lr": 5e-5, "batch_size": 512}}
    loss = Loss("cosent", scale=20.0) + Loss("info_nce", temperature=0.05) + 0.02 * Loss("angle", scale=20.0)
    return Recipe(data="triplets", loss=loss, settings=settings)


@recipe(cite="solatorio2024gist", version_of="simcse-sup")
def gist() -> Recipe:
    """InfoNCE without the negatives that a supervised SimCSE finds more similar than the positive."""
    return Recipe(
        data="triplets",
        companions=(Companion("teacher", recipe="simcse-sup"),),
        loss=Loss("guided_info_nce", temperature=0.01),
        settings={"paper": {**SUPERVISED, "lr": 5e-5, "batch_size": 512}},
    )
