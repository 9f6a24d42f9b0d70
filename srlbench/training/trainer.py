"""Training: the one importer of the Trainer."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.base.evaluation import BaseEvaluator
from sentence_transformers.sentence_transformer.training_args import SentenceTransformerTrainingArguments
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import PrinterCallback, TrainerCallback

from srlbench import data
from srlbench.recipe import Recipe
from srlbench.registry import loss_function
from srlbench.tracks import Track
from srlbench.training import encoder, sparsify
from srlbench.training.batches import Padding, TokenisedText, order
from srlbench.training.objective import Objective
from srlbench.training.rng import preserved_rng, seed_everything
from srlbench.training.sparsify import Masks

GROUPS = 4  # blocks of like length a batch on a processor; a GPU would rather have one big one
OBSERVED = 64  # lines of the fixed batch that is looked at while training
OBJECTIVE, COMPLETE = "objective.pt", "complete"
DevScore = Callable[[SentenceTransformer], float]
Report = Callable[[str, int, int], None]


class Watch(Protocol):
    """Looks at a training, and is made to leave no trace in it."""

    def steps(self, last: int) -> Collection[int]:
        """At which of so many steps it looks; 0 is before the first."""

    def begin(self, model: SentenceTransformer) -> None:
        """Looks at the encoder that training starts from, after an interruption too."""

    def look(self, model: SentenceTransformer, loss: Callable[..., Tensor], *views: Tensor) -> dict[str, Any]:
        """What it notes of a step, in JSON's types: of the encoder, and of the loss and the views of a fixed batch."""


@dataclass(frozen=True)
class Trained:
    """An encoder and the log of how it came to be."""

    model: SentenceTransformer
    weights_sha256: str
    log: dict[str, Any]
    kept: Masks  # of a sparse encoder


def train(
    recipe: Recipe,
    folder: Path,
    track: Track,
    seed: int,
    work: Path,
    dev_score: DevScore,
    report: Report,
    watch: Watch | None = None,
) -> Trained:
    """Train a resolved recipe from the backbone in `folder`; checkpoints in `work` are resumed from."""
    seed_everything(seed, track.threads)
    model, head = encoder.build(recipe, folder, track)
    fit = partial(_fit, recipe=recipe, track=track, seed=seed, dev_score=dev_score, report=report)
    log: dict[str, Any] = {}
    kept: Masks = {}
    again = bool(recipe.sparsity) and recipe.schedule in ("fine-tune", "rewind")
    if recipe.trained:
        log, kept = fit(model, head, work=work / "dense" if again else work, watch=None if again else watch)
    if recipe.sparsity and not kept:
        kept = _sparsest(model, recipe, track, seed, recipe.sparsity)
    if again:
        if recipe.schedule == "rewind":
            seed_everything(seed, track.threads)
            model, head = encoder.build(recipe, folder, track)
        log, kept = fit(model, head, work=work / "sparse", watch=watch, kept=kept)
    if recipe.sparsity:
        sparsify.apply(model, kept)
        log["sparsity"] = sparsify.counts(kept)
    if recipe.post == "whitening":
        model = encoder.whiten(model.eval(), track)
    return Trained(model.eval(), encoder.weights_sha256(model), log, kept)


