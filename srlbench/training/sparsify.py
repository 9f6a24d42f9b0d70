"""Which parts of an encoder do least for alignment and uniformity, and the encoder without them.

A weight's importance is the first-order effect of removing it, |theta dL/dtheta|, as a mean over batches of training
text, L being the alignment loss of dropout twins or their uniformity loss. That of a head or neuron is the effect of a
gate on its output, |sum theta dL/dtheta| over the weights that read it. Each of the two is divided by its length within
a layer, and they are added. How arXiv 2311.03881 scores is not public: this is our operationalisation.
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

BATCHES, ROWS = 16, 64  # of training text
EMBEDDINGS = "0.model.embeddings.word_embeddings.weight"

Masks = dict[str, Tensor]  # parameter -> which of its entries stay
Units = dict[tuple[int, str], Tensor]  # (layer, parameter or kind of unit) -> a number for each unit
Views = Callable[[int], tuple[Tensor, Tensor]]  # the n-th batch of training text, encoded twice


@dataclass(frozen=True)
class Layer:
    """The matrices of one transformer layer, by the names of their parameters without `.weight` and `.bias`."""

    place: int
    heads: int
    read: tuple[str, ...]  # query, key, value
    out: str  # of attention
    up: str
    down: str

    @property
    def weights(self) -> list[str]:
        return [f"{name}.weight" for name in (*self.read, self.out, self.up, self.down)]


def layers(model: SentenceTransformer) -> list[Layer]:
    """Of a transformer of BERT's family; others are refused."""
    first: Any = model[0]
    inner = getattr(getattr(first, "model", None), "encoder", None)
    stack = getattr(inner, "layer", None)
    if not stack or not hasattr(stack[0], "intermediate"):
        raise UsageError("Only transformers of BERT's family can be made sparse.")
    root, heads = "0.model.encoder.layer", int(first.model.config.num_attention_heads)
    return [
        Layer(
            place,
            heads,
            tuple(f"{root}.{place}.attention.self.{part}" for part in ("query", "key", "value")),
            f"{root}.{place}.attention.output.dense",
            f"{root}.{place}.intermediate.dense",
            f"{root}.{place}.output.dense",
        )
        for place in range(len(stack))
    ]


