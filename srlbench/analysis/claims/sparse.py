"""The claims of arXiv 2311.03881, "Sparse Contrastive Learning of Sentence Embeddings" (SparseCSE).

Only the abstract is public. The importance, the levels of sparsity and what is pruned when are our operationalisation.
"""

from __future__ import annotations

from functools import partial

from srlbench.analysis.claims import Finding, Word, above_zero, claim_of
from srlbench.analysis.claims.evidence import BySeed, Evidence, interval, minus

PAPER = "arXiv 2311.03881"
PAIRS = {"unsupervised": ("sparse-simcse-unsup", "simcse-unsup"), "supervised": ("sparse-simcse-sup", "simcse-sup")}
LEVELS = ("0.001", "0.005", "0.01", "0.02", "0.05", "0.1", "0.2", "0.5")
CONTROLS = {"random": "at random", "magnitude": "by magnitude", "most": "that contribute most"}
LEVEL = "0.1"  # at which the ways to choose are compared: at less they can hardly differ
WORSE = 0.05  # of the uniformity loss, that still counts as none
STEADY = 2  # neighbouring levels of the grid that still count as one
STS = "sts_avg"


def some_sparsity_helps(evidence: Evidence, sparse: str, dense: str) -> Finding:
    """The largest gain in STS average over the dense twin, of eight levels of sparsity, seed by seed; its interval is
    Bonferroni's for eight, because the largest is chosen. Supported if that lies above zero, contradicted if it lies
    below, else inconclusive."""
    gains = {
        level: minus(evidence.scores(f"{sparse}+sparsity={level}", STS), evidence.scores(dense, STS))
        for level in LEVELS
    }
    found = {level: interval(values, 1 - 0.05 / len(LEVELS)) for level, values in gains.items()}
    best = max(found, key=lambda level: found[level][0].mean)
    summary, between = found[best]
    detail = ", ".join(f"{level}: {interval(values)[0].mean:+.2f}" for level, values in gains.items())
    if between is None:
        return Finding("inconclusive", summary.mean, n=summary.n, detail=f"one seed; {detail}")
    word: Word = "supported" if between[0] > 0 else "contradicted" if between[1] < 0 else "inconclusive"
    return Finding(word, summary.mean, *between, summary.n, detail=f"best at {best}; {detail}")


def the_score_beats(evidence: Evidence, sparse: str, control: str) -> Finding:
    """STS average with the tenth of the weights removed that contributes least, minus that with another tenth."""
    ours, other = f"{sparse}+sparsity={LEVEL}", f"{sparse}+importance={control},sparsity={LEVEL}"
    a, b = evidence.scores(ours, STS), evidence.scores(other, STS)
    return above_zero(minus(a, b), f"{interval(a)[0].mean:.2f} against {interval(b)[0].mean:.2f}")


def alignment_improves(evidence: Evidence, sparse: str, dense: str) -> Finding:
    """The dense twin's alignment loss minus the sparse encoder's, a tenth of the weights removed, seed by seed."""
    return above_zero(_better(evidence, sparse, dense, "alignment"), f"{sparse} at {LEVEL}", "of the loss")


def uniformity_is_not_worse(evidence: Evidence, sparse: str, dense: str) -> Finding:
    """The dense twin's uniformity loss minus the sparse encoder's, a tenth of the weights removed, seed by seed:
    supported if the interval lies above -0.05, contradicted if below, else inconclusive."""
    found, between = interval(_better(evidence, sparse, dense, "uniformity"))
    if between is None:
        return Finding("inconclusive", found.mean, n=found.n, unit="of the loss", detail="one seed")
    word: Word = "supported" if between[0] > -WORSE else "contradicted" if between[1] < -WORSE else "inconclusive"
    return Finding(word, found.mean, *between, found.n, "of the loss", f"{sparse} at {LEVEL}")


def _better(evidence: Evidence, sparse: str, dense: str, measure: str) -> BySeed:
    path = f"pairs.{measure}"
    return minus(evidence.measured(dense, path), evidence.measured(f"{sparse}+sparsity={LEVEL}", path))


def the_best_is_steady(evidence: Evidence, sparse: str) -> Finding:
    """How far apart, in places of the grid of eight levels, the best level of two seeds is at most; supported if no
    further than two places, else contradicted."""
    scores = {level: evidence.scores(f"{sparse}+sparsity={level}", STS) for level in LEVELS}
    seeds = sorted(set.intersection(*(set(each) for each in scores.values())))
    best: BySeed = {s: max(range(len(LEVELS)), key=lambda place: scores[LEVELS[place]][s]) for s in seeds}
    apart = max(best.values()) - min(best.values())
    detail = ", ".join(f"seed {seed}: {LEVELS[int(place)]}" for seed, place in best.items())
    if len(seeds) < 2:
        return Finding("inconclusive", n=len(seeds), detail=f"one seed; {detail}")
    return Finding(
        "supported" if apart <= STEADY else "contradicted", apart, n=len(seeds), unit="places", detail=detail
    )


for _kind, (_sparse, _dense) in PAIRS.items():
    _claim, _pair = partial(claim_of, PAPER), {"sparse": _sparse, "dense": _dense}
    _claim(f"Some sparsity beats the dense model ({_kind}).", f"sparsity-helps-{_kind}", some_sparsity_helps, **_pair)
    for _control, _how in CONTROLS.items():
        _claim(
            f"Removing what contributes least is better than removing weights {_how} ({_kind}).",
            f"least-beats-{_control}-{_kind}",
            the_score_beats,
            sparse=_sparse,
            control=_control,
        )
    _claim(f"Alignment improves ({_kind}).", f"alignment-improves-{_kind}", alignment_improves, **_pair)
    _claim(f"Uniformity is not worse ({_kind}).", f"uniformity-holds-{_kind}", uniformity_is_not_worse, **_pair)
    _claim(f"The best sparsity is steady over seeds ({_kind}).", f"steady-{_kind}", the_best_is_steady, sparse=_sparse)
