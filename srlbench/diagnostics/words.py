"""The weight that an encoder f gives each word of a sentence s, by five methods.

integrated_gradients    |A_w|, A_w = the integral over the path of J_w (x_w - x'_w): the vector of the integrated
                        gradients of every coordinate of f, over all pieces of the word; the A_w sum to f(x) - f(x').
projected_gradients     A_w . f(s)/|f(s)|: the same along that one direction, signed; one backward pass a step (captum).
shapley                 Shapley values of f . f(s)/|f(s)|, by permutations (shap); signed.
leave_one_out           |f(s) - f(s without the word's pieces)|.
mean_contributions      |the word's part of the mean over pieces|, before the modules after the pooling.

x is the input embeddings of s. x' is those of s with every piece except the special tokens replaced by [MASK] or [PAD].
J_w is the Jacobian in the word's pieces. Positions stay, and attention covers all pieces. Shapley values replace words
in the same way. With unit=True, f is divided by its length everywhere. Pieces that belong to no word (punctuation) are
replaced too; their weights are part of the sums but are not listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import normalize

from srlbench.diagnostics.reader import PIECES, Reader, Sentence, batches
from srlbench.errors import SrlbenchError, UsageError

Weights = list[list[tuple[str, float]]]  # for each text, its words in order with their weights
STEPS = (8, 16, 64, 256)  # of integrated gradients; the next number is tried if attributions are incomplete
GAP = 0.01  # the share of |f(x) - f(x')| that attributions may miss


class Incomplete(SrlbenchError):
    """Attributions whose sum is not the difference that they explain."""


def integrated_gradients(
    encoder: SentenceTransformer,
    texts: Sequence[str],
    *,
    baseline: str = "mask",
    steps: int | None = None,
    unit: bool = False,
    tolerance: float = GAP,
) -> Weights:
    """The length of each word's vector of integrated gradients, over all coordinates of the embedding.

    steps: None takes as many as each sentence needs for complete attributions.
    """
    reader = Reader(encoder, baseline=baseline, unit=unit)
    attributions = [(s, vectors(reader, s, steps=steps, tolerance=tolerance)) for s in reader.read(texts)]
    return [_listed(s, rows.norm(dim=-1)) for s, rows in attributions]


def vectors(reader: Reader, sentence: Sentence, *, steps: int | None = None, tolerance: float = GAP) -> Tensor:
    """The A_w of a sentence's words, one in each row; a last row is for pieces of no word, if any."""
    for number in STEPS[:-1] if steps is None else ():
        with suppress(Incomplete):
            return _integrals(reader, sentence, number, tolerance)
    return _integrals(reader, sentence, steps or STEPS[-1], tolerance)


