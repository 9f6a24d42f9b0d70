"""The claims of arXiv 2212.09170, "On Isotropy, Contextualization and Learning Dynamics of Contrastive-based SRL".

The paper compares encoders trained with and without; here a run is compared with its own start, on the last layer.
How tokens are grouped and changes condensed into a number is our operationalisation: the paper's code is silent on it.
"""

from __future__ import annotations

from srlbench.analysis.claims import Finding, Word, above_zero, claim_of, means
from srlbench.analysis.claims.evidence import Evidence, interval, minus

PAPER = "arXiv 2212.09170"
RECIPES = {"unsupervised": "simcse-unsup", "supervised": "simcse-sup"}
# Claim, measure, the sign that bears it out, and the unit of the change.
CHANGES = (
    ("brings isotropy", "anisotropy", -1, "of mean cosine"),
    ("raises the similarity of tokens within a sentence", "adjusted_intra_similarity", 1, "of mean cosine"),
    ("makes function words vary more with their context", "function", -1, "of self-similarity"),
    ("makes content words vary less with their context", "content", 1, "of self-similarity"),
    ("moves tokens towards the origin", "norm", -1, "of length"),
)
SWEPT = {
    "temperature": ("0.01", "0.05", "0.1", "0.5", "1"),
    "batch_size": ("16", "64", "256"),
    "pool": ("cls", "mean", "max"),
}
# The two values whose difference is judged.
ENDS = {"temperature": ("0.01", "1"), "batch_size": ("16", "256"), "pool": ("cls", "mean")}
MOVED = {
    "anisotropy": "anisotropy",
    "intra_similarity": "similarity within a sentence",
    "norm": "the norm of tokens",
}


def changed(evidence: Evidence, recipe: str, measure: str, sign: int, unit: str) -> Finding:
    """The measure at the last step minus that at the first, seed by seed, with the sign the claim gives it; for
    function and content words the mean change of adjusted self-similarity over the frequent tokens of that kind."""
    start, end = (evidence.observed(recipe, measure, step) for step in (0, -1))
    detail = f"{recipe}: {measure} {interval(start)[0].mean:.3f} to {interval(end)[0].mean:.3f}"
    return above_zero({seed: sign * value for seed, value in minus(end, start).items()}, detail, unit)


def moved(evidence: Evidence, setting: str, measure: str) -> Finding:
    """The measure at the end of training with one value minus that with another (temperature 1 and 0.01, batches of 256
    and 16, mean and cls); supported if the interval leaves out zero, else inconclusive."""
    values = {value: evidence.observed(f"simcse-unsup+{setting}={value}", measure) for value in SWEPT[setting]}
    low_end, high_end = ENDS[setting]
    found, between = interval(minus(values[high_end], values[low_end]))
    detail = means({f"{value}:": seen for value, seen in values.items()}, 3)
    if between is None:
        return Finding("inconclusive", found.mean, n=found.n, unit="", detail=f"one seed; {detail}")
    word: Word = "inconclusive" if between[0] <= 0 <= between[1] else "supported"
    return Finding(word, found.mean, *between, found.n, "", detail)


for _text, _measure, _sign, _unit in CHANGES:
    for _kind, _recipe in RECIPES.items():
        _what = {"recipe": _recipe, "measure": _measure, "sign": _sign, "unit": _unit}
        _name = f"{_measure.replace('_', '-')}-{_kind}"
        claim_of(PAPER, f"Contrastive learning {_text} ({_kind}).", _name, changed, **_what)
for _setting in SWEPT:
    for _measure, _text in MOVED.items():
        _said = {"batch_size": "Batch size", "pool": "Pooling"}.get(_setting, "Temperature")
        _name = f"{_setting}-{_measure}".replace("_", "-")
        claim_of(PAPER, f"{_said} moves {_text}.", _name, moved, setting=_setting, measure=_measure)
