"""The diagnosis of a run: its encoder and the gradients of its loss during training, and the encoder at the end."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cached_property, partial
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from torch import Tensor

from srlbench import data
from srlbench.diagnostics import contextualization, gradients, information, words
from srlbench.diagnostics.clouds import alignment_uniformity
from srlbench.diagnostics.isotropy import Isotropy, isotropy, known
from srlbench.errors import SrlbenchError
from srlbench.evaluation.encoding import embed
from srlbench.evaluation.similarity import Undefined, cosines, spearman
from srlbench.shared import once
from srlbench.tracks import Track
from srlbench.training.encoder import identity

VectorsOf = Callable[[list[str]], NDArray[np.float32]]

ANCHORS = 16  # anchors for the gradients during training
SENTENCES = 200  # sentences for the isotropy measures
WEIGHED = 32  # sentences for the weights of words
METHODS: dict[str, dict[str, int]] = {"integrated-gradients": {}, "leave-one-out": {}}  # method -> its arguments
EXPLAINED: dict[str, dict[str, int]] = {"shapley": {"permutations": 5}}
OF_LAYER = ("adjusted_self_similarity", "intra_similarity", "adjusted_intra_similarity", "norm", "rogue_share")


class Diagnosis:
    """The measures of one run, on the test sentences of the track's development set.

    every: the number of steps between two measurements; None: the track's `observe_steps`. The last step is always
    measured. explain: also compute the weights of words by Shapley values. final: the encoder after the last step is
    the one that is evaluated.
    """

    def __init__(self, track: Track, every: int | None, explain: bool, final: bool = False) -> None:
        self.track, self.every, self.final = track, every, final
        self.methods = METHODS | EXPLAINED if explain else METHODS
        self.dev, self.pairs = (
            data.task(track.protocol, str(track.training["select_on"])).splits[split] for split in ("dev", "test")
        )
        self.sentences = list(dict.fromkeys(self.pairs["sentence1"]))
        self.last: int | None = None  # step
        self.before: Isotropy | None = None
        self.pairs_before: dict[str, Any] = {}

    @cached_property
    def worth(self) -> dict[str, information.Worth]:
        """The information of the words of the training text."""
        lines = [views[0] for views in data.training_text(self.track, "twins")]
        return once("worth", lambda: information.worth(lines), lines)

    def steps(self, last: int) -> frozenset[int]:
        """The steps to measure in a training of `last` steps."""
        self.last = last
        steps = range(0, last, self.every) if self.every else self.track.training.get("observe_steps", ())
        return frozenset({*(step for step in steps if step <= last), last})

    def begin(self, model: SentenceTransformer) -> None:
        """Measure the encoder before training; runs that begin with the same one share what was measured."""

        def measured() -> bytes:
            return pickle.dumps((self._isotropy(model), _tried(lambda: self._pairs(partial(embed, model)))))

        texts = [*self.sentences, *chain(*self._columns())]
        self.before, self.pairs_before = pickle.loads(once("before", measured, texts, model.tokenizer, identity(model)))

    def look(
        self, step: int, model: SentenceTransformer, loss: Callable[..., Tensor], *views: Tensor
    ) -> dict[str, Any]:
        """Measure one step: the gradients of the loss on a fixed batch, the development score, the isotropy."""
        slopes = {"gradients": _tried(lambda: _slopes(loss, *views))}
        if step == 0 and (before := self.before):
            return {**slopes, **self.pairs_before, **_tried(lambda: self._space(before))}
        if step == self.last and self.final:
            return slopes  # the evaluated encoder is this one: `conclude` measures it
        pairs = _tried(lambda: self._pairs(partial(embed, model)))
        return {**slopes, **pairs, **_tried(lambda: self._space(self._isotropy(model)))}

    def conclude(
        self, model: SentenceTransformer, vectors: VectorsOf, dynamics: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Measure the evaluated encoder: every layer, its sentence vectors, and the weights of words.

        vectors: those of texts, most of which were encoded for the evaluation. dynamics: what `look` measured, whose
        last step is completed here.
        """
        pairs = _tried(lambda: self._pairs(vectors))
        measured: dict[str, Isotropy] = {}

        def space() -> dict[str, Any]:
            measures = measured["end"] = self._isotropy(model)
            layers = [layer.as_dict() for layer in measures.layers]
            vectors = measures.sentences.as_dict()
            return {"sentences": len(self.sentences[:SENTENCES]), "layers": layers, "sentence_vectors": vectors}

        isotropy = _tried(space)
        if self.final and dynamics and "dev" not in dynamics[-1]:
            end = _tried(lambda: self._space(measured["end"])) if measured else isotropy
            dynamics[-1] |= {**pairs, **end}
        return {
            "pairs": pairs,
            "isotropy": isotropy,
            "words": {method: _tried(partial(self._words, model, method)) for method in self.methods},
        }

    def _isotropy(self, model: SentenceTransformer) -> Isotropy:
        return isotropy(model, self.sentences[:SENTENCES])

    def _space(self, measures: Isotropy) -> dict[str, Any]:
        return {**_last_layer(measures), **self._change(measures)}

    def _change(self, after: Isotropy) -> dict[str, float | None]:
        """The change of adjusted self-similarity in training, by kind of token and against the words' information."""
        if self.before is None:
            return {}
        information = {word: worth.self_information for word, worth in self.worth.items()}
        change = contextualization.change(after, self.before, information)
        kinds = {kind: known(change.mean(kind)) for kind in ("function", "content")}
        return {**kinds, "change_to_information": known(change.information)}

    def _pairs(self, vectors: VectorsOf) -> dict[str, float]:
        """The development score, and alignment and uniformity on the test pairs."""
        columns = self._columns()
        found = torch.from_numpy(vectors(list(chain(*columns))))
        a, b, x, y = torch.split(found, [len(column) for column in columns])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Undefined)
            dev = spearman(cosines(a.numpy(), b.numpy()), self.dev["score"])
        return {"dev": dev, **alignment_uniformity(x, y, torch.tensor(list(self.pairs["score"])))}

    def _columns(self) -> list[list[str]]:
        """The two sides of the development pairs, and of the test pairs."""
        return [list(split[key]) for split in (self.dev, self.pairs) for key in ("sentence1", "sentence2")]

    def _words(self, model: SentenceTransformer, method: str) -> dict[str, Any]:
        """The relation between the mean weight of a word and its information."""
        weights = words.average(words.METHODS[method](model, self.sentences[:WEIGHED], **self.methods[method]))
        return {"sentences": WEIGHED, **related(weights, self.worth)}


