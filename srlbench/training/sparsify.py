"""Pruning: the parts of an encoder that contribute least to alignment and uniformity are set to zero.

The importance of a weight is the first-order effect of removing it, |theta dL/dtheta|, as a mean over batches of
training text; L is the alignment loss or the uniformity loss of two dropout views. The importance of a head or neuron
is the effect of a gate on its output, |sum theta dL/dtheta| over the weights that read it. The effects on each loss are
divided by their length (norm) within a layer, and the two are added. How arXiv 2311.03881 scores weights is not public:
this is our operationalisation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor
from torch.nn.functional import normalize, pdist

from srlbench.errors import UsageError
from srlbench.recipe import Recipe

BATCHES, ROWS = 16, 64  # batches of training text, and rows in each
EMBEDDINGS = "0.model.embeddings.word_embeddings.weight"

Masks = dict[str, Tensor]  # parameter -> which of its entries stay
Units = dict[tuple[int, str], Tensor]  # (layer index, parameter or kind of unit) -> a number for each unit
Views = Callable[[int], tuple[Tensor, Tensor]]  # the n-th batch of training text, encoded twice


@dataclass(frozen=True)
class Layer:
    """The matrices of one transformer layer: their parameter names without `.weight` and `.bias`."""

    index: int
    heads: int
    read: tuple[str, ...]  # query, key, value
    out: str  # the output matrix of attention
    up: str
    down: str

    @property
    def weights(self) -> list[str]:
        return [f"{name}.weight" for name in (*self.read, self.out, self.up, self.down)]


def layers(model: SentenceTransformer) -> list[Layer]:
    """The layers of a transformer of BERT's family; any other encoder is a usage error."""
    first: Any = model[0]
    inner = getattr(getattr(first, "model", None), "encoder", None)
    stack = getattr(inner, "layer", None)
    read = getattr(getattr(stack[0], "attention", None), "self", None) if stack else None
    if not stack or not hasattr(stack[0], "intermediate") or not hasattr(read, "query"):
        raise UsageError("Only transformers of BERT's family can be made sparse.")
    root, heads = "0.model.encoder.layer", int(first.model.config.num_attention_heads)
    return [
        Layer(
            index,
            heads,
            tuple(f"{root}.{index}.attention.self.{part}" for part in ("query", "key", "value")),
            f"{root}.{index}.attention.output.dense",
            f"{root}.{index}.intermediate.dense",
            f"{root}.{index}.output.dense",
        )
        for index in range(len(stack))
    ]


def alignment(a: Tensor, b: Tensor) -> Tensor:
    """The mean squared distance of the two views of a sentence, as in `losses.align_uniform`."""
    return (normalize(a, dim=-1) - normalize(b, dim=-1)).square().sum(-1).mean()


def uniformity(a: Tensor, b: Tensor) -> Tensor:
    """The log of the mean Gaussian potential within each view, as a mean of the two views."""
    return torch.stack([(-2 * pdist(normalize(x, dim=-1)).square()).exp().mean().log() for x in (a, b)]).mean()


PARTS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], ...]] = {
    "both": (alignment, uniformity),
    "most": (alignment, uniformity),
    "alignment": (alignment,),
    "uniformity": (uniformity,),
}


def importance(model: SentenceTransformer, recipe: Recipe, views: Views, seed: int) -> Units:
    """The importance of every unit that may be removed; the least important are removed first."""
    stack, parameters = layers(model), dict(model.named_parameters())
    if recipe.importance == "random":
        generator = torch.Generator().manual_seed(seed)
        like = _units(stack, {name: parameters[name].detach() for name in _names(stack, recipe)}, recipe)
        return {key: torch.rand(unit.shape, generator=generator, dtype=torch.double) for key, unit in like.items()}
    if recipe.importance == "magnitude":
        squares = {name: parameters[name].detach().double().square() for name in _names(stack, recipe)}
        return {key: sums.sqrt() for key, sums in _units(stack, squares, recipe).items()}
    effects = [_effects(model, stack, recipe, loss, views) for loss in PARTS[recipe.importance]]
    total = {key: torch.stack([effect[key] for effect in effects]).sum(0) for key in effects[0]}
    return {key: -sums for key, sums in total.items()} if recipe.importance == "most" else total


def _effects(
    model: SentenceTransformer,
    stack: list[Layer],
    recipe: Recipe,
    loss: Callable[[Tensor, Tensor], Tensor],
    views: Views,
) -> Units:
    """The mean absolute first-order effect over the batches, scaled to length one within each layer."""
    names = _names(stack, recipe)
    parameters = [dict(model.named_parameters())[name] for name in names]
    total: Units = {}
    for batch in range(BATCHES):
        slopes = torch.autograd.grad(loss(*views(batch)), parameters)
        products = {n: (p.detach() * slope).double() for n, p, slope in zip(names, parameters, slopes)}
        for key, effect in _units(stack, products, recipe).items():
            total[key] = total.get(key, torch.zeros(())) + effect.abs() / BATCHES
    lengths: dict[int, Tensor] = {}
    for (layer, _), effect in total.items():
        lengths[layer] = lengths.get(layer, torch.zeros((), dtype=torch.double)) + effect.square().sum()
    return {key: effect / lengths[key[0]].sqrt().clamp_min(1e-300) for key, effect in total.items()}


