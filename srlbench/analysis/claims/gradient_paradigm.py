"""The claims of arXiv 2402.18281, "A Unified Paradigm for Gradient": dissipation, weight and ratio."""

from __future__ import annotations

from itertools import combinations

from srlbench.analysis.claims import Finding, Word, above_zero, claim, means
from srlbench.analysis.claims.evidence import BySeed, Evidence, interval, minus, over

PAPER = "arXiv 2402.18281"
EFFECTIVE = ("simcse-unsup", "arccon", "mpt", "met")
ORIGINAL = {
    "modified-mhe": "mhe",
    "modified-mhs": "mhs",
    "modified-vicreg": "vicreg-uncentred",
    "modified-barlow-twins": "barlow-twins-normalised",
}
EXPLAINED = 0.01  # unexplained share of the gradient that still counts as none
TIE = 1.0  # points that still count as a tie
STS, TRANSFER = "sts_avg", "transfer_avg"


@claim(PAPER, "The four effective losses share one gradient paradigm.")
def effective_losses_share_the_paradigm(evidence: Evidence) -> Finding:
    """The share of the anchors' gradients that the paradigm leaves unexplained at the last observed step, the largest
    of InfoNCE, ArcCon, MPT and MET; supported if its interval lies below 0.01, contradicted if above."""
    parts = {name: evidence.observed(name, "gradients.unexplained_mean") for name in EFFECTIVE}
    found, between = interval(over(list(parts.values()), max))
    low, high = between or (found.mean, found.mean)
    word: Word = "supported" if high < EXPLAINED else "contradicted" if low > EXPLAINED else "inconclusive"
    return Finding(word, found.mean, low, high, found.n, "unexplained share", means(parts, 4))


@claim(PAPER, "The ineffective losses do not dissipate: their update does not fade as the positive pair comes close.")
def ineffective_losses_do_not_dissipate(evidence: Evidence) -> Finding:
    """Gradient dissipation at the last observed step (1: as strong as with the positive at the antipode; 0: switched
    off), the smallest of the four ineffective losses minus the largest of the four effective ones."""
    weak = {name: evidence.observed(name, "gradients.dissipation_mean") for name in ORIGINAL.values()}
    strong = {name: evidence.observed(name, "gradients.dissipation_mean") for name in EFFECTIVE}
    apart = minus(over(list(weak.values()), min), over(list(strong.values()), max))
    return above_zero(apart, f"{means(weak, 2)}; against {means(strong, 2)}", "of the full update")


@claim(PAPER, "Removing gradient dissipation from the modified losses hurts.")
def dissipation_matters(evidence: Evidence) -> Finding:
    """STS average of the modified losses minus that of the same with margin=none, mean over the losses."""
    return _ablation(evidence, "margin", tuple(ORIGINAL))


@claim(PAPER, "Removing the weight from the modified losses hurts.")
def weight_matters(evidence: Evidence) -> Finding:
    """STS average of the modified losses minus that of the same with temperature=none, mean over the three that
    have one."""
    return _ablation(evidence, "temperature", tuple(name for name in ORIGINAL if name != "modified-mhs"))


@claim(PAPER, "Removing the ratio from the modified losses hurts.")
def ratio_matters(evidence: Evidence) -> Finding:
    """STS average of the modified losses minus that of the same with ratio=none, mean over the losses."""
    return _ablation(evidence, "ratio", tuple(ORIGINAL))


@claim(PAPER, "The modified non-contrastive losses beat their originals on STS.")
def modified_losses_beat_their_originals(evidence: Evidence) -> Finding:
    """STS average of each modified loss minus that of its original, mean over the four."""
    gains = _gains(evidence, STS)
    return above_zero(over(list(gains.values())), means(gains, 1, "+"))


@claim(PAPER, "They do not beat them, or far less, on transfer.")
def modified_losses_gain_less_on_transfer(evidence: Evidence) -> Finding:
    """The gain of the modified losses over their originals on STS minus that on transfer, mean over the four."""
    sts, transfer = _gains(evidence, STS), _gains(evidence, TRANSFER)
    apart = minus(over(list(sts.values())), over(list(transfer.values())))
    return above_zero(apart, f"transfer: {means(transfer, 1, '+')}")


@claim(PAPER, "The four effective losses tie.")
def effective_losses_tie(evidence: Evidence) -> Finding:
    """The largest difference of STS averages among InfoNCE, ArcCon, MPT and MET: supported if every pair's interval
    lies within one point of zero, contradicted if one lies outside of it."""
    scores = {name: evidence.scores(name, STS) for name in EFFECTIVE}
    pairs = [interval(minus(scores[a], scores[b])) for a, b in combinations(EFFECTIVE, 2)]
    found, between = max(pairs, key=lambda pair: abs(pair[0].mean))
    detail = means(scores, 1)
    if any(bounds is None for _, bounds in pairs):
        return Finding("inconclusive", found.mean, n=found.n, detail=f"one seed; {detail}")
    bounds = [bounds for _, bounds in pairs if bounds is not None]
    tied = all(low > -TIE and high < TIE for low, high in bounds)
    apart = any(low > TIE or high < -TIE for low, high in bounds)
    word: Word = "supported" if tied else "contradicted" if apart else "inconclusive"
    assert between is not None
    return Finding(word, found.mean, *between, found.n, detail=detail)


def _gains(evidence: Evidence, name: str) -> dict[str, BySeed]:
    return {new: minus(evidence.scores(new, name), evidence.scores(old, name)) for new, old in ORIGINAL.items()}


def _ablation(evidence: Evidence, setting: str, losses: tuple[str, ...]) -> Finding:
    """What each of the losses has over itself without one of its components."""
    worth = {name: minus(evidence.scores(name, STS), evidence.scores(f"{name}+{setting}=none", STS)) for name in losses}
    return above_zero(over(list(worth.values())), means(worth, 1, "+"))
