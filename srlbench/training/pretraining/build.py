"""The configuration of a pre-training: text, shape, objective and optimiser, and the hash of all of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from srlbench.errors import UsageError
from srlbench.training.pretraining.corpus import file_hash

POSITIONS = 128
# The settings that determine static vectors.
STATIC = (
    "corpus",
    "apart",
    "generated",
    "layers",
    "width",
    "vocabulary",
    "max_length",
    "power",
    "spread",
    "seed",
    "threads",
)


@dataclass(frozen=True)
class Pretraining:
    """All settings that determine the weights: text, shape, objective and optimiser."""

    corpus: tuple[Path, ...] = ()
    apart: Path | None = None  # the folder of the evaluation sets, whose sentences are left out of the text
    generated: int = 0  # lines of the generated language
    share: float = 0.3  # of generated tokens, if there is other text too
    layers: int = 2  # 0: the factorised word vectors themselves, without a transformer over them
    width: int = 128
    heads: int = 2
    vocabulary: int = 8192
    max_length: int = 64
    steps: int = 5000
    batch_tokens: int = 4096
    chunks: int = 2  # parts of a batch, one after the other: smaller ones stay in the processor's cache
    lr: float = 1e-3
    table_lr: float = 1.0  # of the word embeddings, relative to lr: training easily overwrites factorised ones
    warmup: float = 0.05
    weight_decay: float = 0.01
    masking: float = 0.15
    dropout: float = 0.1
    init: str = "random"
    power: float = 0.5  # of the singular values in factorised embeddings
    spread: float = 0.02  # standard deviation of the factorised embeddings
    seed: int = 0
    threads: int = 1
    device: str = "cpu"
    precision: str = "fp32"
    measure: int = 500
    checkpoint: int = 500

    def __post_init__(self) -> None:
        problems = {
            "no text: give a corpus or a number of generated lines": not self.corpus and not self.generated,
            f"init is 'random' or 'svd', not '{self.init}'": self.init not in ("random", "svd"),
            f"precision is 'fp32' or 'bf16', not '{self.precision}'": self.precision not in ("fp32", "bf16"),
            f"layers = {self.layers} is below 0": self.layers < 0,
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
        for problem, applies in problems.items():
            if applies:
                raise UsageError(f"Cannot pre-train: {problem}.")


def fingerprint(config: Pretraining) -> str:
    """One hash of everything that determines the weights: the arguments and the text; folders do not matter."""
    files = [file_hash(path) for path in config.corpus]
    inputs = {**arguments(config), "files": files, "language": dialect(config)}
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def arguments(config: Pretraining) -> dict[str, Any]:
    """The settings that matter for this backbone, with file names instead of paths."""
    apart = config.apart and config.apart.name
    settings = {**asdict(config), "corpus": [path.name for path in config.corpus], "apart": apart}
    return settings if config.layers else {key: settings[key] for key in STATIC}


def dialect(config: Pretraining) -> int | None:
    """The version of the generated language; None if no line of it is read."""
    if not config.generated:
        return None
    from srlbench.data import language  # imported only if the language is read

    return language.VERSION
