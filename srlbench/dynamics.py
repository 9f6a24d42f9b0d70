"""What runs saw of their own training, as series over its steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from srlbench.records import Record

Series = dict[str, list[float | None]]  # "step", and a value of each measure at every step
# A measure's name, where a look has it, and what a figure calls it.
MEASURES: Mapping[str, tuple[str, str]] = {
    "dev": ("dev", "dev (Spearman × 100)"),
    "anisotropy": ("anisotropy", "anisotropy (mean cosine)"),
    "intra": ("intra_similarity", "intra-sentence similarity"),
    "self": ("adjusted_self_similarity", "self-similarity, adjusted"),
    "function": ("function", "change of function words"),
    "content": ("content", "change of content words"),
    "norm": ("norm", "norm of a token's vector"),
    "uniformity": ("uniformity", "uniformity"),
    "alignment": ("alignment", "alignment"),
    "isoscore": ("sentence_isoscore", "IsoScore of sentences"),
    "dissipation": ("gradients.dissipation_mean", "gradient dissipation"),
    "ratio": ("gradients.ratio_median", "ratio"),
    "unexplained": ("gradients.unexplained_mean", "unexplained share"),
    "rank": ("sentence_effective_rank", "effective rank of sentences"),
    "hubness": ("hubness", "hubness"),
}
GRADIENTS = ("dissipation", "ratio")
SPACE = tuple(MEASURES)[:12]


def series(record: Record, measures: Sequence[str]) -> Series | None:
    """Of one run; None if it did not look."""
    looks = record.diagnostics.get("dynamics") or ()
    steps: list[float | None] = [record.measured(f"dynamics.{place}.step") for place in range(len(looks))]
    found = {
        name: [record.measured(f"dynamics.{place}.{MEASURES[name][0]}") for place in range(len(looks))]
        for name in measures
    }
    return {"step": steps, **found} if any(value is not None for each in found.values() for value in each) else None


def by_recipe(records: Iterable[Record], measures: Sequence[str]) -> dict[str, list[Series]]:
    """One series a seed for every recipe or variant, in the order of their names."""
    out: dict[str, list[Series]] = {}
    for record in sorted(records, key=lambda each: (each.recipe, each.seed)):
        if (found := series(record, measures)) is not None:
            out.setdefault(record.recipe, []).append(found)
    return out