def _slopes(loss: Callable[..., Tensor], *views: Tensor) -> dict[str, Any]:
    """The components of the gradient on the first view; the views after the second stay constant."""
    if len(views) < 2:
        raise SrlbenchError("This recipe has a single view, so there is no loss of pairs to look at.")
    a, b, *others = views
    return {**gradients.statistics(lambda x, y: loss(x, y, *others), a, b, anchors=ANCHORS)}


def related(weights: Mapping[str, float], worth: Mapping[str, information.Worth]) -> dict[str, Any]:
    """The regressions of weights on the two measures of information, in JSON types."""
    measures = {
        "information_gain": {word: one.gain for word, one in worth.items()},
        "self_information": {word: one.self_information for word, one in worth.items()},
    }
    return {name: asdict(information.relate(weights, values)) for name, values in measures.items()}


def _last_layer(measures: Isotropy) -> dict[str, Any]:
    """The measures of the last layer and of the sentence vectors."""
    layer, vectors = measures.layers[-1].as_dict(), measures.sentences.as_dict()
    return {
        "anisotropy": layer["baseline"],
        **{key: layer[key] for key in OF_LAYER},
        "token_isoscore": layer["isoscore"],
        "sentence_cosine": vectors["mean_cosine"],
        "sentence_isoscore": vectors["isoscore"],
        "sentence_effective_rank": vectors["effective_rank"],
        "hubness": vectors["hubness"],
    }


def _tried(measure: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """The numbers of a measure, or the reason why it failed: a failed measure must not cost the run its scores."""
    try:
        return dict(measure())
    except (SrlbenchError, ValueError) as error:
        return {"error": str(error)}
