"""The training loop; this is the only module that imports the Trainer."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.sentence_transformer.training_args import SentenceTransformerTrainingArguments
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import PrinterCallback

from srlbench import data
from srlbench.errors import UsageError
from srlbench.recipe import Recipe
from srlbench.tracks import Track
from srlbench.training import checkpoints, composed
from srlbench.training.augment import SHORTENS
from srlbench.training.batches import Padding, TokenisedText, order
from srlbench.training.callbacks import Completed, Dev, Hooks, Observer, Progress, Sparse
from srlbench.training.objective import Objective, ensure_positions
from srlbench.training.ranks import Ranks
from srlbench.training.rng import preserved_rng, stream
from srlbench.training.sparsify import Masks
from srlbench.training.value import Training

GROUPS = 4  # blocks of similar length in a batch on a processor; a GPU is faster with one big block
AHEAD = 4  # times as much of a text is read as fits the encoder, where words are deleted from it first
OBJECTIVE = "objective.pt"


def fit(
    model: SentenceTransformer, head: nn.Module, training: Training, hooks: Hooks, masks: Masks | None = None
) -> tuple[dict[str, Any], Masks]:
    """Train the model; return the log and the masks at the end. masks: those at the beginning."""
    recipe, ranks = training.recipe, hooks.ranks
    assert recipe.max_length and recipe.batch_size and recipe.steps
    ahead = AHEAD if any(getattr(recipe, name) for name in SHORTENS) else 1
    text = TokenisedText(
        data.training_text(training.track, recipe.data), model.tokenizer, recipe.max_length, ahead, recipe.views
    )
    batches = [ranks.share(rows) for rows in order(len(text), recipe.batch_size, recipe.steps, training.seed)]
    objective = composed.objective(model, head, training, text, batches, ranks)
    objective.masks, objective.micro_batch = masks or {}, recipe.micro_batch
    ensure_different_views(objective, text, recipe)
    if composed.skips(recipe):
        ensure_positions(model)
    trainer = _trainer(objective, text, training, hooks)
    trainer.batches = batches
    start = time.perf_counter()
    last = int(ranks.broadcast(checkpoints.newest(training.work) if ranks.first else 0))
    trainer.train(resume_from_checkpoint=str(training.work / f"checkpoint-{last}") if last else None)
    ranks.take_weights(objective)  # only the first rank went back to the selected checkpoint, if there was one
    losses = objective.history
    log = {
        "steps": recipe.steps,
        "batch_size": recipe.batch_size,
        "loss_first": sum(losses[:10]) / len(losses[:10]),
        "loss_last": sum(losses[-10:]) / len(losses[-10:]),
        "losses": losses[:: max(1, len(losses) // 50)],
        "selected": recipe.select,
        "dev": [(entry["step"], entry["eval_dev"]) for entry in trainer.state.log_history if "eval_dev" in entry],
        "observed": objective.observed,
        "seconds": time.perf_counter() - start,
    }
    return log, objective.masks


def ensure_different_views(objective: Objective, text: TokenisedText, recipe: Recipe) -> None:
    """Refuse a training whose two views of a sentence are the same, unless somebody said so (dropout=0)."""
    if recipe.data != "twins" or objective.views.shares or recipe.dropout == 0 or recipe.views or recipe.companions:
        return
    row = Padding(text.pad, groups=1)([text[0]])
    block = {key: row[f"0_{key}"].to(objective.model.device) for key in ("input_ids", "attention_mask")}
    was_training = objective.training
    with preserved_rng(), torch.no_grad():
        a, b = objective.train().embeddings([block], row["label"].to(objective.model.device))
    objective.train(was_training)
    if torch.equal(a, b):
        raise UsageError(
            "This backbone has no dropout, so both views of a sentence are the same and nothing can be learnt from "
            "them: give the recipe a dropout where the architecture has one (dropout=0.1), or leave out words "
            "(word_deletion=0.2)."
        )


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
            Progress(hooks.report, recipe.steps),
            *([Observer(objective, text, hooks.watch, recipe.steps)] if hooks.watch else []),
            Completed(ranks),
        ],
    )
    trainer.ranks, trainer.wrapped = ranks, ranks.wrap(objective)
    trainer.remove_callback(PrinterCallback)
    return trainer


def _arguments(recipe: Recipe, track: Track, seed: int, work: Path) -> SentenceTransformerTrainingArguments:
    assert recipe.steps and recipe.batch_size and recipe.lr
    interval = min(int(track.training["checkpoint_steps"]), max(1, recipe.steps // 2))
    selected = recipe.select == "dev"
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(work),
        max_steps=recipe.steps,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.lr,
        lr_scheduler_type=recipe.schedule_lr or "linear",
        seed=seed,
        optim="adamw_torch_fused",
        save_strategy="steps",
        save_steps=interval,
        save_total_limit=2,
        eval_strategy="steps" if selected else "no",
        eval_steps=interval,
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
    # A process uses one device, however many it sees; the Trainer would split the forward pass over all of them.
    arguments._n_gpu = int(arguments.device.type == "cuda")
    return arguments


class _Trainer(SentenceTransformerTrainer):
    """sentence-transformers' trainer on tokenised text, with batches that are fixed before the first step."""

    batches: list[list[int]]
    ranks: Ranks
    wrapped: nn.Module  # the objective, in DistributedDataParallel if there are several ranks

    @property
    def _objective(self) -> Objective:
        assert isinstance(self.loss, Objective)
        return self.loss

    def get_train_dataloader(self) -> DataLoader[Any]:
        # A list works as a batch sampler; when training resumes, the Trainer skips the batches that are done.
        text: Any = self.train_dataset
        loader = DataLoader(text, batch_sampler=self.batches, collate_fn=self.data_collator)
        return self.accelerator.prepare(loader)  # type: ignore[no-any-return]

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Tensor:
        """The loss, from one module of encoder, head and loss: the ranks share the gradients of that module."""
        return self.wrapped(*self.collect_features(inputs))  # type: ignore[no-any-return]

    # All ranks have the same weights and optimiser, but each has its own random state.
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

    # A checkpoint holds the objective with its head and loss history. A sentence-transformers folder has no place for
    # them, and loading one adds layers that no recipe has.
    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        objective = self._objective
        saved = {
            "weights": objective.state_dict(),
            "history": objective.history,
            "observed": objective.observed,
            "kept": objective.masks,
        }
        torch.save(saved, folder / OBJECTIVE)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        saved = torch.load(Path(resume_from_checkpoint) / OBJECTIVE, weights_only=True)
        self._objective.load_state_dict(saved["weights"])
        if not self.state.global_step:  # training resumes; at its end the best checkpoint is loaded, with other steps
            self._objective.history[:] = saved["history"]
            self._objective.observed[:] = saved["observed"]
            self._objective.masks = saved["kept"]

    def preprocess_dataset(self, dataset: Any = None, *args: Any, **kwargs: Any) -> Any:
        return dataset

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Write no model card: it would read the dataset's columns, and the records say more."""
