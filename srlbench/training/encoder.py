"""The encoder a resolved recipe starts from: a backbone or random word vectors, a pooling, a head."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding
from torch import nn
from transformers import AutoConfig, AutoTokenizer

from srlbench import data
from srlbench.recipe import Recipe
from srlbench.tracks import Track
from srlbench.training.layers import FirstLast

SIF_A = 1e-3


def build(recipe: Recipe, folder: Path, track: Track) -> tuple[SentenceTransformer, nn.Module]:
    """The encoder before training, and the head that only training sees (identity if there is none)."""
    if recipe.encoder != "backbone":
        weighted = recipe.encoder == "random-words-weighted"
        return SentenceTransformer(modules=[_random_words(folder, track if weighted else None)]), nn.Identity()
    layers = recipe.pool == "first-last"
    config: dict[str, Any] = {"output_hidden_states": True} if layers else {}
    if recipe.dropout is not None:
        config |= dict.fromkeys(("hidden_dropout_prob", "attention_probs_dropout_prob"), recipe.dropout)
    transformer = Transformer(
        str(folder),
        max_seq_length=recipe.max_length,
        config_kwargs=config,
        # Loading prints a report of unused weights otherwise; no recipe uses the backbone's own pooler.
        model_kwargs={"dtype": torch.float32, "add_pooling_layer": False},
    )
    width = transformer.get_embedding_dimension()
    pooling = FirstLast(width, "mean") if layers else Pooling(width, recipe.pool)
    head = _head(recipe.head, width)
    if recipe.freeze == "embeddings":
        transformer.model.get_input_embeddings().requires_grad_(False)
        transformer.model.embeddings.requires_grad_(False)
    modules: list[Any] = [transformer, pooling]
    if recipe.head in ("linear", "mlp"):
        modules.append(head)
        head = nn.Identity()
    return SentenceTransformer(modules=modules), head


def _head(kind: str, width: int) -> nn.Module:
    if kind == "none":
        return nn.Identity()
    if kind.endswith("linear-train-only"):  # of arXiv 2402.18281: the first for BERT, with tanh before it for RoBERTa
        layer = nn.Linear(width, width)
        nn.init.normal_(layer.weight, std=6e-3)
        nn.init.normal_(layer.bias, std=6e-3)
        return nn.Sequential(nn.Tanh(), layer) if kind.startswith("tanh") else layer
    dense = Dense(width, width, activation_function=nn.Tanh() if kind.startswith("mlp") else None)
    # BERT's initialisation of new layers, as SimCSE's head has it.
    nn.init.normal_(dense.linear.weight, std=0.02)
    nn.init.zeros_(dense.linear.bias)
    return nn.Sequential(dense.linear, nn.Tanh()) if kind == "mlp-train-only" else dense


def _random_words(folder: Path, track: Track | None) -> StaticEmbedding:
    """As wide as the backbone, so that a probe on them has no more to work with."""
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    vectors = torch.randn(len(tokenizer), AutoConfig.from_pretrained(str(folder)).hidden_size)
    if track is not None:
        texts = [line[0] for line in data.training_text(track, "twins")]
        counts = Counter(i for ids in tokenizer(texts, add_special_tokens=False)["input_ids"] for i in ids)
        p = torch.tensor([counts[i] for i in range(len(tokenizer))]) / counts.total()
        vectors *= (SIF_A / (SIF_A + p)).unsqueeze(1)
    return StaticEmbedding(tokenizer.backend_tokenizer, embedding_weights=vectors)


def whiten(model: SentenceTransformer, track: Track, lines: int = 5_000) -> SentenceTransformer:
    """The encoder with a linear map appended that whitens its vectors of training text."""
    texts = [line[0] for line in data.training_text(track, "twins")][:lines]
    x = torch.from_numpy(model.encode(texts, show_progress_bar=False)).double()
    mean = x.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov(x.T))
    whitener = (vectors / values.clamp_min(1e-6).sqrt()).T
    width = len(mean)
    modules = [*model, Dense(width, width, activation_function=None)]
    modules[-1].linear.weight.data = whitener.float()
    modules[-1].linear.bias.data = -(whitener @ mean).float()
    return SentenceTransformer(modules=modules)


def weights_sha256(model: nn.Module) -> str:
    """Hash of every parameter and buffer: two encoders with one hash give the same digits."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        tensor = value.detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.view(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    return digest.hexdigest()
