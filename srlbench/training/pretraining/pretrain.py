"""Backbones made of plain text: static word vectors, or a small BERT pre-trained as a masked language model.

The same configuration, seed and thread count give the same weights bit for bit, also when the work was
killed and taken up again: every random draw follows from the seed and the number of the step.
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
TWIN_DROPOUT = 0.1  # what the encoder is published with: contrastive twins differ by nothing else


def pretrain(config: Pretraining, out: Path, report: Report) -> dict[str, Any]:
    """The card of the backbone in `out`, which is trained first unless it is there already."""
    build = fingerprint(config)
    if (done := card.read(out)) and done.get("build") == build:
        report(f"{out.name} is built already")
        return done
    torch.set_num_threads(config.threads)
    folder = out / ".pretrain" / build[:16]
    folder.mkdir(parents=True, exist_ok=True)
    text = Text(config.corpus, lambda: spoken(config), evaluated(config))
    corpus = prepare(text, config.vocabulary, config.max_length, folder, report)
    corpus.facts["generated"]["version"] = dialect(config)
    facts = {"build": build, "arguments": arguments(config), "corpus": corpus.facts}
    if config.layers:
        encoder, run = train(config, corpus, folder, report)
        result = card.publish(encoder, corpus.tokenizer, TWIN_DROPOUT, {**facts, **run}, folder, out)
    else:
        begun = time.perf_counter()
        table = factors(config, corpus, report)
        run = {"tokens": len(corpus.tokens), "seconds": time.perf_counter() - begun}
        result = card.publish_static(table, corpus.tokenizer, {**facts, **run}, folder, out)
    shutil.rmtree(out / ".pretrain")
    return result


def spoken(config: Pretraining) -> list[str]:
    """The generated lines."""
    if not config.generated:
        return []
    from srlbench.data import language

    return list(language.sentences(config.generated, config.seed))


def shape(config: Pretraining) -> BertConfig:
    # On a processor fused attention is the slower one for short rows in half precision (benchmarks/bench_pretrain.py).
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


def evaluated(config: Pretraining) -> frozenset[str]:
    """The letters of every sentence of the evaluation sets that are kept apart."""
    if config.apart is None:
        return frozenset()
    from srlbench import data
    from srlbench.tracks import protocol as protocols

    protocol = protocols.load("simcse")
    sets = (data.task(protocol, name, config.apart).splits.values() for name in protocol.tasks)
    columns = (split.get(key, ()) for splits in sets for split in splits for key in ("text", "sentence1", "sentence2"))
    return frozenset(letters(text) for column in columns for text in column)


def train(config: Pretraining, corpus: Corpus, folder: Path, report: Report) -> tuple[BertModel, dict[str, Any]]:
    """The encoder after all steps, and the facts of the way there; taken up from the last checkpoint."""
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
    held = heldout(corpus, masking)
    begun = time.perf_counter() - state["seconds"]
    for step, batches in reading(config, corpus, masking, state["step"]):
        loss = update(model, optimiser, batches, config, step)
        state["tokens"] += sum(int((ids != PAD).sum()) for ids, _, _ in batches)
        state |= {"step": step, "seconds": time.perf_counter() - begun}
        if step % config.measure == 0 or step == config.steps:
            point = {"step": step, "tokens": state["tokens"], "train": loss, **losses(model, held)}
            state["curve"].append(point)
            report(progress(state, config.steps))
        if step % config.checkpoint == 0 or step == config.steps:
            whole = {**state, "model": model.state_dict(), "optimiser": optimiser.state_dict()}
            torch.save(whole, folder / "checkpoint.tmp")
            os.replace(folder / "checkpoint.tmp", saved)
    return model.encoder.cpu(), {**state, "heldout": losses(model.cpu(), held)}


def start(model: MaskedModel, config: Pretraining, corpus: Corpus, report: Report) -> None:
    """Begin with what counting gives: the frequency of each token and, on request, its company."""
    often = np.bincount(corpus.tokens, minlength=config.vocabulary) + 1.0
    often[: len(SPECIAL)] = 1.0
    with torch.no_grad():
        model.bias.copy_(torch.from_numpy(np.log(often / often.sum())))
        if config.init == "svd":
            found = factors(config, corpus, report)
            met = found.abs().sum(1) > 0
            model.table[met] = found[met].to(config.device)


def factors(config: Pretraining, corpus: Corpus, report: Report) -> Tensor:
    """A vector for each word piece, from the company it keeps; zero of a piece that was never met."""
    report("factorising co-occurrences")
    lines = np.repeat(np.arange(len(corpus.starts) - 1), corpus.lengths)
    found = vectors(np.asarray(corpus.tokens), lines, config.vocabulary, config.width, config.power)
    return torch.from_numpy(found * (config.spread / found.std()))


def adamw(model: MaskedModel, config: Pretraining) -> torch.optim.AdamW:
    """Weight decay on matrices only, and a rate of their own for the word embeddings."""
    others = [p for p in model.parameters() if p is not model.table]
    groups = [
        {"params": [p for p in others if p.ndim > 1], "weight_decay": config.weight_decay, "part": 1.0},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0, "part": 1.0},
        {"params": [model.table], "weight_decay": 0.0, "part": config.table_lr},
    ]
    return torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.98), eps=1e-6, fused=True)


def reading(config: Pretraining, corpus: Corpus, masking: Masking, done: int) -> Iterator[tuple[int, list[Masked]]]:
    """Each step still to do: its number, from one, and its masked batches."""
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
    """One optimiser step; the mean loss of its masked tokens."""
    warm = max(1, round(config.warmup * config.steps))
    rate = config.lr * min(step / warm, (config.steps - step + 1) / max(1, config.steps - warm))
    for group in optimiser.param_groups:
        group["lr"] = rate * group["part"]
    model.train()
    torch.manual_seed(config.seed * 1_000_003 + step)  # dropout's; no random state need be kept
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
    named = ", ".join(f"{name} {last[name]:.3f}" for name in ("train", "text", "generated") if name in last)
    left = state["seconds"] / state["step"] * (steps - state["step"]) / 60
    rate = state["tokens"] / state["seconds"]
    return f"step {state['step']:,}/{steps:,}: {named}; {rate:,.0f} tokens/s, {left:.1f} min left"
