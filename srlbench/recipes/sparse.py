"""SparseCSE (An, Zhang and Song, arXiv 2311.03881): SimCSE without the weights that contribute least to its embeddings.

Only the abstract is public. How weights are scored, how many are removed and when is our operationalisation.
"""

from srlbench.recipe import Loss, Recipe, recipe


@recipe(cite="an2023sparsecse", version_of="simcse-unsup")
def sparse_simcse_unsup() -> Recipe:
    """Unsupervised SimCSE whose least contributing weights are removed after training."""
    return Recipe(
        data="twins",
        loss=Loss("info_nce", temperature=0.05),
        pool="cls",
        head="mlp-train-only",
        sparsity=0.01,
        needs="layers",
        settings={
            "paper": {"select": "dev"},
            "paper/FacebookAI/roberta-base": {"batch_size": 512, "lr": 1e-5},
        },
    )


@recipe(cite="an2023sparsecse", version_of="simcse-sup")
def sparse_simcse_sup() -> Recipe:
    """Supervised SimCSE whose least contributing weights are removed after training."""
    return Recipe(
        data="triplets",
        loss=Loss("info_nce", temperature=0.05),
        pool="cls",
        head="mlp",
        sparsity=0.01,
        needs="layers",
        settings={
            "paper": {"batch_size": 512, "lr": 5e-5, "epochs": 3, "select": "dev"},
        },
    )
