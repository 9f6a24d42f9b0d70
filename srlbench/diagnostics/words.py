"""The weight that an encoder f gives each word of a sentence s, five ways.

integrated_gradients    |A_w|, A_w = the integral over the path of J_w (x_w - x'_w): the vector of the integrated
                        gradients of every coordinate of f, of all the word's pieces; the A_w sum to f(x) - f(x').
projected_gradients     A_w . f(s)/|f(s)|: of that one direction alone, signed; one backward pass a step (captum).
shapley                 Shapley values of the same number, by permutations (shap); signed.
leave_one_out           |f(s) - f(s without the word's pieces)|.
mean_contributions      |the word's part of the mean over pieces|, before what follows the pooling.

x is the input embeddings of s, x' those of s with every piece but the special tokens replaced by [MASK] or [PAD];
J_w is the Jacobian in the word's pieces. Positions stay, and all pieces are attended to. Shapley values replace words
in the same way. With unit=True, f is divided by its length everywhere.
Pieces that belong to no word (punctuation) are replaced too, and what they get is in the sums but in no list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import normalize

from srlbench.diagnostics.information import WORD
from srlbench.errors import SrlbenchError, UsageError

Weights = list[list[tuple[str, float]]]  # of each text: its words in order, with their weights
TOKENS = {"mask": ("[MASK]", "<mask>"), "pad": ("[PAD]", "<pad>")}  # what a tokenizer without roles calls them
PIECES = 8192  # in one pass
STEPS = (16, 64, 256)  # of integrated gradients, as completeness asks
GAP = 0.01  # of |f(x) - f(x')| that attributions may fall short of it


class Incomplete(SrlbenchError):
    """Attributions that do not sum to what they explain."""


@dataclass(frozen=True)
class Sentence:
    """A text in word pieces. `of` is each piece's word; len(words): of no word; -1: a special token."""

    ids: Tensor
    of: Tensor
    words: list[str]

    @property
    def parts(self) -> Tensor:
        """Whether each piece is of each word, and last of none, if there are such. (words or one more, length)"""
        return self.of == torch.arange(int(self.of.amax()) + 1 if len(self.of) else 0, device=self.of.device)[:, None]


