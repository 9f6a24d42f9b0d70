"""The encoder that a resolved recipe starts from: a backbone or random word vectors, a pooling, a head."""

from __future__ import annotations

import copy
import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.functional import normalize

from srlbench import data
from srlbench.errors import UsageError
from srlbench.recipe import Post, Recipe
from srlbench.tracks import Track
from srlbench.training.adapter import adapt, merge
from srlbench.training.layers import ALL_LAYERS, POOLINGS, AtMask, Words
from srlbench.training.prompted import prompted
from srlbench.training.transformer import Form, ensure_fit_of_table, load

SIF_A = 1e-3


def build(recipe: Recipe, folder: Path, track: Track) -> tuple[SentenceTransformer, nn.Module]:
    """The encoder before training, and the head that only training uses (the identity if there is none)."""
    if recipe.encoder != "backbone":
        return SentenceTransformer(modules=[_words(recipe.encoder, folder, track)]), nn.Identity()
    if not (folder / "config.json").exists():
        return _static(recipe, folder)
    transformer = load(folder, form(recipe))
    if recipe.prompt is not None:
        transformer = prompted(transformer, recipe.prompt)
    width = transformer.get_embedding_dimension()
    pooling = POOLINGS[recipe.pool](width)
    if isinstance(pooling, AtMask):
        pooling.find(transformer.tokenizer)
    head = _head(recipe.head, width)
    if recipe.freeze == "embeddings":
        transformer.model.get_input_embeddings().requires_grad_(False)
        if isinstance(whole := getattr(transformer.model, "embeddings", None), nn.Module):  # positions too
            whole.requires_grad_(False)
    if recipe.gradient_checkpointing:
        if not transformer.model.supports_gradient_checkpointing:
            raise UsageError(f"transformers has no gradient checkpointing for {transformer.model.config.model_type}.")
        transformer.model.gradient_checkpointing_enable({"use_reentrant": False})  # type: ignore[no-untyped-call]
    if recipe.adapter:
        adapt(transformer, recipe)
    modules: list[Any] = [transformer, pooling]
    if recipe.head in ("linear", "mlp"):
        modules.append(head)
        head = nn.Identity()
    return SentenceTransformer(modules=modules), head


def form(recipe: Recipe) -> Form:
    """How a recipe reads the transformer of its backbone."""
    return Form(recipe.layers, recipe.attention, recipe.dropout, recipe.precision, recipe.pool in ALL_LAYERS)


def _static(recipe: Recipe, folder: Path) -> tuple[SentenceTransformer, nn.Module]:
    """The encoder and head on static embeddings, which have one way of pooling and no layers to choose from."""
    tokenizer, weights = _table(folder)
    words = Words(tokenizer, weights)
    head = _head(recipe.head, words.embedding_dim)
    if recipe.head in ("linear", "mlp"):
        return SentenceTransformer(modules=[words, head]), nn.Identity()
    return SentenceTransformer(modules=[words]), head


def plain(model: SentenceTransformer) -> SentenceTransformer:
    """The encoder without the parts that only training needs; sentence-transformers can load it."""
    first: Any = model[0]
    if isinstance(first, Words):
        return SentenceTransformer(modules=[first.plain(), *list(model)[1:]])
    if isinstance(first, Transformer):
        merge(first)
        if any(getattr(part, "gradient_checkpointing", False) for part in first.model.modules()):
            first.model.gradient_checkpointing_disable()
    return model


