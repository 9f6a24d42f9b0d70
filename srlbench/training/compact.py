"""An encoder without the heads and neurons that are all zero: smaller, faster, the same vectors."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from torch import Tensor, nn

from srlbench.errors import UsageError
from srlbench.training.sparsify import layers

SIZES = "compact.json"


class CompactTransformer(Transformer):
    """A transformer with fewer heads and neurons than its configuration says; `compact.json` says how many."""

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        super().save(output_path, *args, **kwargs)
        Path(output_path, SIZES).write_text(json.dumps(sizes(self.model), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, model_name_or_path: str, *args: Any, **kwargs: Any) -> CompactTransformer:
        # The weights do not fit what the configuration says: they are read again when the layers have their sizes.
        kwargs["model_kwargs"] = {**(kwargs.get("model_kwargs") or {}), "ignore_mismatched_sizes": True}
        made = super().load(model_name_or_path, *args, **kwargs)
        folder = Path(model_name_or_path, *args[:1], kwargs.get("subfolder", ""))
        for layer, (inner, neurons) in zip(_stack(made.model), json.loads((folder / SIZES).read_text("utf-8"))):
            _resize(layer, torch.arange(inner), torch.arange(neurons))
        made.model.load_state_dict(load_file(folder / "model.safetensors"))
        return made


def compact(model: SentenceTransformer) -> SentenceTransformer:
    """A copy without what is all zero; the encoder itself is left as it is."""
    made = copy.deepcopy(model).eval()
    first: Any = made[0]
    found = list(_alive(made))
    if all(bool(heads.all()) and bool(neurons.all()) for heads, neurons in found):
        raise UsageError("No head or neuron of this encoder is all zero: weights that go one by one leave no room.")
    for layer, (heads, neurons) in zip(_stack(first.model), found):
        size = layer.attention.self.attention_head_size
        _resize(layer, torch.nonzero(heads.repeat_interleave(size)).flatten(), torch.nonzero(neurons).flatten())
    first.__class__ = CompactTransformer
    return made


def sizes(model: Any) -> list[tuple[int, int]]:
    """Of each layer the width of its attention, over all its heads, and its neurons."""
    return [(layer.attention.self.query.out_features, layer.intermediate.dense.out_features) for layer in _stack(model)]


def _stack(model: Any) -> Any:
    return model.encoder.layer


def _alive(model: SentenceTransformer) -> Iterator[tuple[Tensor, Tensor]]:
    """Of each layer, which heads and which neurons any weight but zero reads."""
    known = dict(model.named_parameters())
    for layer in layers(model):
        heads, neurons = (known[f"{name}.weight"].detach().ne(0).any(0) for name in (layer.out, layer.down))
        yield heads.view(layer.heads, -1).any(1), neurons


def _resize(layer: Any, inner: Tensor, neurons: Tensor) -> None:
    """Keep these rows of what makes heads and neurons, and these columns of what reads them."""
    attention = layer.attention.self
    for name in ("query", "key", "value"):
        setattr(attention, name, _rows(getattr(attention, name), inner))
    attention.all_head_size = len(inner)
    layer.attention.output.dense = _columns(layer.attention.output.dense, inner)
    layer.intermediate.dense = _rows(layer.intermediate.dense, neurons)
    layer.output.dense = _columns(layer.output.dense, neurons)


def _rows(dense: nn.Linear, kept: Tensor) -> nn.Linear:
    made = nn.Linear(dense.in_features, len(kept))
    made.weight.data, made.bias.data = dense.weight.data[kept].clone(), dense.bias.data[kept].clone()
    return made


def _columns(dense: nn.Linear, kept: Tensor) -> nn.Linear:
    made = nn.Linear(len(kept), dense.out_features)
    made.weight.data, made.bias.data = dense.weight.data[:, kept].clone(), dense.bias.data.clone()
    return made
