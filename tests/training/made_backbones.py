"""Tiny random backbones of many architectures, with the tokenizers that such models come with."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedTokenizerFast, T5GemmaConfig

from srlbench.data import language

WIDTH, LAYERS = 16, 3
SHAPE = {"hidden_size": WIDTH, "intermediate_size": 32, "num_hidden_layers": LAYERS, "num_attention_heads": 2}
GROUPED = {**SHAPE, "num_key_value_heads": 1}
NARROW = {**GROUPED, "head_dim": 8}
ENCODER = {"pad": "[PAD]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
# Kind -> settings of its configuration, and the special tokens of its tokenizer. A decoder has an end and no more.
ENCODERS: dict[str, dict[str, Any]] = {
    "bert": SHAPE,
    "roberta": {**SHAPE, "max_position_embeddings": 40},
    "xlm-roberta": {**SHAPE, "max_position_embeddings": 40},
    "distilbert": {"dim": WIDTH, "hidden_dim": 32, "n_layers": LAYERS, "n_heads": 2},
    "electra": {**SHAPE, "embedding_size": WIDTH},
    "albert": {**SHAPE, "embedding_size": 8},
    "mpnet": SHAPE,
    "deberta-v2": {**SHAPE, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False},
    "modernbert": SHAPE,
    "t5gemma": NARROW,
    "t5": {"d_model": WIDTH, "d_ff": 32, "d_kv": 8, "num_layers": LAYERS, "num_heads": 2},
}
DECODERS: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": WIDTH, "n_layer": LAYERS, "n_head": 2, "n_positions": 40},
    "opt": {**SHAPE, "ffn_dim": 32, "word_embed_proj_dim": WIDTH, "max_position_embeddings": 40},
    "llama": GROUPED,
    "qwen2": GROUPED,
    "qwen3": NARROW,
    "gemma3_text": NARROW,
    "smollm3": GROUPED,
}
KINDS = {**ENCODERS, **DECODERS}


def make(kind: str, folder: Path, seed: int = 0, **settings: Any) -> Path:
    """A backbone of this kind with random weights, at this path."""
    tokens = pieces() if kind in ("gpt2", "qwen2") else tokenizer(ENCODER if kind in ENCODERS else {"eos": "</s>"})
    ids = {f"{name}_token_id": getattr(tokens, f"{name}_token_id") for name in ("pad", "eos", "bos")}
    shape = {"vocab_size": len(tokens) + 8, **KINDS[kind], **ids, **settings}
    torch.manual_seed(seed)
    AutoModel.from_config(_config(kind, shape)).save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder


def _config(kind: str, shape: dict[str, Any]) -> PretrainedConfig:
    if kind == "t5gemma":  # an encoder with a decoder, of one shape here
        return T5GemmaConfig(encoder=shape, decoder=shape, vocab_size=shape["vocab_size"])
    return AutoConfig.for_model(kind, **shape)


def tokenizer(names: dict[str, str]) -> PreTrainedTokenizerFast:
    """A word-level tokenizer of the generated language; without [PAD] it pads on the left."""
    words = Counter(word for line in language.sentences(2000, seed=1) for word in line.split())
    vocabulary = {word: place for place, word in enumerate(["[UNK]", *names.values(), *words])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if "cls" in names:
        both = [(names[name], vocabulary[names[name]]) for name in ("cls", "sep")]
        made.post_processor = processors.TemplateProcessing(single=f"{both[0][0]} $A {both[1][0]}", special_tokens=both)
    roles = {f"{name}_token": text for name, text in names.items()}
    side = "right" if "pad" in names else "left"
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="[UNK]", padding_side=side, **roles)


def pieces() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer of word pieces, as GPT-2 has one; transformers makes no other for Qwen 2."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=["</s>"], initial_alphabet=alphabet)
    made.train_from_iterator(language.sentences(500, seed=1), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="</s>", padding_side="left")
