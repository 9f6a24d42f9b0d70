"""Masked-language-model pre-training of a small BERT on plain text; what `srlbench pretrain` runs.

The same configuration, seed and thread count give the same weights bit for bit, also when the work was
killed and taken up again: every random draw follows from the seed and the number of the step.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import BertConfig, BertModel

from srlbench.errors import UsageError
from srlbench.training import card
from srlbench.training.corpus import Corpus, file_hash, prepare
from srlbench.training.vocabulary import MASK, SPECIAL, vectors

Report = Callable[[str], None]
POSITIONS = 128
TWIN_DROPOUT = 0.1  # what the encoder is published with: contrastive twins differ by nothing else
SPREAD = 0.02  # standard deviation of initial weights, BERT's
HELDOUT_LINES = 1024  # of each kind of text, enough for two digits of the loss


@dataclass(frozen=True)
class Pretraining:
    """Everything the weights follow from: text, shape, objective and optimiser."""

    corpus: tuple[Path, ...] = ()
    generated: int = 0  # lines of the generated language
    share: float = 0.3  # of the tokens that are generated, where there is other text too
    layers: int = 2
    width: int = 128
    heads: int = 2
    vocabulary: int = 8192
    max_length: int = 64
    steps: int = 5000
    batch_tokens: int = 4096
    chunks: int = 2  # of a batch, one after the other: smaller ones stay in the cache
    lr: float = 1e-3
    warmup: float = 0.05
    weight_decay: float = 0.01
    masking: float = 0.15
    dropout: float = 0.1
    init: str = "random"
    seed: int = 0
    threads: int = 1
    device: str = "cpu"
    measure: int = 500
    checkpoint: int = 500

    def __post_init__(self) -> None:
        problems = {
            "no text: give a corpus or a number of generated lines": not self.corpus and not self.generated,
            f"init is 'random' or 'svd', not '{self.init}'": self.init not in ("random", "svd"),
            f"width {self.width} is not a multiple of heads {self.heads}": self.width % self.heads != 0,
            f"max_length {self.max_length} is above {POSITIONS}": self.max_length > POSITIONS,
            f"vocabulary {self.vocabulary} does not fit 16 bits": self.vocabulary > 65536,
            f"masking {self.masking} is not between 0 and 1": not 0 < self.masking < 1,
            f"share {self.share} is not between 0 and 1": not 0 <= self.share < 1,
            "steps, batch_tokens, chunks, measure and checkpoint are at least 1": min(
                self.steps, self.batch_tokens, self.chunks, self.measure, self.checkpoint
            )
            < 1,
        }
        for problem, found in problems.items():
            if found:
                raise UsageError(f"Cannot pre-train: {problem}.")


class MaskedModel(nn.Module):
    """A BERT without pooler, and the head that names its masked tokens with the input embeddings."""

    def __init__(self, config: Pretraining) -> None:
        super().__init__()
        self.encoder = BertModel(
            BertConfig(
                vocab_size=config.vocabulary,
                hidden_size=config.width,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                intermediate_size=4 * config.width,
                max_position_embeddings=POSITIONS,
                hidden_dropout_prob=config.dropout,
                attention_probs_dropout_prob=config.dropout,
                initializer_range=SPREAD,
            ),
            add_pooling_layer=False,
        )
        self.transform = nn.Linear(config.width, config.width)
        self.norm = nn.LayerNorm(config.width)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))

    def forward(self, ids: Tensor, chosen: Tensor, wanted: Tensor) -> Tensor:
        """Summed cross-entropy at the chosen places; the other places cost no output layer."""
        real = ids != 0
        hidden = self.encoder(ids, attention_mask=None if bool(real.all()) else real).last_hidden_state
        hidden = self.norm(F.gelu(self.transform(hidden.flatten(0, 1)[chosen])))
        table = self.encoder.embeddings.word_embeddings.weight
        return F.cross_entropy(F.linear(hidden, table, self.bias), wanted, reduction="sum")


def mask(
    ids: npt.NDArray[np.int64], config: Pretraining, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """BERT's corruption: of the chosen places 80% become [MASK], 10% another token, 10% stay."""
    flat = ids.ravel().copy()
    chosen = np.flatnonzero((rng.random(flat.size) < config.masking) & (flat >= len(SPECIAL)))
    wanted = flat[chosen]
    kind = rng.random(len(chosen))
    flat[chosen[kind < 0.8]] = MASK
    other = chosen[kind >= 0.9]
    flat[other] = rng.integers(len(SPECIAL), config.vocabulary, len(other))
    corrupted = torch.from_numpy(flat.reshape(ids.shape)).to(config.device)
    return corrupted, torch.from_numpy(chosen).to(config.device), torch.from_numpy(wanted).to(config.device)


