"""Callbacks between the steps of a training: progress, observation, pruning, development scores, checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.evaluation import BaseEvaluator
from torch import Tensor
from transformers import TrainerCallback

from srlbench import data
from srlbench.training import checkpoints, sparsify
from srlbench.training.batches import Padding, TokenisedText, order
from srlbench.training.objective import Objective
from srlbench.training.ranks import ALONE, Ranks
from srlbench.training.rng import preserved_rng
from srlbench.training.sparsify import Masks
from srlbench.training.value import Training

OBSERVED = 64  # lines of the fixed batch that is observed during training
DevScore = Callable[[SentenceTransformer], float]
Report = Callable[[str, int, int], None]


class Watch(Protocol):
    """An observer of a training; `Observer` runs it so that the training does not change."""

    def steps(self, last: int) -> Collection[int]:
        """The steps to observe in a training of `last` steps; 0 is before the first."""

    def begin(self, model: SentenceTransformer) -> None:
        """Measure the encoder before training; this is called again when training resumes."""

    def look(
        self, step: int, model: SentenceTransformer, loss: Callable[..., Tensor], *views: Tensor
    ) -> dict[str, Any]:
        """Measure this step, in JSON types: the encoder, and the loss with the views of a fixed batch."""


def silent(stage: str, done: int, of: int) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class Hooks:
    """What the caller adds to a training: a development score, a progress callback, an observer, and the ranks."""

    dev_score: DevScore
    report: Report = silent
    watch: Watch | None = None
    ranks: Ranks = ALONE


class Dev(BaseEvaluator):
    """The development score as a sentence-transformers evaluator; it does not change the training."""

    def __init__(self, score: DevScore, ranks: Ranks) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.score, self.ranks = score, ranks

    def __call__(self, model: Any, *args: Any, **kwargs: Any) -> dict[str, float]:
        was_training = model.training
        with preserved_rng():
            score = self.ranks.broadcast(self.score(model.eval()) if self.ranks.first else 0.0)
        model.train(was_training)
        return {"dev": score}


class Progress(TrainerCallback):
    """A callback that reports each step."""

    def __init__(self, report: Report, steps: int) -> None:
        self.report, self.steps = report, steps

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.report("train", state.global_step, self.steps)


class Sparse(TrainerCallback):
    """A callback that keeps pruned weights at zero, and prunes more of them if pruning is gradual."""

    def __init__(self, objective: Objective, training: Training) -> None:
        self.objective, self.training, recipe = objective, training, training.recipe
        self.shares = sparsify.rise(recipe.steps or 0) if recipe.schedule == "gradual" else {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        sparsify.apply(self.objective.model, self.objective.masks)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step in self.shares:
            sparsity = self.shares[state.global_step] * (self.training.recipe.sparsity or 0)
            self.objective.masks = pruning_masks(self.objective.model, self.training, sparsity)
        sparsify.apply(self.objective.model, self.objective.masks)


class Observer(TrainerCallback):
    """A callback that shows a `Watch` the encoder, and the loss on one fixed batch with dropout, at some steps."""

    def __init__(self, objective: Objective, text: TokenisedText, watch: Watch, steps: int) -> None:
        self.objective, self.watch, self.steps = objective, watch, frozenset(watch.steps(steps))
        self.batch = Padding(text.pad, groups=1)([text[row] for row in range(min(OBSERVED, len(text)))])
        with self._untouched():
            watch.begin(objective.model.eval())

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 0:
            self._look(0)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._look(state.global_step)

    def _look(self, step: int) -> None:
        if step not in self.steps:
            return
        device = self.objective.model.device
        block = {key: self.batch[f"0_{key}"].to(device) for key in ("input_ids", "attention_mask")}
        with self._untouched():
            torch.manual_seed(0)
            with torch.no_grad():
                views = self.objective.train().embeddings([block], self.batch["label"].to(device))
            measures = self.watch.look(step, self.objective.model.eval(), self.objective.value, *views)
        self.objective.observed.append({"step": step, **measures})

    @contextmanager
    def _untouched(self) -> Iterator[None]:
        """Restore the random state and the training mode afterwards."""
        was_training = self.objective.training
        with preserved_rng():
            yield
        self.objective.train(was_training)


class Completed(TrainerCallback):
    """A callback that seals a checkpoint when all ranks have written it."""

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.ranks.barrier()  # afterwards every rank has written its part
        if self.ranks.first:
            checkpoints.seal(Path(args.output_dir) / f"checkpoint-{state.global_step}")


def pruning_masks(model: SentenceTransformer, training: Training, sparsity: float) -> Masks:
    """The masks of this sparsity, by importance on training text with dropout; model and random state stay the same."""
    recipe, seed = training.recipe, training.seed
    text = TokenisedText(data.training_text(training.track, "twins"), model.tokenizer, recipe.max_length or 0)
    rows = order(len(text), sparsify.ROWS, sparsify.BATCHES, seed)
    padding, was_training = Padding(text.pad, groups=1), model.training

    def views(number: int) -> tuple[Tensor, Tensor]:
        torch.manual_seed(seed * sparsify.BATCHES + number)  # the same dropout for every loss
        batch = padding([text[row] for row in rows[number]])
        block = {key: batch[f"0_{key}"].to(model.device) for key in ("input_ids", "attention_mask")}
        a, b = model(block)["sentence_embedding"][batch["label"]].chunk(2)
        return a, b

    with preserved_rng():
        units = sparsify.importance(model.train(), recipe, views, seed)
    model.train(was_training)
    return sparsify.masks(model, units, recipe, sparsity)
