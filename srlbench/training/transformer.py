"""Transformers as encoders begin with them: whole weights, a fitting tokenizer, the layers and attention asked for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from torch import nn
from transformers import AutoConfig, PretrainedConfig, PreTrainedTokenizerBase
from transformers.models.auto.modeling_auto import MODEL_MAPPING

from srlbench.errors import UsageError
from srlbench.training.layers import Autocast

# The names that architectures have for the dropout of hidden states and of attention weights.
DROPOUTS = (
    "hidden_dropout_prob", "attention_probs_dropout_prob", "hidden_dropout", "attention_dropout", "dropout",
    "dropout_rate", "embd_pdrop", "resid_pdrop", "attn_pdrop", "embedding_dropout", "mlp_dropout",
)  # fmt: skip
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")  # a tokenizer has one of these files
POOLER = "pooler."  # the layer over the first token, which no pooling but cls-pooler reads


@dataclass(frozen=True)
class Form:
    """How the transformer of a folder is read; None: as its own configuration says."""

    layers: int | None = None  # the first so many
    attention: str | None = None  # "causal": a word sees those before it; "bidirectional": it sees all
    dropout: float | None = None  # of hidden states and attention weights
    precision: str | None = None  # "bf16": the transformer computes in it, its vectors are float32
    every_layer: bool = False  # give the hidden states of all layers, not of the last alone


AS_IT_IS = Form()
# Code that lies in a model's folder is never run. Left open, transformers asks whoever sits at a terminal.
NO_CODE = {"trust_remote_code": False}


def load(folder: Path, form: Form = AS_IT_IS, *, pooler: bool = False) -> Transformer:
    """The transformer of a folder in single precision; random or ill-fitting weights are a UsageError.

    pooler: load the layer over the first token too, if the architecture has one.
    """
    ensure_tokenizer(folder)
    options: dict[str, Any] = {"dtype": torch.float32, **NO_CODE}
    if not pooler and _takes_pooler(folder):
        options["add_pooling_layer"] = False  # with it, loading would print a report of unused weights
    kind = Autocast if form.precision == "bf16" else Transformer
    with _checked(lambda config: _change(config, form, folder)):
        transformer: Transformer = kind(
            str(folder), model_kwargs=options, processor_kwargs=NO_CODE, config_kwargs=NO_CODE
        )
    ensure_fit(transformer)
    transformer.processor.padding_side = "right"  # as in training, where positions count from the left
    if form.attention is not None and form.attention != attention(transformer):
        raise UsageError(
            f"transformers has no {form.attention} attention for {_kind(transformer)}; leave attention out."
        )
    if form.layers is not None and form.layers != layers(transformer):
        raise UsageError(f"transformers cannot take the first layers of {_kind(transformer)}; leave layers out.")
    return transformer


@contextmanager
def whole_weights() -> Iterator[None]:
    """Every transformer that sentence-transformers loads inside has all its weights, or is refused."""
    with _checked(lambda config: None):
        yield


@contextmanager
def _checked(change: Callable[[Any], None]) -> Iterator[None]:
    """Inside, a configuration is changed before its model is loaded, and the loaded model is checked.

    sentence-transformers loads both in one step, and throws away what transformers says about the weights.
    """
    load_config, load_model = Transformer._load_config, Transformer._load_model

    def config(self: Any, *args: Any, **options: Any) -> Any:
        loaded = load_config(self, *args, **options)
        change(loaded[0])
        return loaded

    def model(self: Any, folder: str, *args: Any, **options: Any) -> Any:
        if "ignore_mismatched_sizes" in options:  # a compact encoder, whose weights are loaded and checked afterwards
            return load_model(self, folder, *args, **options)
        checks = {"output_loading_info": True, "ignore_mismatched_sizes": True}
        loaded, report = load_model(self, folder, *args, **options, **checks)
        ensure_weights(loaded, report, folder)
        return loaded

    Transformer._load_config, Transformer._load_model = config, model
    try:
        yield
    finally:
        Transformer._load_config, Transformer._load_model = load_config, load_model


def ensure_weights(model: nn.Module, report: Mapping[str, Any], folder: str | Path) -> None:
    """Refuse a model some of whose weights were filled at random, have another shape, or are no finite numbers."""
    total = len(model.state_dict())
    missing = sorted(key for key in report["missing_keys"] if not key.startswith(POOLER))
    if missing:
        raise UsageError(f"{len(missing)} of {total} tensors are missing in {folder}, first: {missing[0]}.")
    if misshapen := sorted(report["mismatched_keys"]):
        name, there, wanted = (tuple(part) if isinstance(part, torch.Size) else part for part in misshapen[0])
        raise UsageError(
            f"{len(misshapen)} of {total} tensors in {folder} have another shape than its config.json says, first: "
            f"{name} with {there} instead of {wanted}."
        )
    for name, value in model.named_parameters():
        if not value.is_floating_point():
            raise UsageError(f"The tensor {name} in {folder} has the type {value.dtype}, which is none of weights.")
        if not torch.isfinite(value).all():
            raise UsageError(f"The tensor {name} in {folder} has values that are not finite.")


def ensure_tokenizer(folder: Path) -> None:
    """Refuse a folder without a vocabulary; transformers would make up an empty one."""
    if not any(any(folder.rglob(pattern)) for pattern in VOCABULARIES):
        raise UsageError(f"There is no tokenizer in {folder}: none of {', '.join(VOCABULARIES)}.")


def ensure_fit(transformer: Transformer) -> None:
    """Refuse a tokenizer whose ids exceed the table; give it a token to pad with, and texts that fit the positions."""
    tokenizer: Any = transformer.tokenizer
    if not isinstance(tokenizer, PreTrainedTokenizerBase):
        raise UsageError(f"The tokenizer of this {_kind(transformer)} is none of transformers.")
    rows = _rows(transformer)
    highest = max(tokenizer.get_vocab().values(), default=-1)
    if highest < 0 or highest >= rows:
        raise _unfit(highest, rows)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token or tokenizer.convert_ids_to_tokens(0)
    for name, module in transformer.model.named_modules():
        # RoBERTa's positions begin behind its padding token, so that fewer texts fit than there are rows.
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            longest = module.num_embeddings - module.padding_idx - 1
            tokenizer.model_max_length = min(tokenizer.model_max_length, longest)


def ensure_fit_of_table(words: StaticEmbedding) -> None:
    """Refuse static embeddings whose tokenizer has ids that exceed the table."""
    highest, rows = int(words.tokenizer.get_vocab_size()) - 1, int(words.num_embeddings)
    if highest < 0 or highest >= rows:
        raise _unfit(highest, rows)


def _rows(transformer: Transformer) -> int:
    table: Any = transformer.model.get_input_embeddings()
    return int(table.weight.shape[0])


def _unfit(highest: int, rows: int) -> UsageError:
    return UsageError(
        f"The tokenizer does not fit the model: its ids go up to {highest}, and the embedding table has {rows} rows."
    )


def _change(config: Any, form: Form, folder: Path) -> None:
    """Put the form into a configuration, before the model is made of it."""
    text = of_encoder(config)
    if form.every_layer:
        config.output_hidden_states = text.output_hidden_states = True
    if form.layers is not None:
        if form.layers > text.num_hidden_layers:
            raise UsageError(f"{folder} has {text.num_hidden_layers} layers; the first {form.layers} cannot be taken.")
        text.num_hidden_layers = form.layers
        if getattr(text, "layer_types", None):
            text.layer_types = text.layer_types[: form.layers]
    if form.attention is not None:
        text.is_causal = form.attention == "causal"
    if form.dropout is not None:
        names = [name for name in DROPOUTS if hasattr(text, name)]
        if not names:
            raise UsageError(f"A {text.model_type} has no dropout to set; leave out words instead (word_deletion).")
        for name in names:
            setattr(text, name, form.dropout)


def of_encoder(config: Any) -> Any:
    """The configuration of the part that reads a text; an encoder with a decoder may have one for each."""
    encoder = getattr(config, "encoder", None)
    return encoder if isinstance(encoder, PretrainedConfig) else config.get_text_config()


@torch.no_grad()
def attention(transformer: Transformer) -> str:
    """Which words a word sees, as measured: "causal", "bidirectional", or "mixed" if that depends on the padding."""
    was_training = transformer.training
    ids = torch.arange(4).remainder(_rows(transformer)).repeat(2, 1)
    ids[1, -1] = min(4, _rows(transformer) - 1)
    padded = torch.cat([ids, ids[:1]])
    mask = torch.ones_like(padded)
    mask[2, 2:] = 0  # with a shorter text beside them, the mask of the two is another
    seen = set()
    for batch, attended in ((ids, mask[:2]), (padded, mask)):
        first = transformer.eval()({"input_ids": batch, "attention_mask": attended})["token_embeddings"][:, 0]
        seen.add(not torch.equal(first[0], first[1]))
    transformer.train(was_training)
    return "mixed" if len(seen) == 2 else "bidirectional" if seen.pop() else "causal"


@torch.no_grad()
def layers(transformer: Transformer) -> int:
    """The number of layers, as a forward pass shows them."""
    hidden = transformer.model(torch.zeros(1, 1, dtype=torch.long), output_hidden_states=True).hidden_states
    return len(hidden) - 1


def _takes_pooler(folder: Path) -> bool:
    """Whether the architecture can be made without its layer over the first token."""
    kind = MODEL_MAPPING.get(type(AutoConfig.from_pretrained(folder, **NO_CODE)), None)
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return any("add_pooling_layer" in inspect.signature(each.__init__).parameters for each in kinds if each)


def _kind(transformer: Transformer) -> str:
    return str(transformer.model.config.model_type)
