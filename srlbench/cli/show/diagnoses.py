"""The results of `diagnose` and `shrink` as tables and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from srlbench.analysis.table import Cell, Column, Line, Table, number, texts
from srlbench.cli.show.terminal import out, paragraph, warn, wrote
from srlbench.evaluation.shrink import Shrunk


def isotropy(result: Mapping[str, Any]) -> None:
    """One line for each layer, then the sentence vectors."""
    columns = {
        "self-similarity": "adjusted_self_similarity", "within a sentence": "adjusted_intra_similarity",
        "baseline": "baseline", "norm": "norm", "IsoScore": "isoscore", "effective rank": "effective_rank",
        "rogue dimensions": "rogue_share",
    }  # fmt: skip
    lines = [
        Line([Cell(str(layer["layer"])), *(number(layer[key]) for key in columns.values())])
        for layer in result["layers"]
    ]
    out.print(Table("isotropy", "", [Column("layer"), *map(Column, columns)], lines))
    out.print("The two similarities are adjusted: less the layer's baseline, the mean cosine of random tokens.")
    measures = ", ".join(
        f"{key.replace('_', ' ')} {value:.3f}" for key, value in result["sentence_vectors"].items() if value
    )
    paragraph(f"{result['sentences']} sentences; their vectors: {measures}")


MEASURES = (  # of the gradients of a loss: its title, in few words, its key, and what narrow terminals leave out first
    ("gradient dissipation (1: as with the positive opposite, 0: off)", "dissipation", "dissipation", 0),
    ("ratio", "ratio", "ratio", 0),
    ("unexplained by the paradigm", "unexplained", "unexplained", 0),
    ("pushes that pull", "pushes that pull", "negative_share", 2),
    ("share of the hardest negative", "hardest", "hardest_share", 1),
    ("anchors that come closer to their positive", "closer", "closer_share", 3),
    ("anchors that leave their hardest negative", "away", "away_share", 4),
    ("anchors counted for the last two", "counted", "counted", 5),
    ("cosine of the positive", "cosine of the positive", "cos_positive", 6),
    ("cosine of the hardest negative", "of the hardest", "cos_hardest", 7),
)


def gradients(result: Mapping[str, Mapping[str, float | None]]) -> None:
    """One column for each loss; of more than two, one line for each."""
    if len(result) > 2:
        columns = [Column("loss", "left"), *(Column(short, spare=spare) for _, short, _, spare in MEASURES)]
        lines = [Line(texts(name, *(_spread(v, key) for *_, key, _ in MEASURES))) for name, v in result.items()]
    else:
        columns = [Column("", "left"), *map(Column, result)]
        lines = [Line(texts(title, *(_spread(v, key) for v in result.values()))) for title, _, key, _ in MEASURES]
    out.print(Table("gradients", "", columns, lines))
    if all((values["cos_positive"] or 0) > 1 - 1e-6 for values in result.values()):
        warn("The two views of every sentence are equal: this encoder has no dropout, and its gradients mean little.")


def words(result: Mapping[str, Any]) -> None:
    """One line for each method, quantity and stage of training."""
    columns = [Column(title, "left") for title in ("weight by", "information", "when")]
    columns += map(Column, ("words", "R²", "slope", "95% interval", "Spearman"))
    lines = []
    for method, stages in result["methods"].items():
        for place, quantity in enumerate(("information_gain", "self_information")):
            for turn, (stage, relations) in enumerate(stages.items()):
                one = relations[quantity]
                when = f"{stage} training" if len(stages) > 1 else "now"
                named = method if not place and not turn else "", quantity.replace("_", " ") if not turn else "", when
                between = Cell(f"{one['low']:+.3f} to {one['high']:+.3f}", one["low"])
                values = [number(one["words"], "d"), number(one["r2"]), number(one["slope"], "+.3f")]
                lines.append(Line([*texts(*named), *values, between, number(one["spearman"], "+.3f")]))
    out.print(Table("words", "", columns, lines))
    paragraph(
        f"{result['sentences']} sentences; words that occur {result['least']} times or more in the corpus, each "
        "counted once at its mean weight."
    )
    if known := result["estimator"]:
        paragraph(
            f"Against what the generated language knows of {known['words']} words: self-information is off by "
            f"{known['self_information_error']:.3f} nats on average ({known['self_information_bias']:+.3f} signed), "
            "and information gain ranks them as the gain about the meaning does to "
            f"{known['gain_rank_correlation']:.2f}."
        )


def shrunk(result: Shrunk, path: Path) -> None:
    """The widths of each layer before and after, then the parameters, the speed and the largest difference."""
    lines = [
        Line(texts(str(place), *(f"{a} to {b}" if a != b else str(a) for a, b in zip(before, after))))
        for place, (before, after) in enumerate(zip(*result.sizes))
    ]
    out.print(Table("shrunk", "", [*map(Column, ("layer", "width of attention", "neurons"))], lines))
    (many, few), (slow, fast) = result.parameters, result.seconds
    paragraph(
        f"{many:,} parameters to {few:,}; {result.sentences} sentences in {slow:.2f} s and in {fast:.2f} s: "
        f"x{slow / fast:.2f}; no coordinate differs by more than {result.difference:.1g}."
    )
    wrote(path)


def _spread(values: Mapping[str, float | None], key: str) -> str:
    """Mean and sd over anchors, or the number itself."""
    mean, sd = values.get(f"{key}_mean", values.get(key)), values.get(f"{key}_sd")
    if mean is None:
        return "–"
    return f"{mean:.0f}" if key == "counted" else f"{mean:.3f}" + ("" if sd is None else f" ± {sd:.3f}")
