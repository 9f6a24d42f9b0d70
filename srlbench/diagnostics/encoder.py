"""Diagnoses of one encoder: its gradients, its isotropy, and its weights of words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from math import log
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from srlbench import backbones, data, losses, records, registry, variants
from srlbench.errors import SrlbenchError, UsageError, unknown
from srlbench.evaluation import encoders
from srlbench.evaluation.reading import Reading
from srlbench.recipe import Loss, LossFunction, parameters
from srlbench.records import cores
from srlbench.tracks import Track
from srlbench.tracks.resolve import resolved

Weighed = dict[str, dict[str, list[list[tuple[str, float]]]]]  # by method, then "before" and "after": a list a sentence


@dataclass(frozen=True)
class Subject:
    """An encoder, itself or by folder, run, backbone or Hub name, and how the vectors of a plain model are read."""

    model: Any
    reading: Reading
    results: Path
    seed: int = 0

    @property
    def name(self) -> str:
        return self.model if isinstance(self.model, str) else encoders.called(self.model)

    def location(self) -> Any:
        """The path or name of the encoder, or itself."""
        return self.located[0]

    @cached_property
    def located(self) -> tuple[Any, Reading]:
        return encoders.located(self.model, self.reading, self.results)

    def load(self) -> Any:
        from srlbench.evaluation import external

        return external.quietly(*self.located, self.seed, cores())

    def origin(self, rules: Track) -> Subject | None:
        """The backbone that a run's encoder was trained from, pooled as in its recipe; None if it is of no run."""
        parts = Path(self.location()).parts if isinstance(self.model, str) else ()
        if len(parts) < 5 or parts[-5] != "encoders":
            return None
        try:
            entry, backbone = registry.recipe(unquote(parts[-4]), ()), backbones.resolve(unquote(parts[-3]))
            recipe = resolved(entry, rules, backbone)
            reading = Reading(recipe.pool, recipe.layers, recipe.attention)
            return Subject(str(backbones.fetch(backbone)), reading, self.results)
        except UsageError:
            return None


def gradients(
    subject: Subject, names: Sequence[str], rules: Track, text: Path | None, pairs: int
) -> dict[str, dict[str, float | None]]:
    """The components of each loss's gradient, on two dropout views of sentences."""
    chosen = {name: loss(name) for name in names}
    where = subject.located  # refused before torch is loaded
    from srlbench.diagnostics.gradients import statistics
    from srlbench.evaluation import external

    a, b = external.twins(*where, _texts(text, rules)[:pairs], subject.seed, cores())
    if len(a) >= a.shape[1] - 1:
        raise UsageError(
            f"{len(a)} pairs of {a.shape[1]} dimensions leave nothing unexplained; "
            f"at most {a.shape[1] - 2} do, see --pairs."
        )
    return {name: statistics(each, a, b) for name, each in chosen.items()}


def isotropy(subject: Subject, rules: Track, text: Path | None, sentences: int, as_published: bool) -> dict[str, Any]:
    """The measures of the encoder's layers and sentence vectors, as plain values."""
    lines = _texts(text, rules)[:sentences]
    from srlbench.diagnostics import isotropy as measures

    return measures.isotropy(subject.load(), lines, seed=subject.seed, as_published=as_published).as_dict()


@dataclass(frozen=True)
class Weighing:
    """How the words of sentences are weighed, and by which text their information is counted."""

    methods: Sequence[str] = ("integrated-gradients", "leave-one-out")
    sentences: Path | None = None  # whose words are weighed, one a line; None: the track's test sentences
    count: int = 200  # how many of them
    corpus: Path | None = None  # None: the track's training text
    least: int = 10  # occurrences there of a word that counts
    unit: bool = False  # weigh in the embedding divided by its length

    def __post_init__(self) -> None:
        from srlbench.diagnostics.words import METHODS

        for name in self.methods:
            if name not in METHODS:
                raise unknown("method", name, METHODS)


