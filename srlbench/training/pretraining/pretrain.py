"""Backbones made of plain text: static word vectors, or a small BERT pre-trained as a masked language model.

The same configuration, seed and thread count give the same weights bit for bit, also when the process was
killed and resumed: every random draw depends on the seed and the number of the step alone.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from srlbench.training.pretraining import card
from srlbench.training.pretraining.build import POSITIONS, Pretraining, arguments, dialect, fingerprint
from srlbench.training.pretraining.corpus import Corpus, Text, letters, prepare
from srlbench.training.pretraining.masked import Masked, MaskedModel, Masking, heldout, losses
from srlbench.training.pretraining.vocabulary import PAD, SPECIAL, vectors

Report = Callable[[str], None]
TWIN_DROPOUT = 0.1  # of the published encoder: two dropout views differ by nothing else


def pretrain(config: Pretraining, out: Path, report: Report) -> dict[str, Any]:
    """Pre-train a backbone into `out`, unless it is there already; return its card."""
    build = fingerprint(config)
    if (card_there := card.read(out)) and card_there.get("build") == build:
        report(f"{out.name} is built already")
        return card_there
    torch.set_num_threads(config.threads)
    folder = out / ".pretrain" / build[:16]
    folder.mkdir(parents=True, exist_ok=True)
    text = Text(config.corpus, lambda: generated_lines(config), evaluation_letters(config))
    corpus = prepare(text, config.vocabulary, config.max_length, folder, report)
    corpus.facts["generated"]["version"] = dialect(config)
    facts = {"build": build, "arguments": arguments(config), "corpus": corpus.facts}
    if config.layers:
        encoder, run = train(config, corpus, folder, report)
        result = card.publish(encoder, corpus.tokenizer, TWIN_DROPOUT, {**facts, **run}, folder, out)
    else:
        start_time = time.perf_counter()
        table = factors(config, corpus, report)
        run = {"tokens": len(corpus.tokens), "seconds": time.perf_counter() - start_time}
        result = card.publish_static(table, corpus.tokenizer, {**facts, **run}, folder, out)
    shutil.rmtree(out / ".pretrain")
    return result


def generated_lines(config: Pretraining) -> list[str]:
    """The lines of the generated language."""
    if not config.generated:
        return []
    from srlbench.data import language

    return list(language.sentences(config.generated, config.seed))


def shape(config: Pretraining) -> BertConfig:
    """The configuration of the BERT to train."""
    # On a processor, fused attention is slower for short rows in half precision (benchmarks/bench_pretrain.py).
    attention: dict[str, Any] = {"attn_implementation": "eager"} if config.precision == "bf16" else {}
    return BertConfig(
        vocab_size=config.vocabulary,
        hidden_size=config.width,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        intermediate_size=4 * config.width,
        max_position_embeddings=POSITIONS,
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=config.dropout,
        **attention,
    )


def evaluation_letters(config: Pretraining) -> frozenset[str]:
    """The `letters` of every sentence of the evaluation sets, which the text must not contain."""
    if config.apart is None:
        return frozenset()
    from srlbench import data
    from srlbench.tracks import protocol as protocols

    protocol = protocols.load("simcse")
    sets = (data.task(protocol, name, config.apart).splits.values() for name in protocol.tasks)
    columns = (split.get(key, ()) for splits in sets for split in splits for key in ("text", "sentence1", "sentence2"))
    return frozenset(letters(text) for column in columns for text in column)


def train(config: Pretraining, corpus: Corpus, folder: Path, report: Report) -> tuple[BertModel, dict[str, Any]]:
    """Train the encoder, from the last checkpoint if there is one; return it and the facts of its training."""
    torch.manual_seed(config.seed)
    model = MaskedModel(shape(config)).to(config.device)
    optimiser = adamw(model, config)
    saved = folder / "checkpoint.pt"
    state: dict[str, Any] = {"step": 0, "tokens": 0, "seconds": 0.0, "curve": []}
    if saved.exists():
        state = torch.load(saved, weights_only=True)
        model.load_state_dict(state.pop("model"))
        optimiser.load_state_dict(state.pop("optimiser"))
        report(f"resumed after step {state['step']:,}")
    else:
        start(model, config, corpus, report)
    masking = Masking(config.masking, config.vocabulary, config.device)
    test = heldout(corpus, masking)
    start_time = time.perf_counter() - state["seconds"]
    for step, batches in remaining(config, corpus, masking, state["step"]):
        loss = update(model, optimiser, batches, config, step)
        state["tokens"] += sum(int((ids != PAD).sum()) for ids, _, _ in batches)
        state |= {"step": step, "seconds": time.perf_counter() - start_time}
        if step % config.measure == 0 or step == config.steps:
            point = {"step": step, "tokens": state["tokens"], "train": loss, **losses(model, test)}
            state["curve"].append(point)
            report(progress(state, config.steps))
        if step % config.checkpoint == 0 or step == config.steps:
            checkpoint = {**state, "model": model.state_dict(), "optimiser": optimiser.state_dict()}
            torch.save(checkpoint, folder / "checkpoint.tmp")
            os.replace(folder / "checkpoint.tmp", saved)
    return model.encoder.cpu(), {**state, "heldout": losses(model.cpu(), test)}


def start(model: MaskedModel, config: Pretraining, corpus: Corpus, report: Report) -> None:
    """Initialise the output bias by token frequencies and, with init = "svd", the word embeddings by `factors`."""
    counts = np.bincount(corpus.tokens, minlength=config.vocabulary) + 1.0
    counts[: len(SPECIAL)] = 1.0
    with torch.no_grad():
        model.bias.copy_(torch.from_numpy(np.log(counts / counts.sum())))
        if config.init == "svd":
            table = factors(config, corpus, report)
            nonzero = table.abs().sum(1) > 0
            model.table[nonzero] = table[nonzero].to(config.device)


def factors(config: Pretraining, corpus: Corpus, report: Report) -> Tensor:
    """A vector for each word piece, factorised from co-occurrences; zero for a piece that does not occur."""
    report("factorising co-occurrences")
    lines = np.repeat(np.arange(len(corpus.starts) - 1), corpus.lengths)
    table = vectors(np.asarray(corpus.tokens), lines, config.vocabulary, config.width, config.power)
    return torch.from_numpy(table * (config.spread / table.std()))


def adamw(model: MaskedModel, config: Pretraining) -> torch.optim.AdamW:
    """The optimiser: weight decay on matrices only, and a separate learning rate for the word embeddings."""
    others = [p for p in model.parameters() if p is not model.table]
    groups = [
        {"params": [p for p in others if p.ndim > 1], "weight_decay": config.weight_decay, "part": 1.0},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0, "part": 1.0},
        {"params": [model.table], "weight_decay": 0.0, "part": config.table_lr},
    ]
    return torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.98), eps=1e-6, fused=True)


def remaining(config: Pretraining, corpus: Corpus, masking: Masking, done: int) -> Iterator[tuple[int, list[Masked]]]:
    """The steps after `done`: the number of each (the first step is 1) and its masked batches."""
    step = 0
    for epoch in count():
        rng = np.random.default_rng([config.seed, 0, epoch])
        order = corpus.epoch(config.share, config.batch_tokens // config.chunks, rng)
        for first in range(0, len(order), config.chunks):
            step += 1
            if step > config.steps:
                return
            if step > done:
                rng = np.random.default_rng([config.seed, 1, step])
                lines = order[first : first + config.chunks]
                yield step, [masking(corpus.rows(chunk), rng) for chunk in lines]


def update(
    model: MaskedModel, optimiser: torch.optim.AdamW, batches: list[Masked], config: Pretraining, step: int
) -> float:
    """Take one optimiser step; return the mean loss of its masked tokens."""
    warm = max(1, round(config.warmup * config.steps))
    rate = config.lr * min(step / warm, (config.steps - step + 1) / max(1, config.steps - warm))
    for group in optimiser.param_groups:
        group["lr"] = rate * group["part"]
    model.train()
    torch.manual_seed(config.seed * 1_000_003 + step)  # for dropout, so that a checkpoint needs no random state
    masked = max(1, sum(len(wanted) for _, _, wanted in batches))
    total = 0.0
    for batch in batches:
        with torch.autocast(config.device, torch.bfloat16, enabled=config.precision == "bf16"):
            loss = model(*batch) / masked
        loss.backward()
        total += loss.item()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    optimiser.zero_grad()
    return total


def progress(state: dict[str, Any], steps: int) -> str:
    last = state["curve"][-1]
    values = ", ".join(f"{name} {last[name]:.3f}" for name in ("train", "text", "generated") if name in last)
    minutes = state["seconds"] / state["step"] * (steps - state["step"]) / 60
    rate = state["tokens"] / state["seconds"]
    return f"step {state['step']:,}/{steps:,}: {values}; {rate:,.0f} tokens/s, {minutes:.1f} min left"