def alignment(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared distance of the twins, as `losses.align_uniform` has it."""
    return (normalize(a, dim=-1) - normalize(b, dim=-1)).square().sum(-1).mean()


def uniformity(a: Tensor, b: Tensor) -> Tensor:
    """Log mean Gaussian potential within a view, the mean of the two."""
    return torch.stack([(-2 * pdist(normalize(x, dim=-1)).square()).exp().mean().log() for x in (a, b)]).mean()


PARTS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], ...]] = {
    "both": (alignment, uniformity),
    "most": (alignment, uniformity),
    "alignment": (alignment,),
    "uniformity": (uniformity,),
}


def importance(model: SentenceTransformer, recipe: Recipe, views: Views, seed: int) -> Units:
    """Of every unit that may go, how much would be lost with it; the least go first."""
    stack, known = layers(model), dict(model.named_parameters())
    if recipe.importance == "random":
        generator = torch.Generator().manual_seed(seed)
        like = _units(stack, {name: known[name].detach() for name in _names(stack, recipe)}, recipe)
        return {key: torch.rand(each.shape, generator=generator, dtype=torch.double) for key, each in like.items()}
    if recipe.importance == "magnitude":
        squares = {name: known[name].detach().double().square() for name in _names(stack, recipe)}
        return {key: each.sqrt() for key, each in _units(stack, squares, recipe).items()}
    found = [_effects(model, stack, recipe, loss, views) for loss in PARTS[recipe.importance]]
    total = {key: torch.stack([part[key] for part in found]).sum(0) for key in found[0]}
    return {key: -each for key, each in total.items()} if recipe.importance == "most" else total


def _effects(
    model: SentenceTransformer,
    stack: list[Layer],
    recipe: Recipe,
    loss: Callable[[Tensor, Tensor], Tensor],
    views: Views,
) -> Units:
    """Mean absolute first-order effect over the batches, of length one within each layer."""
    names = _names(stack, recipe)
    parameters = [dict(model.named_parameters())[name] for name in names]
    total: Units = {}
    for batch in range(BATCHES):
        slopes = torch.autograd.grad(loss(*views(batch)), parameters)
        products = {n: (p.detach() * slope).double() for n, p, slope in zip(names, parameters, slopes)}
        for key, each in _units(stack, products, recipe).items():
            total[key] = total.get(key, torch.zeros(())) + each.abs() / BATCHES
    lengths: dict[int, Tensor] = {}
    for (place, _), each in total.items():
        lengths[place] = lengths.get(place, torch.zeros((), dtype=torch.double)) + each.square().sum()
    return {key: each / lengths[key[0]].sqrt().clamp_min(1e-300) for key, each in total.items()}


def _names(stack: list[Layer], recipe: Recipe) -> list[str]:
    named = [name for layer in stack for name in layer.weights]
    return [*named, EMBEDDINGS] if recipe.prunes == "embeddings too" else named


def _units(stack: list[Layer], values: dict[str, Tensor], recipe: Recipe) -> Units:
    """Values of weights, summed into those of units."""
    out: Units = {}
    for layer in stack:
        if recipe.granularity == "weight":
            out |= {(layer.place, name): values[name].flatten() for name in layer.weights}
        elif recipe.granularity == "neuron":
            out[layer.place, "neuron"] = values[f"{layer.down}.weight"].sum(0)
        else:
            out[layer.place, "head"] = _by_head(values[f"{layer.out}.weight"], layer.heads)
    if EMBEDDINGS in values and recipe.granularity == "weight":
        out[-1, EMBEDDINGS] = values[EMBEDDINGS].flatten()
    return out


def _by_head(values: Tensor, heads: int) -> Tensor:
    """(out, heads x size) summed to (heads,)."""
    return values.sum(0).view(heads, -1).sum(1)


def masks(model: SentenceTransformer, units: Units, recipe: Recipe, sparsity: float) -> Masks:
    """What stays when the asked share of the units, rounded, goes: the least important, of all layers or of each.

    The most important head and neuron of each layer stay in any case.
    """
    stack, known = layers(model), dict(model.named_parameters())
    alive = _units(stack, {name: known[name].detach().double().square() for name in _names(stack, recipe)}, recipe)
    units = {
        key: each.where(alive[key] > 0, -torch.inf) for key, each in units.items()
    }  # what has gone does not return
    if recipe.granularity != "weight":
        units = {key: each.where(torch.arange(len(each)) != each.argmax(), torch.inf) for key, each in units.items()}
    groups = [[key] for key in units] if recipe.scope == "layer" else [list(units)]
    if recipe.scope == "layer" and recipe.granularity == "weight":
        groups = [[key for key in units if key[0] == place] for place in dict.fromkeys(key[0] for key in units)]
    gone: dict[tuple[int, str], Tensor] = {}
    for group in groups:
        scores = torch.cat([units[key] for key in group])
        order, number = scores.argsort(stable=True), round(sparsity * len(scores))
        if number > (most := int((scores < torch.inf).sum())):
            raise UsageError(
                f"A sparsity of {sparsity:g} is {number} of {len(scores)} {recipe.granularity}s; "
                f"at most {most} can go, for a layer keeps one."
            )
        flat = torch.zeros(len(order), dtype=torch.bool)
        flat[order[:number]] = True
        gone |= dict(zip(group, torch.split(flat, [units[key].numel() for key in group])))
    return dict(_masks(stack, known, gone))


def _masks(
    stack: list[Layer], known: dict[str, torch.nn.Parameter], gone: dict[tuple[int, str], Tensor]
) -> Iterator[tuple[str, Tensor]]:
    """Of whole units everything that makes them and reads them goes; of weights they alone."""
    for (place, kind), those in gone.items():
        if kind not in ("head", "neuron"):
            yield kind, ~those.view(known[kind].shape)
            continue
        layer = stack[place]
        makers, reader = (layer.read, layer.out) if kind == "head" else ((layer.up,), layer.down)
        columns = known[f"{reader}.weight"]
        stays = ~those.repeat_interleave(columns.shape[1] // len(those))
        for name in makers:
            yield f"{name}.weight", stays.unsqueeze(1).expand_as(known[f"{name}.weight"]).clone()
            yield f"{name}.bias", stays.clone()
        yield f"{reader}.weight", stays.unsqueeze(0).expand_as(columns).clone()


def apply(model: SentenceTransformer, kept: Masks) -> None:
    """Sets what has gone to zero."""
    known = dict(model.named_parameters())
    with torch.no_grad():
        for name, mask in kept.items():
            known[name].mul_(mask.to(known[name].device))


def counts(kept: Masks) -> dict[str, int]:
    """How many entries are zero, of how many that a mask is over."""
    return {"zero": sum(int((~mask).sum()) for mask in kept.values()), "of": sum(m.numel() for m in kept.values())}


def rise(steps: int) -> dict[int, float]:
    """Gradual pruning: the steps at which more goes, and what share of all that will have gone then.

    Zhu and Gupta (2017): 1 - (1 - t)^3, here in ten parts between a fifth of the steps and four.
    """
    return {round(steps * (0.2 + 0.06 * part)): 1 - (1 - part / 10) ** 3 for part in range(1, 11)}
