"""The diagnosis of one existing encoder: its gradients, its isotropy, and the weights of words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import log
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from srlbench import backbones, data, losses, records, registry, variants
from srlbench.errors import SrlbenchError, UsageError, unknown
from srlbench.evaluation import encoders
from srlbench.recipe import Loss, LossFunction, parameters
from srlbench.records import cores
from srlbench.tracks import Track
from srlbench.tracks.resolve import resolved

# Method -> "before" or "after" -> for each sentence its words and their weights.
Weighed = dict[str, dict[str, list[list[tuple[str, float]]]]]


@dataclass(frozen=True)
class Subject:
<<<<<<< HEAD
    """An encoder, itself or by folder, run, backbone or Hub name, and how a plain model is pooled."""
=======
    """An encoder to diagnose: its folder, run, backbone or Hub name, and the pooling of a plain model."""
>>>>>>> wt-d

    model: Any
    pool: str | None
    results: Path
    seed: int = 0

<<<<<<< HEAD
    @property
    def name(self) -> str:
        return self.model if isinstance(self.model, str) else encoders.called(self.model)

    def place(self) -> Any:
        """Where the encoder is, or itself."""
        return encoders.encoder_folder(self.model, self.results) if isinstance(self.model, str) else self.model
=======
    def folder(self) -> str:
        return encoders.encoder_folder(self.model, self.results)
>>>>>>> wt-d

    def load(self) -> Any:
        from srlbench.evaluation import external

        return external.quietly(self.folder(), self.pool, self.seed, cores())

    def origin(self, rules: Track) -> Subject | None:
<<<<<<< HEAD
        """What a run of this folder's started from, pooled as its recipe pools; None of any other encoder."""
        parts = Path(self.place()).parts if isinstance(self.model, str) else ()
=======
        """The backbone of a run's encoder, with the pooling of its recipe; None for any other encoder."""
        parts = Path(self.folder()).parts
>>>>>>> wt-d
        if len(parts) < 5 or parts[-5] != "encoders":
            return None
        try:
            entry, backbone = registry.recipe(unquote(parts[-4]), ()), backbones.resolve(unquote(parts[-3]))
            return Subject(str(backbone.path), resolved(entry, rules, backbone).pool, self.results)
        except UsageError:
            return None


def gradients(
    subject: Subject, names: Sequence[str], rules: Track, text: Path | None, pairs: int
) -> dict[str, dict[str, float | None]]:
    """The statistics of each loss's gradient on pairs of dropout views from the encoder."""
    chosen = {name: loss(name) for name in names}
    folder = subject.folder()
    from srlbench.diagnostics.gradients import statistics
    from srlbench.evaluation import external

    a, b = external.twins(folder, subject.pool, _texts(text, rules)[:pairs], subject.seed, cores())
    if len(a) >= a.shape[1] - 1:
        raise UsageError(
            f"{len(a)} pairs of {a.shape[1]} dimensions leave nothing unexplained; "
            f"at most {a.shape[1] - 2} do, see --pairs."
        )
    return {name: statistics(function, a, b) for name, function in chosen.items()}


def isotropy(subject: Subject, rules: Track, text: Path | None, sentences: int, as_published: bool) -> dict[str, Any]:
    """The isotropy measures of the encoder's layers and sentence vectors, in JSON types."""
    lines = _texts(text, rules)[:sentences]
    from srlbench.diagnostics import isotropy as measures

    return measures.isotropy(subject.load(), lines, seed=subject.seed, as_published=as_published).as_dict()


@dataclass(frozen=True)
class Weighing:
    """The settings of an analysis of word weights: methods, sentences, and the corpus for the words' information."""

    methods: Sequence[str] = ("integrated-gradients", "leave-one-out")
    sentences: Path | None = None  # a file with one sentence per line; None: the track's test sentences
    count: int = 200  # sentences to use
    corpus: Path | None = None  # None: the track's training text
    least: int = 10  # occurrences in the corpus that a word needs
    unit: bool = False  # divide the embedding by its length

    def __post_init__(self) -> None:
        from srlbench.diagnostics.words import METHODS

        for name in self.methods:
            if name not in METHODS:
                raise unknown("method", name, METHODS)


