"""The claims of arXiv 2310.15921, "Contrastive Learning-based Sentence Encoders Implicitly Weight Informative Words".

The regression over words and the comparison with the untrained encoder of the same pooling are as the paper describes
them; its own numbers are not available, and sentences, baseline and steps are our operationalisation.
"""

from __future__ import annotations

from scipy.stats import spearmanr

from srlbench.analysis.claims import Finding, above_zero, claim_of, means
from srlbench.analysis.claims.evidence import Evidence, Missing, minus, over

PAPER = "arXiv 2310.15921"
RECIPES = {"unsupervised": "simcse-unsup", "supervised": "simcse-sup"}
METHODS = {"integrated-gradients": "integrated gradients", "shapley": "Shapley values"}
QUANTITIES = {"information_gain": "information gain", "self_information": "self-information"}
LEAST = 5  # recipes a correlation is of


def follows(evidence: Evidence, recipe: str, method: str, quantity: str) -> Finding:
    """R² of the regression of a word's mean weight on its information, minus that of the untrained encoder with the
    same pooling (of static embeddings: as they are); supported if the interval lies above zero."""
    before = evidence.first_of(f"untrained-{evidence.setting(recipe, 'pool')}", "input-words")
    path = f"words.{method}.{quantity}"
    fits = {name: evidence.measured(name, f"{path}.r2") for name in (before, recipe)}
    slopes = {name: evidence.measured(name, f"{path}.slope") for name in (before, recipe)}
    detail = f"R² {means(fits, 3)}; slope {means(slopes, 3, '+')}"
    return above_zero(minus(fits[recipe], fits[before]), detail, "of R²")


def less_so(evidence: Evidence, method: str) -> Finding:
    """Rank correlation, over all trained recipes, of the STS average and R² of weight on information gain, seed by
    seed; supported if the interval lies above zero."""
    fits, scores = {}, {}
    for name in evidence.trained():
        try:
            fits[name] = evidence.measured(name, f"words.{method}.information_gain.r2")
            scores[name] = evidence.scores(name, "sts_avg")
        except Missing:
            continue
    if len(fits) < LEAST:
        raise Missing(f"{len(fits)} trained recipes were looked at for words.{method}")
    seeds = over([{seed: seed for seed in fits[name].keys() & scores[name].keys()} for name in fits])
    ranks = {
        seed: float(spearmanr([fits[name][seed] for name in fits], [scores[name][seed] for name in fits]).statistic)
        for seed in map(int, seeds)
    }
    return above_zero(ranks, f"{len(fits)} recipes", "of rank correlation")


for _kind, _recipe in RECIPES.items():
    for _method, _way in METHODS.items():
        for _quantity, _said in QUANTITIES.items():
            _text = f"After {_kind} training, weight by {_way} follows {_said} more closely."
            _name = f"{_kind}-{_method}-{_quantity.replace('_', '-')}"
            claim_of(PAPER, _text, _name, follows, recipe=_recipe, method=_method, quantity=_quantity)
for _method, _way in METHODS.items():
    _text = f"It follows less closely in recipes that score badly ({_way})."
    claim_of(PAPER, _text, f"less-so-{_method}", less_so, method=_method)
