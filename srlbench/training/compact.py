"""Compact encoders: the heads and neurons that are all zero are removed; the vectors stay the same."""

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
    """A transformer with fewer heads and neurons than its configuration says; `compact.json` has the numbers."""

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        super().save(output_path, *args, **kwargs)
        Path(output_path, SIZES).write_text(json.dumps(sizes(self.model), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, model_name_or_path: str, *args: Any, **kwargs: Any) -> CompactTransformer:
        # The weights do not fit the configuration. They are loaded again after the layers have their real sizes.
        kwargs["model_kwargs"] = {**(kwargs.get("model_kwargs") or {}), "ignore_mismatched_sizes": True}
        transformer = super().load(model_name_or_path, *args, **kwargs)
        folder = Path(model_name_or_path, *args[:1], kwargs.get("subfolder", ""))
        for layer, (width, neurons) in zip(_stack(transformer.model), json.loads((folder / SIZES).read_text("utf-8"))):
            _resize(layer, torch.arange(width), torch.arange(neurons))
        transformer.model.load_state_dict(load_file(folder / "model.safetensors"))
        return transformer


def compact(model: SentenceTransformer) -> SentenceTransformer:
    """A copy of an encoder without the heads and neurons that are all zero."""
    smaller = copy.deepcopy(model).eval()
    first: Any = smaller[0]
    alive = list(_alive(smaller))
    if all(bool(heads.all()) and bool(neurons.all()) for heads, neurons in alive):
        raise UsageError("No head or neuron of this encoder is all zero: weights that go one by one leave no room.")
    for layer, (heads, neurons) in zip(_stack(first.model), alive):
        size = layer.attention.self.attention_head_size
        _resize(layer, torch.nonzero(heads.repeat_interleave(size)).flatten(), torch.nonzero(neurons).flatten())
    first.__class__ = CompactTransformer
    return smaller


def sizes(model: Any) -> list[tuple[int, int]]:
    """The attention width (of all heads together) and the number of neurons of each layer."""
    return [(layer.attention.self.query.out_features, layer.intermediate.dense.out_features) for layer in _stack(model)]


def _stack(model: Any) -> Any:
    return model.encoder.layer


def _alive(model: SentenceTransformer) -> Iterator[tuple[Tensor, Tensor]]:
    """For each layer, which heads and which neurons have a nonzero weight that reads them."""
    parameters = dict(model.named_parameters())
    for layer in layers(model):
        heads, neurons = (parameters[f"{name}.weight"].detach().ne(0).any(0) for name in (layer.out, layer.down))
        yield heads.view(layer.heads, -1).any(1), neurons


def _resize(layer: Any, heads: Tensor, neurons: Tensor) -> None:
    """Keep these head dimensions and neurons: rows of the matrices that compute them, columns of their readers."""
    attention = layer.attention.self
    for name in ("query", "key", "value"):
        setattr(attention, name, _rows(getattr(attention, name), heads))
    attention.all_head_size = len(heads)
    layer.attention.output.dense = _columns(layer.attention.output.dense, heads)
    layer.intermediate.dense = _rows(layer.intermediate.dense, neurons)
    layer.output.dense = _columns(layer.output.dense, neurons)


def _rows(dense: nn.Linear, rows: Tensor) -> nn.Linear:
    smaller = nn.Linear(dense.in_features, len(rows))
    smaller.weight.data, smaller.bias.data = dense.weight.data[rows].clone(), dense.bias.data[rows].clone()
    return smaller


def _columns(dense: nn.Linear, columns: Tensor) -> nn.Linear:
    smaller = nn.Linear(len(columns), dense.out_features)
    smaller.weight.data, smaller.bias.data = dense.weight.data[:, columns].clone(), dense.bias.data.clone()
    return smaller