def words(
    subject: Subject, track: Track, weighing: Weighing, before: Subject | None, report: Callable[[str, int, int], None]
) -> tuple[dict[str, Any], Weighed]:
    """The relation between the weights that an encoder gives words and their information, also before training.

    before: the encoder before training; None: the backbone, if the encoder is that of a run.
    """
    from srlbench.diagnostics import information
    from srlbench.diagnostics.run import related
    from srlbench.diagnostics.words import average

    before = before or subject.origin(track)
    stages = {"before": before, "after": subject} if before else {"after": subject}
    lines = _texts(weighing.sentences, track, "test")[: weighing.count]
    try:
        worth = information.worth(_texts(weighing.corpus, track, distinct=False), least=weighing.least)
        weighed = _weighed(stages, lines, weighing, report)
        means = _each(weighed, average)
        relations = _each(means, partial(related, worth=worth))
    except ValueError as error:
        raise SrlbenchError(f"{error}") from error
    seen = sorted(set.intersection(*(set(each) for stages in means.values() for each in stages.values())) & set(worth))
    found = {
        "model": subject.name,
        "before": before.name if before else None,
        "sentences": len(lines),
        "least": weighing.least,
        "unit": weighing.unit,
        "estimator": None if weighing.corpus or track.source != "language" else recovery(worth),
        "methods": relations,
        "words": {
            word: {
                "information_gain": worth[word].gain,
                "self_information": worth[word].self_information,
                "weights": _each(means, itemgetter(word)),
            }
            for word in seen
        },
    }
    return found, weighed


def _each(found: Mapping[str, Mapping[str, Any]], function: Callable[[Any], Any]) -> dict[str, dict[str, Any]]:
    """A function of the value of every method and stage."""
    return {name: {stage: function(value) for stage, value in stages.items()} for name, stages in found.items()}


def _weighed(
    stages: Mapping[str, Subject], lines: list[str], weighing: Weighing, report: Callable[[str, int, int], None]
) -> Weighed:
    """The weight of every word, by each method, before training and after."""
    from srlbench.diagnostics.words import METHODS

    weighed: Weighed = {name: {} for name in weighing.methods}
    turns = len(weighing.methods)
    for number, (stage, each) in enumerate(stages.items()):
        encoder = each.load()
        for turn, name in enumerate(weighing.methods):
            report(f"weigh words {stage}", number * turns + turn, len(stages) * turns)
            options = {} if name == "mean-contributions" else {"unit": weighing.unit}
            weighed[name][stage] = METHODS[name](encoder, lines, **options)
    report("weigh words", 1, 1)
    return weighed


def recovery(worth: Mapping[str, Any]) -> dict[str, float]:
    """The error of the estimated information of words, against the exact one of the generated language.

    The probability of a word is known exactly. Its gain is known about the meaning of the sentence, not about the
    words beside it, so that the two have an order in common and no unit.
    """
    from scipy.stats import spearmanr

    from srlbench.data import language

    known = language.information()
    both = [word for word in worth if word in known]
    off = [worth[word].self_information - log(2) * known[word].self_information for word in both]
    ranks = spearmanr([worth[word].gain for word in both], [known[word].gain for word in both]).statistic
    return {
        "words": len(both),
        "self_information_bias": sum(off) / len(off),
        "self_information_error": sum(map(abs, off)) / len(off),
        "gain_rank_correlation": float(ranks),
    }


def write(found: Mapping[str, Any], path: Path) -> Path:
    records.write_text(path, to_json(found))
    return path


def to_json(found: Mapping[str, Any]) -> str:
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def loss(name: str) -> LossFunction:
    """A registered loss with the settings of its name: `arccon+degrees=5`."""
    losses.path(variants.base(name))
    settings = variants.parse(name) if variants.is_variant(name) else {}
    made = Loss(variants.base(name), **settings)
    for key in settings:
        if key not in parameters(made):
            raise unknown(f"setting of loss '{made.name}'", key, parameters(made))
    return partial(made.load(), **settings)


def _texts(path: Path | None, rules: Track, split: str = "train", distinct: bool = True) -> list[str]:
    """The lines of a file, or the track's training text, or the test sentences of its development set."""
    if path is None and split == "test":
        lines = list(data.task(rules.protocol, str(rules.training["select_on"])).splits["test"]["sentence1"])
    elif path is None:
        lines = [views[0] for views in data.training_text(rules, "twins")]
    else:
        try:
            lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"Cannot read {path}: {error}.") from error
    return list(dict.fromkeys(lines)) if distinct else lines