def _names(stack: list[Layer], recipe: Recipe) -> list[str]:
    named = [name for layer in stack for name in layer.weights]
    return [*named, EMBEDDINGS] if recipe.prunes == "embeddings too" else named


def _units(stack: list[Layer], values: dict[str, Tensor], recipe: Recipe) -> Units:
    """The sum of the weights' values over each unit."""
    out: Units = {}
    for layer in stack:
        if recipe.granularity == "weight":
            out |= {(layer.index, name): values[name].flatten() for name in layer.weights}
        elif recipe.granularity == "neuron":
            out[layer.index, "neuron"] = values[f"{layer.down}.weight"].sum(0)
        else:
            out[layer.index, "head"] = _by_head(values[f"{layer.out}.weight"], layer.heads)
    if EMBEDDINGS in values and recipe.granularity == "weight":
        out[-1, EMBEDDINGS] = values[EMBEDDINGS].flatten()
    return out


def _by_head(values: Tensor, heads: int) -> Tensor:
    """The sum for each head: (out, heads x size) -> (heads,)."""
    return values.sum(0).view(heads, -1).sum(1)


def masks(model: SentenceTransformer, units: Units, recipe: Recipe, sparsity: float) -> Masks:
    """The masks that remove this share of the units, rounded: the least important ones, of all layers or of each layer.

    The most important head and neuron of each layer always stay.
    """
    stack, parameters = layers(model), dict(model.named_parameters())
    alive = _units(stack, {name: parameters[name].detach().double().square() for name in _names(stack, recipe)}, recipe)
    # A removed unit does not return.
    units = {key: values.where(alive[key] > 0, -torch.inf) for key, values in units.items()}
    if recipe.granularity != "weight":
        units = {key: x.where(torch.arange(len(x)) != x.argmax(), torch.inf) for key, x in units.items()}
    groups = [[key] for key in units] if recipe.scope == "layer" else [list(units)]
    if recipe.scope == "layer" and recipe.granularity == "weight":
        groups = [[key for key in units if key[0] == layer] for layer in dict.fromkeys(key[0] for key in units)]
    removed: dict[tuple[int, str], Tensor] = {}
    for group in groups:
        scores = torch.cat([units[key] for key in group])
        order, number = scores.argsort(stable=True), round(sparsity * len(scores))
        if number > (limit := int((scores < torch.inf).sum())):
            raise UsageError(
                f"A sparsity of {sparsity:g} is {number} of {len(scores)} {recipe.granularity}s; "
                f"at most {limit} can go, for a layer keeps one."
            )
        flat = torch.zeros(len(order), dtype=torch.bool)
        flat[order[:number]] = True
        removed |= dict(zip(group, torch.split(flat, [units[key].numel() for key in group])))
    return dict(_masks(stack, parameters, removed))


def _masks(
    stack: list[Layer], parameters: dict[str, torch.nn.Parameter], removed: dict[tuple[int, str], Tensor]
) -> Iterator[tuple[str, Tensor]]:
    """The masks of removed units: a head or neuron loses the weights that compute it and those that read it."""
    for (index, kind), flags in removed.items():
        if kind not in ("head", "neuron"):
            yield kind, ~flags.view(parameters[kind].shape)
            continue
        layer = stack[index]
        writers, reader = (layer.read, layer.out) if kind == "head" else ((layer.up,), layer.down)
        columns = parameters[f"{reader}.weight"]
        stays = ~flags.repeat_interleave(columns.shape[1] // len(flags))
        for name in writers:
            yield f"{name}.weight", stays.unsqueeze(1).expand_as(parameters[f"{name}.weight"]).clone()
            yield f"{name}.bias", stays.clone()
        yield f"{reader}.weight", stays.unsqueeze(0).expand_as(columns).clone()


def apply(model: SentenceTransformer, kept: Masks) -> None:
    """Set the removed weights to zero."""
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, mask in kept.items():
            parameters[name].mul_(mask.to(parameters[name].device))


def counts(kept: Masks) -> dict[str, int]:
    """The number of removed weights, and of all weights that the masks cover."""
    return {"zero": sum(int((~mask).sum()) for mask in kept.values()), "of": sum(m.numel() for m in kept.values())}


def rise(steps: int) -> dict[int, float]:
    """The schedule of gradual pruning: step -> the share of the final sparsity that is reached at it.

    Zhu and Gupta (2017): 1 - (1 - t)^3, here in ten parts between one fifth and four fifths of the steps.
    """
    return {round(steps * (0.2 + 0.06 * part)): 1 - (1 - part / 10) ** 3 for part in range(1, 11)}
