"""Learning dynamics: what runs measured while they trained, as series over the steps and as a figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from srlbench import registry
from srlbench.analysis.results import Results
from srlbench.errors import SrlbenchError, UsageError, unknown
from srlbench.records import Record
from srlbench.variants import is_variant

Series = dict[str, list[float | None]]  # "step", and a value of each measure at every step
# By a measure's name: its path in what a run observes at a step, and its title in a figure.
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
    """The series of one run; None if it did not take these measures."""
    looks = record.diagnostics.get("dynamics") or ()
    steps: list[float | None] = [record.measured(f"dynamics.{place}.step") for place in range(len(looks))]
    found = {
        name: [record.measured(f"dynamics.{place}.{MEASURES[name][0]}") for place in range(len(looks))]
        for name in measures
    }
    return {"step": steps, **found} if any(value is not None for each in found.values() for value in each) else None


def by_recipe(records: Iterable[Record], measures: Sequence[str]) -> dict[str, list[Series]]:
    """Recipe or variant -> one series for each seed, in the order of the names."""
    out: dict[str, list[Series]] = {}
    for record in sorted(records, key=lambda each: (each.recipe, each.seed)):
        if (found := series(record, measures)) is not None:
            out.setdefault(record.recipe, []).append(found)
    return out


def draw(results: Results, chosen: Sequence[str], measures: Sequence[str], out: Path | None = None) -> Path:
    """Draw the dynamics of chosen recipes as one line each, or of all recipes in a panel each."""
    for name in measures:
        if name not in MEASURES:
            raise unknown("measure", name, MEASURES)
    wanted = tuple(dict.fromkeys(measures)) or (SPACE if chosen else GRADIENTS)
    found = by_recipe(results.fresh, wanted)
    for name in chosen:
        registry.recipe(name, results.files)
    missing = [name for name in chosen if name not in found]
    if missing or not found:
        what = ", ".join(missing) or f"track {results.track.name}"
        raise SrlbenchError(f"No run of {what} in {results.path} was looked at for that; `srlbench run` makes some.")
    from srlbench.analysis import figures

    path = out or results.folder / ("-".join(("dynamics", *chosen, *measures)) + ".svg")
    try:
        if chosen and len(chosen) <= figures.MOST_LINES:
            titles = {name: MEASURES[name][1] for name in wanted}
            figures.measures({name: found[name] for name in chosen}, path, panels=titles, name="recipe")
        else:
            kept = {name: runs for name, runs in found.items() if (name in chosen if chosen else not is_variant(name))}
            figures.dynamics(kept, path, panels=wanted)
    except (OSError, ValueError) as error:
        raise UsageError(f"Cannot draw: {error}") from error
    return path
