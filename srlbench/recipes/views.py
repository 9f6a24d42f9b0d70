"""Methods whose views of a sentence are made in another way: by repetition, cut-offs, deleted spans or a prompt."""

from typing import Any

from srlbench.recipe import Augment, Companion, Loss, Recipe, Rewrite, View, recipe

BERT = "paper/google-bert/bert-base-uncased"
OF, COLON = 'This sentence of "{text}" means [MASK].', 'This sentence : "{text}" means [MASK].'


def _paper(**settings: Any) -> dict[str, dict[str, Any]]:
    return {"paper": {"select": "dev", **settings}}


def _cut(name: str, **arguments: Any) -> View:
    return View(augment=(Augment(name, **arguments),))


@recipe(cite="wu2022esimcse", version_of="simcse-unsup", reported={BERT: {"sts_avg": 78.27}})
def esimcse() -> Recipe:
    """A sentence and itself with some pieces repeated; sentences of past batches are further negatives."""
    return Recipe(
        data="twins",
        views=(View(), _cut("repetition", rate=0.32, most=10)),
        companions=(Companion("queue", size=160, momentum=0.995),),
        loss=Loss("info_nce_bank", temperature=0.05),
        head="mlp-train-only",
        settings=_paper(lr=3e-5, batch_size=64),
    )


@recipe(cite="yan2021consert", version_of="simcse-unsup", reported={BERT: {"sts_avg": 72.74}})
def consert() -> Recipe:
    """A view without some dimensions of its embeddings, and one whose positions are shuffled; no dropout."""
    return Recipe(
        data="twins",
        views=(_cut("feature_cutoff", share=0.2), _cut("shuffled_positions")),
        loss=Loss("nt_xent", temperature=0.1),
        pool="last-two",
        dropout=0.0,
        needs="layers",
        settings=_paper(lr=5e-7, batch_size=96, max_length=64, epochs=10),
    )


@recipe(cite="zhang2022arccon", version_of="arccon", reported={BERT: {"sts_avg": 78.11}})
def arccse() -> Recipe:
    """ArcCon, and an order: a sentence without a fifth of it is closer to it than without two fifths."""
    return Recipe(
        data="twins",
        views=(View(), View(), _cut("span_deletion", share=0.2),
               View(after=2, augment=(Augment("span_deletion", share=0.25),))),
        loss=Loss("arccon", temperature=0.05, degrees=10.0).on(0, 1) + Loss("angular_triplet").on(0, 2, 3),
        head="mlp-train-only",
        settings=_paper(lr=1e-5, batch_size=128),
    )  # fmt: skip


@recipe(cite="jiang2022promptbert", version_of="simcse-unsup", reported={BERT: {"sts_avg": 78.54}})
def promptbert() -> Recipe:
    """Two templates around one sentence are the positive pair, read at the mask, less what the template says alone."""
    return Recipe(
        data="twins",
        views=(View(prompt=OF), View(prompt=COLON)),
        prompt=OF,
        pool="mask",
        companions=(Companion("template"),),
        loss=Loss("info_nce", temperature=0.05),
        head="mlp-train-only",
        needs="layers",
        settings=_paper(lr=1e-5, batch_size=256),
    )


@recipe(cite="wang2022sncse", version_of="simcse-unsup", reported={BERT: {"sts_avg": 78.97}})
def sncse() -> Recipe:
    """Two templates are the positive pair; the negated sentence is a little further away, and only a little."""
    return Recipe(
        data="twins",
        views=(View(prompt=COLON), View(prompt=OF), View(prompt=OF, rewrite=Rewrite("negation"))),
        prompt=COLON,
        pool="mask",
        loss=Loss("info_nce", temperature=0.05).on(0, 1) + 1e-3 * Loss("soft_negative"),
        head="mlp-train-only",
        needs="layers",
        settings=_paper(lr=1e-5, batch_size=256),
    )


@recipe(cite="zhuo2023whitenedcse", version_of="simcse-unsup", reported={BERT: {"sts_avg": 78.78}})
def whitenedcse() -> Recipe:
    """Three views, each whitened in groups of dimensions of its own; two of them are positives of the first."""
    return Recipe(
        data="twins",
        views=(View(),) * 3,
        companions=(Companion("group_whitening", size=8),),
        loss=Loss("info_nce", temperature=0.05).on(0, 1) + Loss("info_nce", temperature=0.05).on(0, 2),
        head="mlp-train-only",
        settings=_paper(lr=1e-5, batch_size=128, size=6),
    )