def _fit(
    model: SentenceTransformer,
    head: nn.Module,
    recipe: Recipe,
    track: Track,
    seed: int,
    work: Path,
    dev_score: DevScore,
    report: Report,
    watch: Watch | None,
    kept: Masks | None = None,
) -> tuple[dict[str, Any], Masks]:
    """The log of one training, and the masks it ended with; `kept` are those it begins with."""
    assert recipe.loss and recipe.max_length and recipe.batch_size and recipe.steps
    text = TokenisedText(data.training_text(track, recipe.data), model.tokenizer, recipe.max_length)
    loss = loss_function(recipe.loss)
    objective = Objective(model, head, loss, dict(recipe.loss.arguments), text.views)
    objective.kept = kept or {}
    sparse = bool(recipe.sparsity) and recipe.schedule != "one-shot"
    trainer = _Trainer(
        model=model,
        args=_arguments(recipe, track, seed, work),
        train_dataset=text,
        loss=objective,
        data_collator=Padding(model.tokenizer.pad_token_id, groups=1 if torch.cuda.is_available() else GROUPS),
        evaluator=_Dev(dev_score) if recipe.select == "dev" else None,
        callbacks=[
            *([_Sparse(objective, recipe, track, seed)] if sparse else []),
            _Progress(report, recipe.steps),
            *([_Observer(objective, text, watch, recipe.steps)] if watch else []),
            _Completed(),
        ],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.batches = order(len(text), recipe.batch_size, recipe.steps, seed)
    start = time.perf_counter()
    trainer.train(resume_from_checkpoint=_last_checkpoint(work))
    losses = objective.history
    log = {
        "steps": recipe.steps,
        "batch_size": recipe.batch_size,
        "loss_first": sum(losses[:10]) / len(losses[:10]),
        "loss_last": sum(losses[-10:]) / len(losses[-10:]),
        "losses": losses[:: max(1, len(losses) // 50)],
        "selected": recipe.select,
        "dev": [(e["step"], e["eval_dev"]) for e in trainer.state.log_history if "eval_dev" in e],
        "observed": objective.observed,
        "seconds": time.perf_counter() - start,
    }
    return log, objective.kept


def _sparsest(model: SentenceTransformer, recipe: Recipe, track: Track, seed: int, sparsity: float) -> Masks:
    """The masks of the asked sparsity, by importance on training text with dropout; nothing else changes."""
    text = TokenisedText(data.training_text(track, "twins"), model.tokenizer, recipe.max_length or 0)
    rows = order(len(text), sparsify.ROWS, sparsify.BATCHES, seed)
    padding, was_training = Padding(model.tokenizer.pad_token_id, groups=1), model.training

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


def _arguments(recipe: Recipe, track: Track, seed: int, work: Path) -> SentenceTransformerTrainingArguments:
    assert recipe.steps and recipe.batch_size and recipe.lr
    every = int(track.training["checkpoint_steps"])
    selected = recipe.select == "dev"
    return SentenceTransformerTrainingArguments(
        output_dir=str(work),
        max_steps=recipe.steps,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.lr,
        lr_scheduler_type="linear",
        seed=seed,
        optim="adamw_torch_fused",
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        eval_strategy="steps" if selected else "no",
        eval_steps=every,
        load_best_model_at_end=selected,
        metric_for_best_model="dev" if selected else None,
        greater_is_better=True if selected else None,
        use_cpu=not torch.cuda.is_available(),
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
    )


class _Trainer(SentenceTransformerTrainer):
    """sentence-transformers' trainer over text that is already tokens, in an order fixed before the first step."""

    batches: list[list[int]]

    @property
    def _objective(self) -> Objective:
        assert isinstance(self.loss, Objective)
        return self.loss

    def get_train_dataloader(self) -> DataLoader[Any]:
        # A list is a batch sampler; on resume the Trainer skips the ones that were done.
        text: Any = self.train_dataset
        loader = DataLoader(text, batch_sampler=self.batches, collate_fn=self.data_collator)
        return self.accelerator.prepare(loader)  # type: ignore[no-any-return]

    # A checkpoint holds the objective, head and loss history included; as a sentence-transformers folder it would come
    # back with layers that no recipe has.
    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        mine = self._objective
        saved = {
            "weights": mine.state_dict(),
            "history": mine.history,
            "observed": mine.observed,
            "kept": mine.kept,
        }
        torch.save(saved, folder / OBJECTIVE)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        saved = torch.load(Path(resume_from_checkpoint) / OBJECTIVE, weights_only=True)
        self._objective.load_state_dict(saved["weights"])
        if not self.state.global_step:  # resuming, not going back to the best checkpoint at the end
            self._objective.history[:] = saved["history"]
            self._objective.observed[:] = saved["observed"]
            self._objective.kept = saved["kept"]

    def preprocess_dataset(self, dataset: Any = None, *args: Any, **kwargs: Any) -> Any:
        return dataset

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """No model card: it would look at the dataset's columns, and records say more."""


class _Dev(BaseEvaluator):
    """The development score in sentence-transformers' form; it leaves no trace in the training it looks at."""

    def __init__(self, score: DevScore) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.score = score

    def __call__(self, model: Any, *args: Any, **kwargs: Any) -> dict[str, float]:
        was_training = model.training
        with preserved_rng():
            score = self.score(model.eval())
        model.train(was_training)
        return {"dev": score}


class _Progress(TrainerCallback):
    def __init__(self, report: Report, steps: int) -> None:
        self.report, self.steps = report, steps

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.report("train", state.global_step, self.steps)


class _Sparse(TrainerCallback):
    """Keeps at zero what has gone, and lets more go where pruning is gradual."""

    def __init__(self, objective: Objective, recipe: Recipe, track: Track, seed: int) -> None:
        self.objective, self.recipe, self.track, self.seed = objective, recipe, track, seed
        self.rise = sparsify.rise(recipe.steps or 0) if recipe.schedule == "gradual" else {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        sparsify.apply(self.objective.model, self.objective.kept)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step in self.rise:
            risen = self.rise[state.global_step] * (self.recipe.sparsity or 0)
            self.objective.kept = _sparsest(self.objective.model, self.recipe, self.track, self.seed, risen)
        sparsify.apply(self.objective.model, self.objective.kept)


class _Observer(TrainerCallback):
    """Shows the encoder, and the objective on one fixed batch, dropout on, at some steps."""

    def __init__(self, objective: Objective, text: TokenisedText, watch: Watch, steps: int) -> None:
        self.objective, self.watch, self.steps = objective, watch, frozenset(watch.steps(steps))
        pad = objective.model.tokenizer.pad_token_id
        self.batch = Padding(pad, groups=1)([text[row] for row in range(min(OBSERVED, len(text)))])
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
            seen = self.watch.look(self.objective.model.eval(), self.objective.value, *views)
        self.objective.observed.append({"step": step, **seen})

    @contextmanager
    def _untouched(self) -> Iterator[None]:
        was_training = self.objective.training
        with preserved_rng():
            yield
        self.objective.train(was_training)


class _Completed(TrainerCallback):
    """Marks a checkpoint as whole: a killed save leaves a folder without this file, which is not resumed from."""

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE).touch()


def _last_checkpoint(work: Path) -> str | None:
    """The newest whole checkpoint; unfinished ones are removed so that they cannot be mistaken for one."""
    whole: list[tuple[int, Path]] = []
    for folder in work.glob("checkpoint-*"):
        if (folder / COMPLETE).is_file():
            whole.append((int(folder.name.rpartition("-")[2]), folder))
        else:
            shutil.rmtree(folder)
    return str(max(whole)[1]) if whole else None
