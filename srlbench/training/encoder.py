"""The encoder a resolved recipe starts from: a backbone or random word vectors, a pooling, a head."""

from __future__ import annotations

import copy
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer

from srlbench import data
from srlbench.recipe import Recipe
from srlbench.tracks import Track
from srlbench.training.layers import FirstLast, Words

SIF_A = 1e-3


def build(recipe: Recipe, folder: Path, track: Track) -> tuple[SentenceTransformer, nn.Module]:
    """The encoder before training, and the head that only training sees (identity if there is none)."""
    if recipe.encoder != "backbone":
        return SentenceTransformer(modules=[_words(recipe.encoder, folder, track)]), nn.Identity()
    if not (folder / "config.json").exists():
        return _static(recipe, folder)
    layers = recipe.pool == "first-last"
    config: dict[str, Any] = {"output_hidden_states": True} if layers else {}
    if recipe.dropout is not None:
        config |= dict.fromkeys(("hidden_dropout_prob", "attention_probs_dropout_prob"), recipe.dropout)
    transformer = Transformer(
        str(folder),
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


def _static(recipe: Recipe, folder: Path) -> tuple[SentenceTransformer, nn.Module]:
    """Static embeddings have one way of pooling, and no layers to choose from."""
    known, weights = _table(folder)
    words = Words(known, weights)
    head = _head(recipe.head, words.embedding_dim)
    if recipe.head in ("linear", "mlp"):
        return SentenceTransformer(modules=[words, head]), nn.Identity()
    return SentenceTransformer(modules=[words]), head


def plain(model: SentenceTransformer) -> SentenceTransformer:
    """The encoder as anyone can load it, without what only training needs."""
    first = model[0]
    return SentenceTransformer(modules=[first.plain(), *list(model)[1:]]) if isinstance(first, Words) else model


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


def _words(kind: str, folder: Path, track: Track) -> StaticEmbedding:
    """Words alone: the backbone's input embeddings, or random vectors as wide, so that a probe has no less to see."""
    tokenizer, vectors = _table(folder)
    if kind.startswith("random"):
        vectors = torch.randn(*vectors.shape)
    if kind.endswith("weighted"):
        texts = [line[0] for line in data.training_text(track, "twins")]
        found = tokenizer.encode_batch(texts, add_special_tokens=False)
        counts = Counter(i for each in found for i in each.ids)
        p = torch.tensor([counts[i] for i in range(len(vectors))]) / counts.total()
        vectors = vectors * (SIF_A / (SIF_A + p)).unsqueeze(1)
    return StaticEmbedding(tokenizer, embedding_weights=vectors)


def _table(folder: Path) -> tuple[Tokenizer, Tensor]:
    """The backbone's tokenizer and its input embeddings."""
    if not (folder / "config.json").exists():
        known = StaticEmbedding.load(str(folder))
        return known.tokenizer, known.embedding.weight.detach().float()
    tokenizer = AutoTokenizer.from_pretrained(str(folder)).backend_tokenizer
    model = AutoModel.from_pretrained(str(folder), dtype=torch.float32, add_pooling_layer=False)
    return tokenizer, model.get_input_embeddings().weight.detach()


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


def loaded_sha256(model: SentenceTransformer) -> str:
    """The same of an encoder that was kept and loaded again: loading adds a pooler, which no recipe has or uses."""
    model = copy.deepcopy(model)
    inner: Any = getattr(model[0], "model", None)
    if getattr(inner, "pooler", None) is not None:
        inner.pooler = None
    return weights_sha256(model)
