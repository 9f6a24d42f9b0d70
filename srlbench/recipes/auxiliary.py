"""Methods with a second objective, or with another one than a loss of pairs."""

from srlbench.recipe import Augment, Companion, Loss, Recipe, View, recipe

BERT = "paper/google-bert/bert-base-uncased"


@recipe(cite="gao2021simcse", version_of="simcse-unsup")
def simcse_mlm() -> Recipe:
    """SimCSE that must also guess hidden words."""
    return Recipe(
        data="twins",
        companions=(Companion("masked_words", weight=0.1, share=0.15),),
        loss=Loss("info_nce", temperature=0.05),
        head="mlp-train-only",
        needs="layers",
        settings={"paper": {"select": "dev"}},
    )


@recipe(cite="chuang2022diffcse", version_of="simcse-unsup", reported={BERT: {"sts_avg": 78.49}})
def diffcse() -> Recipe:
    """SimCSE whose vector must also tell which words of an edited copy were replaced."""
    return Recipe(
        data="twins",
        companions=(Companion("replaced_words", weight=0.005, share=0.3),),
        loss=Loss("info_nce", temperature=0.05),
        head="projector-train-only",
        needs="layers",
        settings={
            "paper": {
                "select": "dev", "lr": 7e-6, "epochs": 2, "batch_size": 64,
                "generator": "distilbert/distilbert-base-uncased@12040accade4e8a0f71eabdb258fecc2e7e948be",
            }
        },
    )  # fmt: skip


@recipe(cite="wang2021tsdae", version_of="simcse-unsup")
def tsdae() -> Recipe:
    """A sentence must be written again from the vector of what is left of it; there is no loss of pairs."""
    return Recipe(
        data="twins",
        views=(View(augment=(Augment("deletion", share=0.6),)),),
        companions=(Companion("reconstruction"),),
        needs="layers",
        settings={"paper": {"lr": 3e-5, "batch_size": 8, "max_length": 75, "schedule_lr": "constant"}},
    )
