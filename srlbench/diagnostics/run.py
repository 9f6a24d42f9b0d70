"""What is looked at in a run: its encoder and the gradients of its loss while it trains, and the encoder at its end."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cached_property, partial
from itertools import chain
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor

from srlbench import data
from srlbench.diagnostics import contextualization, gradients, information, words
from srlbench.diagnostics.geometry import alignment_uniformity
from srlbench.diagnostics.isotropy import Isotropy, isotropy
from srlbench.errors import SrlbenchError
from srlbench.evaluation.similarity import Undefined, cosines, spearman
from srlbench.tracks import Track

ANCHORS = 16  # whose gradients are looked at while training
SENTENCES = 200  # whose tokens are looked at
WEIGHED = 32  # whose words are weighed
METHODS: dict[str, dict[str, int]] = {"integrated-gradients": {}, "leave-one-out": {}}  # with their arguments
EXPLAINED: dict[str, dict[str, int]] = {"shapley": {"permutations": 5}}
OF_LAYER = ("adjusted_self_similarity", "intra_similarity", "adjusted_intra_similarity", "norm", "rogue_share")


class Diagnosis:
    """The measures of one run, on the test sentences of the track's development set; it changes nothing it looks at.

    every: look every so many steps of the training; None: at the track's `observe_steps`. The last is always seen.
    explain: weigh words by Shapley values too.
    """

    def __init__(self, track: Track, every: int | None, explain: bool) -> None:
        self.track, self.every = track, every
        self.methods = METHODS | EXPLAINED if explain else METHODS
        self.dev, self.pairs = (
            data.task(track.protocol, str(track.training["select_on"])).splits[split] for split in ("dev", "test")
        )
        self.sentences = list(dict.fromkeys(self.pairs["sentence1"]))
        self.before: Isotropy | None = None

    @cached_property
    def worth(self) -> dict[str, information.Worth]:
        """Of the words of the training text."""
        return information.worth(views[0] for views in data.training_text(self.track, "twins"))

    def steps(self, last: int) -> frozenset[int]:
        """Of a training of so many steps, those that are looked at."""
        asked = range(0, last, self.every) if self.every else self.track.training.get("observe_steps", ())
        return frozenset({*(step for step in asked if step <= last), last})

    def begin(self, model: SentenceTransformer) -> None:
        """Look at the encoder that training starts from."""
        self.before = self._isotropy(model)

    def look(self, model: SentenceTransformer, loss: Callable[..., Tensor], *views: Tensor) -> dict[str, Any]:
        """Of one step: the gradients of the loss on a fixed batch, the development score, the space of the vectors."""
        a, b, *negatives = views

        def of_pair(x: Tensor, y: Tensor) -> Tensor:
            return loss(x, y, *negatives)  # hard negatives are there, and stay as they are

        def space() -> dict[str, Any]:
            found = self._isotropy(model)
            return {**_last(found), **self._change(found)}

        return {
            "gradients": _tried(lambda: {**gradients.statistics(of_pair, a, b, anchors=ANCHORS)}),
            **_tried(lambda: self._pairs(model)),
            **_tried(space),
        }

    def conclude(self, model: SentenceTransformer) -> dict[str, Any]:
        """Of the encoder as it was evaluated: every layer, its sentence vectors, what its words weigh."""

        def space() -> dict[str, Any]:
            found = self._isotropy(model)
            layers = [layer.as_dict() for layer in found.layers]
            vectors = found.sentences.as_dict()
            return {"sentences": len(self.sentences[:SENTENCES]), "layers": layers, "sentence_vectors": vectors}

        return {
            "pairs": _tried(lambda: self._pairs(model)),
            "isotropy": _tried(space),
            "words": {method: _tried(partial(self._words, model, method)) for method in self.methods},
        }

    def _isotropy(self, model: SentenceTransformer) -> Isotropy:
        return isotropy(model, self.sentences[:SENTENCES])

    def _change(self, found: Isotropy) -> dict[str, float | None]:
        """How adjusted self-similarity changed since the start, by kind of token and with the information of words."""
        if self.before is None:
            return {}
        known = {word: each.self_information for word, each in self.worth.items()}
        seen = contextualization.change(found, self.before, information=known).as_dict()
        kinds = {kind: seen[kind]["mean"] for kind in ("function", "content")}
        return {**kinds, "change_to_information": seen["information"]["spearman"]}

    def _pairs(self, model: SentenceTransformer) -> dict[str, float]:
        """What graded pairs say: the development score, and alignment and uniformity on the test pairs."""
        columns = [list(split[key]) for split in (self.dev, self.pairs) for key in ("sentence1", "sentence2")]
        with torch.inference_mode():
            vectors = model.encode(list(chain(*columns)), show_progress_bar=False, convert_to_tensor=True).cpu()
        a, b, x, y = torch.split(vectors, [len(column) for column in columns])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Undefined)
            dev = spearman(cosines(a.numpy(), b.numpy()), self.dev["score"])
        return {"dev": dev, **alignment_uniformity(x, y, torch.tensor(list(self.pairs["score"])))}

    def _words(self, model: SentenceTransformer, method: str) -> dict[str, Any]:
        """How the mean weight of a word goes with what it is worth."""
        weights = words.average(words.METHODS[method](model, self.sentences[:WEIGHED], **self.methods[method]))
        return {"sentences": WEIGHED, **related(weights, self.worth)}


def related(weights: Mapping[str, float], worth: Mapping[str, information.Worth]) -> dict[str, Any]:
    """The regression of weights on each of the two quantities of information, as plain values."""
    quantities: dict[str, Callable[[information.Worth], float]] = {
        "information_gain": lambda each: each.gain,
        "self_information": lambda each: each.self_information,
    }
    found = {
        name: information.relate(weights, {word: of(each) for word, each in worth.items()})
        for name, of in quantities.items()
    }
    return {name: asdict(relation) for name, relation in found.items()}


def _last(found: Isotropy) -> dict[str, Any]:
    """What is said of the last layer and of the sentence vectors."""
    layer, vectors = found.layers[-1].as_dict(), found.sentences.as_dict()
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
    """A measure that cannot be taken must not cost the run its scores: its reason stands where its numbers would."""
    try:
        return dict(measure())
    except (SrlbenchError, ValueError) as error:
        return {"error": str(error)}
