"""The published folder of a pre-trained backbone: Hugging Face files, `card.json`, and a README for people."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer
from torch import Tensor
from transformers import BertModel, PreTrainedTokenizerFast

from srlbench.escape import escaped
from srlbench.records.environment import environment
from srlbench.training.pretraining.corpus import file_hash
from srlbench.training.pretraining.vocabulary import SPECIAL

TEXT = """\
---
license: apache-2.0
language: en
library_name: {library}
---
# {name}

{what}
It is what a benchmark of training recipes starts from when minutes on a processor must do.

**Use it** to compare recipes with srlbench, and in tests: it loads with {loads}.
**Do not use it** as a sentence encoder in a product, nor to judge a recipe at the scale of BERT: it has read
{tokens:,} tokens, knows little of the world, and has the prejudices of its text.

| | |
|---|---|
{rows}

Every argument and hash{curve} is in `card.json`. To build it again from the same files:

```
{command}
```

The weights are under Apache-2.0. They are stored as float16 and meant to be loaded as float32. The text is
not part of this folder; text of Wikipedia is under CC BY-SA.
"""
TRANSFORMER = """\
A small BERT, {layers} layers of width {width} over {pieces:,} lower-cased word pieces, pre-trained by
masked language modelling for srlbench."""
STATIC = """\
Static vectors of width {width} for {pieces:,} lower-cased word pieces: factors of the positive pointwise
mutual information of neighbours. The vector of a sentence is their mean."""
FILES = ("tokenizer.json", "tokenizer_config.json", "modules.json", "config.json", "model.safetensors")


def read(folder: Path) -> dict[str, Any] | None:
    """The `card.json` of a folder, or None."""
    try:
        card = json.loads((folder / "card.json").read_text())
    except (OSError, ValueError):
        return None
    return card if isinstance(card, dict) else None


def publish(
    encoder: BertModel, tokenizer: Tokenizer, dropout: float, facts: Mapping[str, Any], work: Path, out: Path
) -> dict[str, Any]:
    """Write a transformer and its card to `out`, by way of `work`; return the card."""
    shape = encoder.config
    shape.hidden_dropout_prob = shape.attention_probs_dropout_prob = dropout
    shape.architectures, shape.dtype = ["BertModel"], "float32"
    shape.to_json_file(work / "config.json")
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, model_max_length=shape.max_position_embeddings, **names
    )
    fast.save_pretrained(work)
    return _write(encoder.state_dict(), facts, work, out)


def publish_static(
    table: Tensor, tokenizer: Tokenizer, facts: Mapping[str, Any], work: Path, out: Path
) -> dict[str, Any]:
    """Write word vectors and their card to `out`, as a sentence-transformers folder; return the card."""
    kind = f"{StaticEmbedding.__module__}.{StaticEmbedding.__name__}"
    modules = [{"idx": 0, "name": "0", "path": "", "type": kind}]
    (work / "modules.json").write_text(json.dumps(modules, indent=1) + "\n")
    tokenizer.save(str(work / "tokenizer.json"))
    return _write({"embedding.weight": table}, facts, work, out)


def _write(state: Mapping[str, Tensor], facts: Mapping[str, Any], work: Path, out: Path) -> dict[str, Any]:
    """Write every file to `work`, then move all of them to `out`, `card.json` last."""
    # Values beyond the range of float16 are a sign of broken training, not of a format that is too small.
    weights = {name: value.detach().half().contiguous() for name, value in state.items()}
    if not all(bool(torch.isfinite(value).all()) for value in weights.values()):
        raise FloatingPointError("The weights are not finite after training.")
    save_file(weights, work / "model.safetensors", metadata={"format": "pt"})
    card = {
        "name": out.name,
        **facts,
        "weights_sha256": file_hash(work / "model.safetensors"),
        "parameters": sum(value.numel() for value in weights.values()),
        "command": command(facts["arguments"], out.name),
        "environment": environment(),
    }
    (work / "README.md").write_text(people(card))
    (work / "card.json").write_text(json.dumps(card, indent=1) + "\n")
    (work / "model.safetensors").chmod(0o644)  # safetensors writes it readable for its owner alone
    for name in (*FILES, "README.md", "card.json"):
        if (work / name).exists():
            os.replace(work / name, out / name)
    return card


def command(arguments: Mapping[str, Any], name: str) -> str:
    """The command that builds this backbone again."""
    options = {key: value for key, value in arguments.items() if key != "corpus" and value is not None}
    flags = [f"--{key.replace('_', '-')} {value}" for key, value in options.items()]
    files = [f"--corpus {file}" for file in arguments["corpus"]]
    return " ".join(["srlbench pretrain", name, *files, *flags])


def people(card: Mapping[str, Any]) -> str:
    """The README of a backbone, from its card."""
    arguments, corpus = card["arguments"], card["corpus"]
    layers, width, pieces = (arguments[key] for key in ("layers", "width", "vocabulary"))
    generated, machine = corpus["generated"]["lines"], card["environment"]["cpu"]
    rows = {
        "text": "; ".join(f"{escaped(f['name'])} ({f['lines']:,} lines)" for f in corpus["files"]) or "none",
        "generated text": f"{generated:,} lines of srlbench's generated language" if generated else "none",
    }
    if "apart" in corpus:
        dropped = sum(file["left_out"] for file in corpus["files"])
        sentences = corpus["apart"]["sentences"]
        rows["evaluation sets"] = (
            f"{dropped:,} lines left out: in letters and digits one of their {sentences:,} sentences"
        )
    if layers:
        losses = ", ".join(f"{value:.3f} ({name})" for name, value in card["heldout"].items())
        rows |= {"held-out loss": losses or "not measured", "steps, tokens": f"{card['step']:,}, {card['tokens']:,}"}
    rows["time"] = f"{card['seconds'] / 60:.1f} minutes, {arguments['threads']} thread(s) of {escaped(machine)}"
    rows["weights sha256"] = f"`{card['weights_sha256']}`"
    what = TRANSFORMER if layers else STATIC
    return TEXT.format(
        name=escaped(card["name"]),
        library="transformers" if layers else "sentence-transformers",
        loads="`AutoModel` and with sentence-transformers" if layers else "sentence-transformers",
        what=what.format(layers=layers, width=width, pieces=pieces),
        tokens=card["tokens"],
        rows="\n".join(f"| {key} | {value} |" for key, value in rows.items()),
        curve=", and the loss curve," if layers else "",
        command=" ".join(card["command"].split()),  # one line cannot end the block it is in
    )
