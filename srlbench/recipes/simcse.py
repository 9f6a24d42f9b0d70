"""SimCSE: the positive of a sentence is its second dropout view, or a sentence that it entails."""

from typing import Any

from srlbench.recipe import Loss, Recipe, recipe

ROBERTA = "paper/FacebookAI/roberta-base"
SUPERVISED: dict[str, Any] = {"batch_size": 512, "lr": 5e-5, "epochs": 3, "select": "dev"}


@recipe(
    cite="gao2021simcse",
    reported={
        "paper/google-bert/bert-base-uncased": {"sts_avg": 76.25, "transfer_avg": 85.81},
        "paper/FacebookAI/roberta-base": {"sts_avg": 76.57, "transfer_avg": 84.84},
    },
)
def simcse_unsup() -> Recipe:
    """The positive pair is one sentence, encoded twice with different dropout."""
    return Recipe(
        data="twins",
        loss=Loss("info_nce", temperature=0.05),
        pool="cls",
        head="mlp-train-only",
        settings={
            "paper": {"select": "dev"},
            ROBERTA: {"batch_size": 512, "lr": 1e-5},
        },
    )


@recipe(
    cite="gao2021simcse",
    reported={
        "paper/google-bert/bert-base-uncased": {"sts_avg": 81.57, "transfer_avg": 86.51},
        "paper/FacebookAI/roberta-base": {"sts_avg": 82.52, "transfer_avg": 88.08},
    },
)
def simcse_sup() -> Recipe:
    """The positive pair is a premise and a sentence it entails; a sentence that contradicts it is a hard negative."""
    return Recipe(
        data="triplets",
        loss=Loss("info_nce", temperature=0.05),
        pool="cls",
        head="mlp",
        settings={"paper": SUPERVISED},
    )
