"""SimCSE: contrast a sentence with its own dropout twin, or with what it entails."""

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
    """A sentence and its own dropout twin are the positive pair."""
    return Recipe(
        data="twins",
        loss=Loss("info_nce", temperature=0.05),
        pool="cls",
        head="mlp-train-only",
        settings={
            # A two-layer backbone's [CLS] was taught nothing: untrained it is worth half of the mean.
            "embedded": {"pool": "mean"},
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
    """A premise and what it entails are the positive pair; what contradicts it is a hard negative."""
    return Recipe(
        data="triplets",
        loss=Loss("info_nce", temperature=0.05),
        pool="cls",
        head="mlp",
        settings={"embedded": {"lr": 2e-3}, "paper": SUPERVISED},
    )