def _integrals(reader: Reader, sentence: Sentence, steps: int, tolerance: float) -> Tensor:
    """The same as `vectors` with a fixed number of steps.

    Forward-mode differentiation needs one product with the Jacobian for A_w at each step, whatever the width; gradients
    need one for each coordinate. The steps are the Gauss-Legendre nodes. The steps of all words together fill a batch.
    """
    parts = sentence.parts
    both = torch.stack((sentence.ids, reader.baseline_pieces(sentence)))
    ends = reader.vectors_of(sentence.ids.expand(2, -1), both)
    x, start = reader.layer(both).detach().split(1)
    directions = (x - start) * parts[:, None, :, None]
    total = torch.zeros(len(parts), ends.shape[1], device=x.device)
    if not len(parts):
        return total
    nodes, shares = (torch.as_tensor(v, dtype=x.dtype, device=x.device) for v in np.polynomial.legendre.leggauss(steps))
    passes = min(steps, -(-steps * parts.numel() // PIECES))
    words = max(1, PIECES // parts.shape[1])  # at a time: for a long text, even one step of all words is too much
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):  # fused attention has no forward mode
        for node, share in zip(nodes.tensor_split(passes), shares.tensor_split(passes)):
            path = start + (node[:, None, None] + 1) / 2 * (x - start)
            ids = sentence.ids.expand(len(node), -1)

            def along(v: Tensor, path: Tensor = path, ids: Tensor = ids) -> Tensor:
                def f(embedded: Tensor) -> Tensor:
                    with reader.with_embeddings(embedded):
                        return reader(ids)

                product: Tensor = torch.func.jvp(f, (path,), (v.expand_as(path),))[1]
                return product

            total += torch.einsum("wkd,k->wd", torch.vmap(along, chunk_size=words)(directions), share / 2)
    _check((total.sum(0) - (ends[0] - ends[1])).norm(), ends[0], ends[1], tolerance, steps)
    return total


def projected_gradients(
    encoder: SentenceTransformer,
    texts: Sequence[str],
    *,
    baseline: str = "mask",
    steps: int = 50,
    unit: bool = False,
    tolerance: float = GAP,
) -> Weights:
    """Integrated gradients of the embedding's component along itself; this is cheaper for wide and deep encoders."""
    captum = _explainer("captum.attr")
    reader = Reader(encoder, baseline=baseline, unit=unit)
    sentences = reader.read(texts)
    weights: Weights = [[] for _ in sentences]

    def along(ids: Tensor, direction: Tensor) -> Tensor:
        return (reader(ids) * direction).sum(-1)

    method = captum.LayerIntegratedGradients(along, reader.layer)
    for at in batches([s.ids for s in sentences], max(1, PIECES // steps)):
        if not any(sentences[i].words for i in at):
            continue
        ids, empty = (
            torch.stack(x) for x in zip(*((sentences[i].ids, reader.baseline_pieces(sentences[i])) for i in at))
        )
        whole, rest = (reader.vectors_of(ids, pieces) for pieces in (ids, empty))
        direction = normalize(whole, dim=-1)
        attributions = method.attribute(
            ids, empty, additional_forward_args=(direction,), n_steps=steps, internal_batch_size=max(len(at), 512)
        ).sum(-1)
        _check(attributions.sum(-1) - ((whole - rest) * direction).sum(-1), whole, rest, tolerance, steps)
        for i, pieces in zip(at, attributions):
            weights[i] = _listed(sentences[i], sentences[i].parts.to(pieces.dtype) @ pieces)
    return weights


def shapley(
    encoder: SentenceTransformer,
    texts: Sequence[str],
    *,
    baseline: str = "mask",
    permutations: int = 10,
    unit: bool = False,
    seed: int = 0,
) -> Weights:
    """Shapley values of the embedding's component along itself, over random orders and their reverses."""
    shap = _explainer("shap")
    reader = Reader(encoder, baseline=baseline, unit=unit)
    weights: Weights = []
    state = np.random.get_state()  # shap seeds numpy's global generator
    try:
        for sentence in reader.read(texts):
            parts, empty = sentence.parts, reader.baseline_pieces(sentence)
            direction = normalize(reader.vectors([sentence.ids]), dim=-1)[0]

            def along(here: Any, s: Sentence = sentence, empty: Tensor = empty, direction: Tensor = direction) -> Any:
                present = torch.as_tensor(np.asarray(here) > 0, device=s.of.device)
                kept = (present.to(torch.float32) @ s.parts.to(torch.float32) > 0) | (s.of < 0)
                rows = reader.vectors_of(s.ids.expand(len(kept), -1), s.ids.where(kept, empty))
                return (rows @ direction).double().cpu().numpy()

            players = len(parts)
            if not sentence.words:
                weights.append([])
                continue
            explainer = shap.PermutationExplainer(along, shap.maskers.Independent(np.zeros((1, players))), seed=seed)
            explained = explainer(np.ones((1, players)), max_evals=permutations * (2 * players + 1), silent=True)
            weights.append(_listed(sentence, torch.as_tensor(explained.values[0])))
    finally:
        np.random.set_state(state)
    return weights


def leave_one_out(encoder: SentenceTransformer, texts: Sequence[str], *, unit: bool = False) -> Weights:
    """The distance by which the embedding moves when the pieces of a word are deleted from the sequence."""
    reader = Reader(encoder, unit=unit)
    sentences = reader.read(texts)
    versions = [[s.ids, *(s.ids[s.of != word] for word in range(len(s.words)))] for s in sentences]
    rows = reader.vectors([ids for of_sentence in versions for ids in of_sentence])
    ends = np.cumsum([0, *map(len, versions)])
    parts = [rows[start:end] for start, end in pairwise(ends)]
    return [_listed(s, (part[1:] - part[0]).norm(dim=-1)) for s, part in zip(sentences, parts)]


def mean_contributions(encoder: SentenceTransformer, texts: Sequence[str]) -> Weights:
    """The length of each word's part of the mean over all pieces, for an encoder with mean pooling."""
    reader = Reader(encoder)
    if not reader.static and not (isinstance(encoder[1], Pooling) and encoder[1].pooling_mode in ("mean", ("mean",))):
        raise UsageError("This encoder does not pool by the mean; what each word adds is known for those that do.")
    sentences = reader.read(texts)
    weights: Weights = [[] for _ in sentences]
    for at in batches([s.ids for s in sentences], PIECES):
        ids = torch.stack([sentences[i].ids for i in at])
        with torch.no_grad():
            # The pooling module stores the vectors that it averages under this key.
            features = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            pooled = reader.layer(ids) if reader.static else encoder[1](encoder[0](features))["token_embeddings"]
        for i, pieces in zip(at, pooled):
            adds = sentences[i].parts.to(pieces.dtype) @ pieces / max(len(pieces), 1)
            weights[i] = _listed(sentences[i], adds.norm(dim=-1))
    return weights


METHODS: dict[str, Callable[..., Weights]] = {
    "integrated-gradients": integrated_gradients,
    "projected-gradients": projected_gradients,
    "shapley": shapley,
    "leave-one-out": leave_one_out,
    "mean-contributions": mean_contributions,
}


def average(weights: Iterable[Iterable[tuple[str, float]]]) -> dict[str, float]:
    """The mean weight of every word over its occurrences."""
    by_word: dict[str, list[float]] = {}
    for sentence in weights:
        for word, weight in sentence:
            by_word.setdefault(word, []).append(weight)
    return {word: sum(values) / len(values) for word, values in by_word.items()}


def _listed(sentence: Sentence, values: Tensor) -> list[tuple[str, float]]:
    return list(zip(sentence.words, values.tolist()))


def _check(gap: Tensor, whole: Tensor, empty: Tensor, tolerance: float, steps: int) -> None:
    """Raise Incomplete if a gap is a larger share of the distance between the two embeddings than `tolerance`."""
    distance = (whole - empty).norm(dim=-1).clamp_min(1e-3 * float(whole.norm(dim=-1).amax()) + 1e-30)
    worst = float((gap.abs() / distance).amax())
    if not worst <= tolerance:
        raise Incomplete(
            f"Integrated gradients with {steps} steps miss {worst:.2g} of what they should explain, "
            f"more than {tolerance:g}; take more steps."
        )


def _explainer(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise UsageError(f"This method needs {package}: pip install 'srlbench[explain]'") from error
