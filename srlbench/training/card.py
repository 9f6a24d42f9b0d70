"""A pre-trained backbone as published: a Hugging Face folder with a card for machines and one for people."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import BertModel, PreTrainedTokenizerFast

from srlbench.records.environment import environment
from srlbench.training.corpus import file_hash
from srlbench.training.vocabulary import SPECIAL

TEXT = """\
---
license: apache-2.0
language: en
library_name: transformers
---
# {name}

A small BERT, {layers} layers of width {width} over {vocabulary:,} lower-cased word pieces, pre-trained by
masked language modelling for srlbench. It is what a benchmark of training recipes starts from when minutes on
a processor must do.

**Use it** to compare recipes on srlbench's embedded track, and in tests: it loads with `AutoModel` and with
sentence-transformers. **Do not use it** as a sentence encoder in a product, nor to judge a recipe at the
scale of BERT: it has read {tokens:,} tokens, knows little of the world, and has the prejudices of its text.

| | |
|---|---|
| text | {sources} |
| generated text | {generated} |
| held-out loss | {losses} |
| steps, tokens | {steps:,}, {tokens:,} |
| time | {minutes:.1f} minutes, {threads} thread(s) of {cpu} |
| weights sha256 | `{sha}` |

Every argument, hash and the loss curve are in `card.json`. To build it again from the same files:

```
{command}
```

The weights are under Apache-2.0. They are stored as float16 and meant to be loaded as float32. The text is
not part of this folder; text of Wikipedia is under CC BY-SA.
"""


def read(folder: Path) -> dict[str, Any] | None:
    """The card of this folder, if it has one."""
    try:
        found = json.loads((folder / "card.json").read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def publish(
    encoder: BertModel, tokenizer: Tokenizer, dropout: float, facts: Mapping[str, Any], work: Path, out: Path
) -> dict[str, Any]:
    """Write every file beside its place, then move them there, the machine's card last."""
    # Values beyond float16's range would be a sign of broken training, not of a format too small.
    weights = {name: value.detach().half().contiguous() for name, value in encoder.state_dict().items()}
    if not all(bool(torch.isfinite(value).all()) for value in weights.values()):
        raise FloatingPointError("The weights are not finite after training.")
    save_file(weights, work / "model.safetensors", metadata={"format": "pt"})
    shape = encoder.config
    shape.hidden_dropout_prob = shape.attention_probs_dropout_prob = dropout
    shape.architectures, shape.dtype = ["BertModel"], "float32"
    shape.to_json_file(work / "config.json")
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, model_max_length=shape.max_position_embeddings, **names
    )
    fast.save_pretrained(work)
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
    (work / "model.safetensors").chmod(0o644)  # it is written for its owner alone
    for name in (
        "tokenizer.json",
        "tokenizer_config.json",
        "config.json",
        "model.safetensors",
        "README.md",
        "card.json",
    ):
        os.replace(work / name, out / name)
    return card


def command(arguments: Mapping[str, Any], name: str) -> str:
    """The line that builds this backbone again."""
    flags = [f"--{key.replace('_', '-')} {value}" for key, value in arguments.items() if key != "corpus"]
    files = [f"--corpus {file}" for file in arguments["corpus"]]
    return " ".join(["srlbench pretrain", name, *files, *flags])


def people(card: Mapping[str, Any]) -> str:
    arguments, corpus = card["arguments"], card["corpus"]
    sources = "; ".join(f"{f['name']} ({f['lines']:,} lines)" for f in corpus["files"]) or "none"
    spoken = corpus["generated"]["lines"]
    return TEXT.format(
        name=card["name"],
        layers=arguments["layers"],
        width=arguments["width"],
        vocabulary=arguments["vocabulary"],
        tokens=card["tokens"],
        sources=sources,
        generated=f"{spoken:,} lines of srlbench's generated language" if spoken else "none",
        losses=", ".join(f"{value:.3f} ({name})" for name, value in card["heldout"].items()) or "not measured",
        steps=card["step"],
        minutes=card["seconds"] / 60,
        threads=arguments["threads"],
        cpu=card["environment"]["cpu"],
        sha=card["weights_sha256"],
        command=card["command"],
    )