def pretrain(config: Pretraining, out: Path, report: Report) -> dict[str, Any]:
    """The card of the backbone in `out`, which is trained first unless it is there already."""
    build = fingerprint(config)
    if (done := card.read(out)) and done.get("build") == build:
        report(f"{out.name} is built already")
        return done
    torch.set_num_threads(config.threads)
    folder = out / ".pretrain" / build[:16]
    folder.mkdir(parents=True, exist_ok=True)
    corpus = prepare(
        config.corpus, lambda: spoken(config), config.vocabulary, config.max_length, folder, report
    )
    run = train(config, corpus, folder, report)
    corpus.facts["generated"]["version"] = dialect(config)
    facts = {"build": build, "arguments": arguments(config), "corpus": corpus.facts, **run.pop("facts")}
    result = card.publish(run["encoder"], corpus.tokenizer, TWIN_DROPOUT, facts, folder, out)
    shutil.rmtree(out / ".pretrain")
    return result


def fingerprint(config: Pretraining) -> str:
    """What the weights follow from, in one hash: the arguments and the text, wherever it lies."""
    files = [file_hash(path) for path in config.corpus]
    known = {**arguments(config), "files": files, "language": dialect(config)}
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def arguments(config: Pretraining) -> dict[str, Any]:
    return {**asdict(config), "corpus": [path.name for path in config.corpus]}


def dialect(config: Pretraining) -> int | None:
    """The version of the generated language, if any of it is read."""
    if not config.generated:
        return None
    from srlbench.data import language  # a version is known only where the language is asked for

    return language.VERSION


def spoken(config: Pretraining) -> list[str]:
    """The generated lines."""
    if not config.generated:
        return []
    from srlbench.data import language

    return language.sentences(config.generated, config.seed)


def train(config: Pretraining, corpus: Corpus, folder: Path, report: Report) -> dict[str, Any]:
    """The encoder after all steps, and the facts of the way there; taken up from the last checkpoint."""
    torch.manual_seed(config.seed)
    model = MaskedModel(config)
    optimiser = adamw(model, config)
    saved = folder / "checkpoint.pt"
    state: dict[str, Any] = {"step": 0, "tokens": 0, "seconds": 0.0, "curve": []}
    if saved.exists():
        state = torch.load(saved, weights_only=True)
        model.load_state_dict(state.pop("model"))
        optimiser.load_state_dict(state.pop("optimiser"))
        report(f"resumed after step {state['step']:,}")
    elif config.init == "svd":
        report("factorising co-occurrences")
    if not saved.exists():
        start(model, config, corpus)
    model.to(config.device)
    held = heldout(config, corpus)
    begun = time.perf_counter() - state["seconds"]
    for step, batches in reading(config, corpus, state["step"]):
        state["tokens"] += sum(int((b[0] != 0).sum()) for b in batches)
        loss = update(model, optimiser, batches, config, step - 1)
        state |= {"step": step, "seconds": time.perf_counter() - begun}
        last = step == config.steps
        if step % config.measure == 0 or last:
            state["curve"].append(
                {"step": step, "tokens": state["tokens"], "train": loss, **losses(model, held)}
            )
            report(progress(state, config))
        if step % config.checkpoint == 0 or last:
            whole = {**state, "model": model.state_dict(), "optimiser": optimiser.state_dict()}
            torch.save(whole, folder / "checkpoint.tmp")
            os.replace(folder / "checkpoint.tmp", saved)
    return {"encoder": model.encoder.cpu(), "facts": {**state, "heldout": losses(model, held)}}


