"""Training: the one importer of the Trainer."""

from __future__ import annotations

import shutil
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.sentence_transformer.training_args import SentenceTransformerTrainingArguments
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import PrinterCallback

from srlbench import data
from srlbench.recipe import Recipe
from srlbench.tracks import Track
from srlbench.training.batches import Padding, TokenisedText, order
from srlbench.training.callbacks import COMPLETE, Completed, Dev, Hooks, Observer, Shown, Sparse
from srlbench.training.objective import Objective, Views
from srlbench.training.ranks import Ranks
from srlbench.training.rng import stream
from srlbench.training.sparsify import Masks
from srlbench.training.value import Training

GROUPS = 4  # blocks of like length a batch on a processor; a GPU would rather have one big one
OBJECTIVE = "objective.pt"


def fit(
    model: SentenceTransformer, head: nn.Module, training: Training, hooks: Hooks, kept: Masks | None = None
) -> tuple[dict[str, Any], Masks]:
    """The log of one training, and the masks it ended with; `kept` are those it begins with."""
    recipe, ranks = training.recipe, hooks.ranks
    assert recipe.loss and recipe.max_length and recipe.batch_size and recipe.steps
    text = TokenisedText(data.training_text(training.track, recipe.data), model.tokenizer, recipe.max_length)
    loss = partial(recipe.loss.load(), **recipe.loss.arguments)
    objective = Objective(model, head, loss, Views(text.views, recipe.word_dropout or 0.0, training.seed), ranks)
    objective.kept = kept or {}
    trainer = _trainer(objective, text, training, hooks)
    start = time.perf_counter()
    last = int(ranks.broadcast(_last_checkpoint(training.work) if ranks.first else 0))
    trainer.train(resume_from_checkpoint=str(training.work / f"checkpoint-{last}") if last else None)
    ranks.take_weights(objective)  # where a selected checkpoint was gone back to, the first rank did
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


def _trainer(objective: Objective, text: TokenisedText, training: Training, hooks: Hooks) -> _Trainer:
    recipe, seed, ranks = training.recipe, training.seed, hooks.ranks
    assert recipe.batch_size and recipe.steps
    sparse = bool(recipe.sparsity) and recipe.schedule != "one-shot"
    trainer = _Trainer(
        model=objective.model,
        args=_arguments(recipe, training.track, seed if ranks.first else stream(seed, ranks.rank), training.work),
        train_dataset=text,
        loss=objective,
        data_collator=Padding(text.pad, groups=1 if torch.cuda.is_available() else GROUPS),
        evaluator=Dev(hooks.dev_score, ranks) if recipe.select == "dev" else None,
        callbacks=[
            *([Sparse(objective, training)] if sparse else []),
            Shown(hooks.report, recipe.steps),
            *([Observer(objective, text, hooks.watch, recipe.steps)] if hooks.watch else []),
            Completed(ranks),
        ],
    )
    trainer.ranks, trainer.wrapped = ranks, ranks.wrap(objective)
    trainer.remove_callback(PrinterCallback)
    trainer.batches = [ranks.share(batch) for batch in order(len(text), recipe.batch_size, recipe.steps, seed)]
    return trainer


def _arguments(recipe: Recipe, track: Track, seed: int, work: Path) -> SentenceTransformerTrainingArguments:
    assert recipe.steps and recipe.batch_size and recipe.lr
    every = int(track.training["checkpoint_steps"])
    selected = recipe.select == "dev"
    made = SentenceTransformerTrainingArguments(
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
    # One process has one device, however many it sees; the Trainer would spread its forward over all of them.
    made._n_gpu = int(made.device.type == "cuda")
    return made


class _Trainer(SentenceTransformerTrainer):
    """sentence-transformers' trainer over text that is already tokens, in an order fixed before the first step."""

    batches: list[list[int]]
    ranks: Ranks
    wrapped: nn.Module  # the objective, in DistributedDataParallel if there are several ranks

    @property
    def _objective(self) -> Objective:
        assert isinstance(self.loss, Objective)
        return self.loss

    def get_train_dataloader(self) -> DataLoader[Any]:
        # A list is a batch sampler; on resume the Trainer skips the ones that were done.
        text: Any = self.train_dataset
        loader = DataLoader(text, batch_sampler=self.batches, collate_fn=self.data_collator)
        return self.accelerator.prepare(loader)  # type: ignore[no-any-return]

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Tensor:
        """Of encoder, head and loss as one module, which is what the ranks share."""
        return self.wrapped(*self.collect_features(inputs))  # type: ignore[no-any-return]

    # Ranks have the same weights and optimiser, and random numbers of their own.
    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        if self.ranks.first:
            super()._save_checkpoint(model, trial)
        else:
            self._save_rng_state(str(Path(str(self.args.output_dir)) / f"checkpoint-{self.state.global_step}"))

    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(str(self._own(output_dir)))

    def _load_rng_state(self, checkpoint: str | None) -> None:
        super()._load_rng_state(checkpoint and str(self._own(checkpoint)))

    def _own(self, checkpoint: str) -> Path:
        return Path(checkpoint) if self.ranks.first else Path(checkpoint) / f"rank-{self.ranks.rank}"

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


def _last_checkpoint(work: Path) -> int:
    """The step of the newest whole checkpoint, or 0; unfinished ones are removed, not to be mistaken for one."""
    whole = [0]
    for folder in work.glob("checkpoint-*"):
        if (folder / COMPLETE).is_file():
            whole.append(int(folder.name.rpartition("-")[2]))
        else:
            shutil.rmtree(folder)
    return max(whole)