def _head(kind: str, width: int) -> nn.Module:
    if kind == "none":
        return nn.Identity()
    if kind == "projector-train-only":  # DiffCSE's: batch normalisation, of the rows of all views on this device
        wide, narrow = nn.Linear(width, 2 * width, bias=False), nn.Linear(2 * width, width, bias=False)
        return nn.Sequential(wide, nn.BatchNorm1d(2 * width), nn.ReLU(), narrow, nn.BatchNorm1d(width, affine=False))
    if kind.endswith("linear-train-only"):  # the heads of arXiv 2402.18281: linear for BERT, tanh-linear for RoBERTa
        layer = nn.Linear(width, width)
        nn.init.normal_(layer.weight, std=6e-3)
        nn.init.normal_(layer.bias, std=6e-3)
        return nn.Sequential(nn.Tanh(), layer) if kind.startswith("tanh") else layer
    dense = Dense(width, width, activation_function=nn.Tanh() if kind.startswith("mlp") else None)
    # BERT's initialisation of new layers, which SimCSE's head uses too.
    nn.init.normal_(dense.linear.weight, std=0.02)
    nn.init.zeros_(dense.linear.bias)
    return nn.Sequential(dense.linear, nn.Tanh()) if kind == "mlp-train-only" else dense


def _words(kind: str, folder: Path, track: Track) -> StaticEmbedding:
    """Word vectors alone: the backbone's input embeddings, random ones of the same width, or each beside the other."""
    tokenizer, vectors = _table(folder)
    if kind.startswith("random"):
        vectors = torch.randn(*vectors.shape)
    if kind.endswith("weighted"):
        texts = [line[0] for line in data.training_text(track, "twins")]
        encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
        counts = Counter(i for encoding in encodings for i in encoding.ids)
        p = torch.tensor([counts[i] for i in range(len(vectors))]) / counts.total()
        if kind.startswith("marked"):
            parts = vectors - p @ vectors, torch.randn(*vectors.shape)
            vectors = torch.cat([normalize(part, dim=1) for part in parts], dim=1)
        vectors = vectors * (SIF_A / (SIF_A + p)).unsqueeze(1)
    return StaticEmbedding(tokenizer, embedding_weights=vectors)


def _table(folder: Path) -> tuple[Tokenizer, Tensor]:
    """The tokenizer and the input embeddings of a backbone."""
    if not (folder / "config.json").exists():
        static = StaticEmbedding.load(str(folder))
        ensure_fit_of_table(static)
        return static.tokenizer, static.embedding.weight.detach().float()
    transformer: Any = load(folder)
    return transformer.tokenizer.backend_tokenizer, transformer.model.get_input_embeddings().weight.detach()


def mapped(model: SentenceTransformer, posts: Sequence[Post], track: Track, lines: int = 5_000) -> SentenceTransformer:
    """The encoder with added linear maps, each fitted on the vectors of training text after those before it."""
    texts = [line[0] for line in data.training_text(track, "twins")][:lines]
    x = torch.from_numpy(model.encode(texts, show_progress_bar=False)).double()
    modules: list[Any] = [*model]
    for post in posts:
        weight, offset = post.load()(x, **post.arguments)
        x = x @ weight.T + offset
        dense = Dense(weight.shape[1], weight.shape[0], activation_function=None)
        dense.linear.weight.data, dense.linear.bias.data = weight.float(), offset.float()
        modules.append(dense)
    return SentenceTransformer(modules=modules)


def weights_sha256(model: nn.Module) -> str:
    """The hash of all parameters and buffers: encoders with the same hash give the same digits."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        tensor = value.detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.view(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    return digest.hexdigest()


def identity(model: SentenceTransformer) -> str:
    """The weights hash and all settings: encoders with the same identity give the same vectors, to the bit."""
    inner = [getattr(getattr(module, "model", None), "config", None) for module in model]
    settings: list[Any] = [(type(module).__name__, getattr(module, "get_config_dict", dict)()) for module in model]
    return repr((weights_sha256(model), settings, [config and config.to_json_string() for config in inner]))


def loaded_sha256(model: SentenceTransformer) -> str:
    """The weights hash of an encoder loaded from a folder, without the pooler that loading adds and no recipe uses."""
    model = copy.deepcopy(model)
    inner: Any = getattr(model[0], "model", None)
    if getattr(inner, "pooler", None) is not None:
        inner.pooler = None
    return weights_sha256(model)