def words(
    subject: Subject, track: Track, weighing: Weighing, before: Subject | None, report: Callable[[str, int, int], None]
) -> tuple[dict[str, Any], Weighed]:
    """The relation between an encoder's word weights and the words' information, after and before training.

    before: the encoder before training; None means the backbone of the run, if the encoder comes from a run.
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
        means = {name: {stage: average(w) for stage, w in s.items()} for name, s in weighed.items()}
        relations = {name: {stage: related(w, worth) for stage, w in s.items()} for name, s in means.items()}
    except ValueError as error:
        raise SrlbenchError(f"{error}") from error
<<<<<<< HEAD
    seen = sorted(set.intersection(*(set(each) for those in means.values() for each in those.values())) & set(worth))
    found = {
        "model": subject.name,
        "before": before.name if before else None,
=======
    common = sorted(set.intersection(*(set(w) for s in means.values() for w in s.values())) & set(worth))
    findings = {
        "model": subject.model,
        "before": before.model if before else None,
>>>>>>> wt-d
        "sentences": len(lines),
        "least": weighing.least,
        "unit": weighing.unit,
        "estimator": None if weighing.corpus or track.source != "language" else recovery(worth),
        "methods": relations,
        "words": {
            word: {
                "information_gain": worth[word].gain,
                "self_information": worth[word].self_information,
                "weights": {name: {stage: w[word] for stage, w in s.items()} for name, s in means.items()},
            }
            for word in common
        },
    }
    return findings, weighed


def _weighed(
    stages: Mapping[str, Subject], lines: list[str], weighing: Weighing, report: Callable[[str, int, int], None]
) -> Weighed:
    """The weights of all words in the sentences, for each method and stage."""
    from srlbench.diagnostics.words import METHODS

    weighed: Weighed = {name: {} for name in weighing.methods}
    count = len(weighing.methods)
    for index, (stage, subject) in enumerate(stages.items()):
        encoder = subject.load()
        for number, name in enumerate(weighing.methods):
            report(f"weigh words {stage}", index * count + number, len(stages) * count)
            weighed[name][stage] = METHODS[name](encoder, lines, **_arguments(name, weighing.unit))
    report("weigh words", 1, 1)
    return weighed


def recovery(worth: Mapping[str, Any]) -> dict[str, float]:
    """The errors of the estimated information of words against the true values of the generated language.

    The true probability of a word is exact. The true gain is about the meaning of the sentence, and the estimated gain
    is about the words beside it: so the two can be compared by rank alone.
    """
    from scipy.stats import spearmanr

    from srlbench.data import language

    known = language.information()
    both = [word for word in worth if word in known]
    errors = [worth[word].self_information - log(2) * known[word].self_information for word in both]
    correlation = spearmanr([worth[word].gain for word in both], [known[word].gain for word in both]).statistic
    return {
        "words": len(both),
        "self_information_bias": sum(errors) / len(errors),
        "self_information_error": sum(map(abs, errors)) / len(errors),
        "gain_rank_correlation": float(correlation),
    }


def write(found: Mapping[str, Any], path: Path) -> Path:
    records.write_text(path, to_json(found))
    return path


def to_json(found: Mapping[str, Any]) -> str:
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def loss(name: str) -> LossFunction:
    """The registered loss with this name, which may contain settings: `arccon+degrees=5`."""
    losses.path(variants.base(name))
    settings = variants.parse(name) if variants.is_variant(name) else {}
    made = Loss(variants.base(name), **settings)
    for key in settings:
        if key not in parameters(made):
            raise unknown(f"setting of loss '{made.name}'", key, parameters(made))
    return partial(made.load(), **settings)


def _arguments(method: str, unit: bool) -> dict[str, bool]:
    return {} if method == "mean-contributions" else {"unit": unit}


def _texts(path: Path | None, rules: Track, split: str = "train", distinct: bool = True) -> list[str]:
    """The lines of a file; without one, the track's training text or the test sentences of its development set."""
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