class Reader:
    """An encoder as a function of word pieces, and of their input embeddings where these are swapped."""

    def __init__(self, encoder: SentenceTransformer, *, baseline: str = "mask", unit: bool = False) -> None:
        if encoder.prompts.get(encoder.default_prompt_name or ""):
            raise UsageError("This encoder puts a prompt before its texts; words are weighed of encoders without one.")
        if baseline not in TOKENS:
            raise UsageError(f"Unknown baseline '{baseline}'. Known: {', '.join(TOKENS)}.")
        self.encoder, self.baseline, self.unit = encoder.eval(), baseline, unit
        first: Any = encoder[0]
        self.tokenizer: Any = first.tokenizer
        if isinstance(first, StaticEmbedding):
            table = first.embedding.weight.detach()
            self.layer: nn.Module = nn.Embedding(first.num_embeddings, first.embedding_dim, _weight=table)
        elif isinstance(first, Transformer) and getattr(first.tokenizer, "is_fast", False):
            self.layer = first.model.get_input_embeddings()
        else:
            raise UsageError("Words are weighed of transformers with a fast tokenizer, and of static embeddings.")
        self.static = isinstance(first, StaticEmbedding)

    @cached_property
    def filler(self) -> int:
        """The token that stands where a word was."""
        if self.static:
            ids = [self.tokenizer.token_to_id(name) for name in TOKENS[self.baseline]]
        else:
            ids = [getattr(self.tokenizer, f"{self.baseline}_token_id")]
        found = next((token for token in ids if token is not None), None)
        if found is None:
            raise UsageError(f"This encoder's tokenizer has no {self.baseline} token to replace words with.")
        return int(found)

    def read(self, texts: Sequence[str]) -> list[Sentence]:
        if not texts:
            return []
        if self.static:
            known = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        else:
            limit = self.encoder.max_seq_length
            known = self.tokenizer(list(texts), truncation=limit is not None, max_length=limit).encodings
        return [_sentence(text, pieces, self.encoder.device) for text, pieces in zip(texts, known, strict=True)]

    def emptied(self, sentence: Sentence) -> Tensor:
        """The pieces of the baseline."""
        return sentence.ids.where(sentence.of < 0, self.filler)

    def __call__(self, ids: Tensor) -> Tensor:
        """Rows of equally many pieces -> one vector each. ids: (n, length) -> (n, d)."""
        if self.static:
            embedded = self.layer(ids)
            features = {"sentence_embedding": embedded.sum(1) / max(ids.shape[1], 1)}
            for module in list(self.encoder)[1:]:
                features = module(features)
        else:
            features = self.encoder({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
        vectors = features["sentence_embedding"][:, : self.encoder.truncate_dim]
        return normalize(vectors, dim=-1) if self.unit else vectors

    def vectors(self, pieces: Sequence[Tensor]) -> Tensor:
        """One vector for each sequence of pieces, in batches of one length."""
        if not pieces:
            return torch.empty(0, 0)
        with torch.no_grad():
            parts = [(at, self(torch.stack([pieces[i] for i in at]))) for at in _batches(pieces, PIECES)]
        return torch.cat([found for _, found in parts])[np.argsort([i for at, _ in parts for i in at])]

    @torch.no_grad()
    def shown(self, ids: Tensor, instead: Tensor) -> Tensor:
        """One vector a row, shown other pieces; those of `ids` keep the say on positions, which [PAD] can shift."""
        with self.given(self.layer(instead)):
            return self(ids)

    @contextmanager
    def given(self, embedded: Tensor) -> Iterator[None]:
        """These input embeddings, whatever the pieces are."""
        hook = self.layer.register_forward_hook(lambda *_: embedded)
        try:
            yield
        finally:
            hook.remove()


def _sentence(text: str, pieces: Any, device: torch.device) -> Sentence:
    """A piece belongs to the word of its last character that is in one; words cut off by truncation are left out."""
    spans = [found.span() for found in WORD.finditer(text)]
    place = np.full(len(text) + 1, -1)
    for word, (start, end) in enumerate(spans):
        place[start:end] = word
    found = [max(place[start:end], default=-1) for start, end in pieces.offsets]
    kept = sorted({int(word) for word, special in zip(found, pieces.special_tokens_mask) if word >= 0 and not special})
    ranks = {word: rank for rank, word in enumerate(kept)}
    of = [-1 if s else ranks.get(int(w), len(kept)) for w, s in zip(found, pieces.special_tokens_mask)]
    words = [text[slice(*spans[word])].lower() for word in kept]
    ids, parts = (torch.tensor(x, dtype=torch.long, device=device) for x in (pieces.ids, of))
    return Sentence(ids, parts, words)


def _batches(pieces: Sequence[Tensor], budget: int) -> Iterator[list[int]]:
    """The places of sequences of one length, so that nothing is padded; up to so many pieces in all."""
    lengths: dict[int, list[int]] = {}
    for place, each in enumerate(pieces):
        lengths.setdefault(len(each), []).append(place)
    for length, at in sorted(lengths.items()):
        rows = max(1, budget // max(length, 1))
        yield from (at[start : start + rows] for start in range(0, len(at), rows))


def integrated_gradients(
    encoder: SentenceTransformer,
    texts: Sequence[str],
    *,
    baseline: str = "mask",
    steps: int | None = None,
    unit: bool = False,
    tolerance: float = GAP,
) -> Weights:
    """The length of every word's vector of integrated gradients, over all coordinates of the embedding.

    steps: None takes as many as completeness asks of each sentence.
    """
    reader = Reader(encoder, baseline=baseline, unit=unit)
    found = [(s, vectors(reader, s, steps=steps, tolerance=tolerance)) for s in reader.read(texts)]
    return [_listed(s, of_words.norm(dim=-1)) for s, of_words in found]


def vectors(reader: Reader, sentence: Sentence, *, steps: int | None = None, tolerance: float = GAP) -> Tensor:
    """The A_w of a sentence's words in rows, and what belongs to no word in a last one, if anything does."""
    for taken in STEPS[:-1] if steps is None else ():
        with suppress(Incomplete):
            return _integrals(reader, sentence, taken, tolerance)
    return _integrals(reader, sentence, steps or STEPS[-1], tolerance)


def _integrals(reader: Reader, sentence: Sentence, steps: int, tolerance: float) -> Tensor:
    """The same with so many steps.

    Forward-mode: A_w needs one product with the Jacobian a step, whatever the width, where gradients need one for each
    coordinate. The steps are the nodes of Gauss and Legendre; with those of all words they fill a batch by themselves.
    """
    parts = sentence.parts
    both = torch.stack((sentence.ids, reader.emptied(sentence)))
    ends = reader.shown(sentence.ids.expand(2, -1), both)
    x, start = reader.layer(both).detach().split(1)
    directions = (x - start) * parts[:, None, :, None]
    total = torch.zeros(len(parts), ends.shape[1], device=x.device)
    if not len(parts):
        return total
    nodes, shares = (torch.as_tensor(v, dtype=x.dtype, device=x.device) for v in np.polynomial.legendre.leggauss(steps))
    passes = min(steps, -(-steps * parts.numel() // PIECES))
    some = max(1, PIECES // parts.shape[1])  # words at a time, in a text so long that one step is too much
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):  # the fused attention has no forward mode
        for node, share in zip(nodes.tensor_split(passes), shares.tensor_split(passes)):
            path = start + (node[:, None, None] + 1) / 2 * (x - start)
            ids = sentence.ids.expand(len(node), -1)

            def along(v: Tensor, path: Tensor = path, ids: Tensor = ids) -> Tensor:
                def f(embedded: Tensor) -> Tensor:
                    with reader.given(embedded):
                        return reader(ids)

                product: Tensor = torch.func.jvp(f, (path,), (v.expand_as(path),))[1]
                return product

            total += torch.einsum("wkd,k->wd", torch.vmap(along, chunk_size=some)(directions), share / 2)
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
    """Integrated gradients of the embedding's component along itself: the cheaper for wide and deep encoders."""
    captum = _explainer("captum.attr")
    reader = Reader(encoder, baseline=baseline, unit=unit)
    sentences = reader.read(texts)
    found: Weights = [[] for _ in sentences]

    def along(ids: Tensor, direction: Tensor) -> Tensor:
        return (reader(ids) * direction).sum(-1)

    method = captum.LayerIntegratedGradients(along, reader.layer)
    for at in _batches([s.ids for s in sentences], max(1, PIECES // steps)):
        if not any(sentences[i].words for i in at):
            continue
        ids, empty = (torch.stack(x) for x in zip(*((sentences[i].ids, reader.emptied(sentences[i])) for i in at)))
        whole, rest = (reader.shown(ids, shown) for shown in (ids, empty))
        direction = normalize(whole, dim=-1)
        given = method.attribute(
            ids, empty, additional_forward_args=(direction,), n_steps=steps, internal_batch_size=max(len(at), 512)
        ).sum(-1)
        _check(given.sum(-1) - ((whole - rest) * direction).sum(-1), whole, rest, tolerance, steps)
        for i, pieces in zip(at, given):
            found[i] = _listed(sentences[i], sentences[i].parts.to(pieces.dtype) @ pieces)
    return found


def shapley(
    encoder: SentenceTransformer,
    texts: Sequence[str],
    *,
    baseline: str = "mask",
    permutations: int = 10,
    unit: bool = False,
    seed: int = 0,
) -> Weights:
    """Shapley values of the embedding's component along itself, over random orders there and back."""
    shap = _explainer("shap")
    reader = Reader(encoder, baseline=baseline, unit=unit)
    found: Weights = []
    state = np.random.get_state()  # shap seeds the world
    try:
        for sentence in reader.read(texts):
            parts, empty = sentence.parts, reader.emptied(sentence)
            direction = normalize(reader.vectors([sentence.ids]), dim=-1)[0]

            def along(here: Any, s: Sentence = sentence, empty: Tensor = empty, direction: Tensor = direction) -> Any:
                present = torch.as_tensor(np.asarray(here) > 0, device=s.of.device)
                kept = (present.to(torch.float32) @ s.parts.to(torch.float32) > 0) | (s.of < 0)
                found = reader.shown(s.ids.expand(len(kept), -1), s.ids.where(kept, empty))
                return (found @ direction).double().cpu().numpy()

            players = len(parts)
            if not sentence.words:
                found.append([])
                continue
            explainer = shap.PermutationExplainer(along, shap.maskers.Independent(np.zeros((1, players))), seed=seed)
            said = explainer(np.ones((1, players)), max_evals=permutations * (2 * players + 1), silent=True)
            found.append(_listed(sentence, torch.as_tensor(said.values[0])))
    finally:
        np.random.set_state(state)
    return found


def leave_one_out(encoder: SentenceTransformer, texts: Sequence[str], *, unit: bool = False) -> Weights:
    """How far the embedding moves when the pieces of a word are taken out of the sequence, which closes up."""
    reader = Reader(encoder, unit=unit)
    sentences = reader.read(texts)
    pieces = [[s.ids, *(s.ids[s.of != word] for word in range(len(s.words)))] for s in sentences]
    moved = reader.vectors([each for those in pieces for each in those])
    ends = np.cumsum([0, *map(len, pieces)])
    found = [moved[start:end] for start, end in pairwise(ends)]
    return [_listed(s, (those[1:] - those[0]).norm(dim=-1)) for s, those in zip(sentences, found)]


def mean_contributions(encoder: SentenceTransformer, texts: Sequence[str]) -> Weights:
    """The length of what a word adds to the mean over all pieces, of an encoder that pools by the mean."""
    reader = Reader(encoder)
    if not reader.static and not (isinstance(encoder[1], Pooling) and encoder[1].pooling_mode in ("mean", ("mean",))):
        raise UsageError("This encoder does not pool by the mean; what each word adds is known for those that do.")
    sentences = reader.read(texts)
    found: Weights = [[] for _ in sentences]
    for at in _batches([s.ids for s in sentences], PIECES):
        ids = torch.stack([sentences[i].ids for i in at])
        with torch.no_grad():
            # Pooling puts what it takes the mean of where the last layer was.
            features = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            pooled = reader.layer(ids) if reader.static else encoder[1](encoder[0](features))["token_embeddings"]
        for i, pieces in zip(at, pooled):
            adds = sentences[i].parts.to(pieces.dtype) @ pieces / max(len(pieces), 1)
            found[i] = _listed(sentences[i], adds.norm(dim=-1))
    return found


METHODS: dict[str, Callable[..., Weights]] = {
    "integrated-gradients": integrated_gradients,
    "projected-gradients": projected_gradients,
    "shapley": shapley,
    "leave-one-out": leave_one_out,
    "mean-contributions": mean_contributions,
}


def average(weights: Iterable[Iterable[tuple[str, float]]], *, least: int = 1) -> dict[str, float]:
    """The mean weight of every word over its occurrences, of which there are `least` or more."""
    seen: dict[str, list[float]] = {}
    for sentence in weights:
        for word, weight in sentence:
            seen.setdefault(word, []).append(weight)
    return {word: sum(those) / len(those) for word, those in seen.items() if len(those) >= least}


def _listed(sentence: Sentence, values: Tensor) -> list[tuple[str, float]]:
    return list(zip(sentence.words, values.tolist()))


def _check(gap: Tensor, there: Tensor, here: Tensor, tolerance: float, steps: int) -> None:
    """Completeness: attributions sum to what they explain, as a share of how far apart the two embeddings are."""
    apart = (there - here).norm(dim=-1).clamp_min(1e-3 * float(there.norm(dim=-1).amax()) + 1e-30)
    worst = float((gap.abs() / apart).amax())
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
