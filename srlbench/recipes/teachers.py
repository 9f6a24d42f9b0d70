"""Distillation: from a SimCSE that the run trains first, or from the encoder itself."""

from srlbench.recipe import Companion, Loss, Recipe, View, recipe

BERT = "paper/google-bert/bert-base-uncased"
SIMCSE = Companion("teacher", recipe="simcse-unsup")


@recipe(cite="liu2023rankcse", version_of="simcse-unsup")
def rankcse() -> Recipe:
    """InfoNCE, the agreement of both views, and the order in which a SimCSE ranks the batch (ListNet)."""
    return Recipe(
        data="twins",
        companions=(SIMCSE,),
        loss=Loss("taught_ranking", temperature=0.05, tau=0.05, consistency=1.0, ranking=1.0),
        head="mlp-train-only",
        settings={"paper": {"select": "dev", "lr": 3e-5, "batch_size": 128}},
    )


@recipe(cite="xu2023distillcse", version_of="simcse-unsup", reported={BERT: {"sts_avg": 78.02}})
def distillcse() -> Recipe:
    """InfoNCE, and the similarities within the batch of a SimCSE, its most similar sentences in random order."""
    return Recipe(
        data="twins",
        companions=(SIMCSE,),
        loss=Loss("info_nce", temperature=0.05) + Loss("calibrated_distillation"),
        head="mlp-train-only",
        settings={"paper": {"select": "dev", "lr": 3e-5, "batch_size": 64}},
    )


@recipe(cite="limkonchotiwat2022congen", version_of="simcse-unsup")
def congen() -> Recipe:
    """Both views must see a memory of sentences as a SimCSE does that the run trains first."""
    return Recipe(
        data="twins",
        companions=(Companion("teacher", recipe="simcse-unsup", memory=4096),),
        loss=Loss("memory_distillation", tau=0.05, reference=0.05),
        pool="mean",
        settings={"paper": {"select": "dev", "lr": 5e-4, "batch_size": 128, "epochs": 20, "memory": 16384}},
    )


@recipe(cite="limkonchotiwat2023sct", version_of="simcse-unsup", reported={BERT: {"sts_avg": 75.55}})
def sct() -> Recipe:
    """Each view must see past sentences as the other does; there is no teacher and no negative."""
    return Recipe(
        data="twins",
        companions=(Companion("cross_view", size=4096, tau=0.05, reference=0.04),),
        pool="mean",
        settings={"paper": {"select": "dev", "lr": 5e-4, "batch_size": 128, "epochs": 20, "size": 65536}},
    )


@recipe(cite="carlsson2021ct", version_of="simcse-unsup", reported={BERT: {"sts_avg": 73.36}})
def contrastive_tension() -> Recipe:
    """Two encoders with weights of their own must agree which sentences are the same; the first one is kept."""
    return Recipe(
        data="twins",
        views=(View(), View(encoder="second")),
        companions=(Companion("second"),),
        loss=Loss("in_batch_tension", scale=20.0),
        pool="mean",
        settings={"paper": {"lr": 1e-5, "batch_size": 16}},
    )