def start(model: MaskedModel, config: Pretraining, corpus: Corpus) -> None:
    """Begin with what counting gives: the frequency of each token and, on request, its company."""
    often = np.bincount(corpus.tokens, minlength=config.vocabulary)[: config.vocabulary] + 1.0
    often[: len(SPECIAL)] = 1.0
    with torch.no_grad():
        model.bias.copy_(torch.from_numpy(np.log(often / often.sum())))
        if config.init == "svd":
            lines = np.repeat(np.arange(len(corpus.starts) - 1), corpus.lengths)
            found = vectors(np.asarray(corpus.tokens), lines, config.vocabulary, config.width)
            table = model.encoder.embeddings.word_embeddings.weight
            met = torch.from_numpy(np.abs(found).sum(axis=1) > 0)
            table[met] = torch.from_numpy(found * (SPREAD / found.std()))[met]


def adamw(model: MaskedModel, config: Pretraining) -> torch.optim.AdamW:
    """Weight decay on matrices only."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.98), eps=1e-6, fused=True)


def reading(config: Pretraining, corpus: Corpus, done: int) -> Iterator[tuple[int, list[tuple[Tensor, ...]]]]:
    """Each step still to do: its number and its masked batches."""
    step = 0
    for epoch in count():
        order = corpus.epoch(
            config.share, config.batch_tokens // config.chunks, np.random.default_rng([config.seed, 0, epoch])
        )
        for first in range(0, len(order), config.chunks):
            step += 1
            if step > config.steps:
                return
            if step > done:
                rng = np.random.default_rng([config.seed, 1, step])
                yield (
                    step,
                    [mask(corpus.rows(lines), config, rng) for lines in order[first : first + config.chunks]],
                )


def update(
    model: MaskedModel,
    optimiser: torch.optim.AdamW,
    batches: list[tuple[Tensor, ...]],
    config: Pretraining,
    step: int,
) -> float:
    """One optimiser step; the mean loss of its masked tokens."""
    warm = max(1, round(config.warmup * config.steps))
    rate = config.lr * min((step + 1) / warm, (config.steps - step) / max(1, config.steps - warm))
    for group in optimiser.param_groups:
        group["lr"] = rate
    model.train()
    torch.manual_seed(config.seed * 1_000_003 + step)  # dropout, so that no random state need be kept
    masked = max(1, sum(len(wanted) for _, _, wanted in batches))
    total = 0.0
    for batch in batches:
        loss = model(*batch) / masked
        loss.backward()
        total += loss.item()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    optimiser.zero_grad()
    return total


def heldout(config: Pretraining, corpus: Corpus) -> dict[str, list[tuple[Tensor, ...]]]:
    """Masked batches of the first held-out lines, the same ones at every measurement."""
    found = {}
    for name, kind in (("text", False), ("generated", True)):
        lines = np.flatnonzero(corpus.heldout & (corpus.generated == kind))[:HELDOUT_LINES]
        lines = lines[np.argsort(corpus.lengths[lines], kind="stable")]
        rng = np.random.default_rng(0)
        groups = [lines[i : i + 64] for i in range(0, len(lines), 64)]
        found[name] = [mask(corpus.rows(group), config, rng) for group in groups]
    return {name: batches for name, batches in found.items() if batches}


@torch.no_grad()
def losses(model: MaskedModel, held: dict[str, list[tuple[Tensor, ...]]]) -> dict[str, float]:
    model.eval()
    return {
        name: sum(float(model(*b)) for b in batches) / max(1, sum(len(b[2]) for b in batches))
        for name, batches in held.items()
    }


def progress(state: dict[str, Any], config: Pretraining) -> str:
    last = state["curve"][-1]
    named = ", ".join(f"{name} {last[name]:.3f}" for name in ("train", "text", "generated") if name in last)
    left = state["seconds"] / state["step"] * (config.steps - state["step"])
    rate = state["tokens"] / state["seconds"]
    return f"step {state['step']:,}/{config.steps:,}: {named}; {rate:,.0f} tokens/s, {left / 60:.1f} min left"
