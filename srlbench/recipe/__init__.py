"""A recipe: what is trained, on what, with which loss, and how its sentence vector is read off."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from srlbench.errors import UsageError, unknown
from srlbench.recipe.loss import Loss, LossFunction, parameters

__all__ = ["Loss", "LossFunction", "Recipe", "Registered", "change", "digest", "parameters", "recipe", "resolve"]


@dataclass(frozen=True)
class Recipe:
    """Everything a recipe may choose. `None` means: as the track says."""

    encoder: str = "backbone"
    data: str = "none"
    loss: Loss | None = None
    pool: str = "cls"
    head: str = "none"
    post: str = "none"
    freeze: str = "none"
    select: str = "last"
    dropout: float | None = None  # None: the backbone's own
    word_dropout: float | None = None  # the share of its pieces that each view of a sentence leaves out
    word_deletion: float | None = None  # the share of its words that is deleted from each view of a sentence
    sparsity: float | None = None  # the share of units that goes; `training.sparsify` says which
    granularity: str = "weight"
    scope: str = "global"
    importance: str = "both"
    schedule: str = "one-shot"
    prunes: str = "layers"
    lr: float | None = None
    batch_size: int | None = None
    steps: int | None = None
    max_length: int | None = None
    epochs: float | None = None  # passes over the text, where no steps are given; resolved to steps
    world_size: int | None = None  # processes, each on a device of its own, that share every batch; None: one
    schedule_lr: str | None = None  # how the learning rate goes over the steps; None: linearly to zero
    layers: int | None = None  # the first so many of the backbone; None: all
    attention: str | None = None  # of a decoder: which words a word sees; None: the backbone's own
    precision: str | None = None  # in which the transformer computes; None: float32
    micro_batch: int | None = None  # sentences in the encoder at once; the loss is of the whole batch, exactly
    gradient_checkpointing: bool | None = None  # compute activations again in the backward pass, to save memory
    skip_dropped: bool | None = None  # compute nothing for the pieces that word_dropout leaves out; the same but faster
    adapter: str | None = None  # train low-rank additions to the weights in place of the weights
    adapter_rank: int | None = None  # None: 8
    adapter_alpha: int | None = None  # its scale is alpha / rank; None: 16
    adapter_targets: str | None = None  # which linear layers it adds to, as a regular expression; None: all
    needs: str = "nothing"  # of a backbone; not part of what is made of it
    # Departures for one track ("paper") or one of its backbones ("paper/roberta-base").
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "encoder": ("backbone", "random-words", "random-words-weighted", "input-words", "input-words-weighted"),
        "data": ("none", "twins", "triplets"),
        "pool": ("cls", "mean", "max", "first-last", "last", "weighted-mean"),
        "head": ("none", "linear", "mlp", "mlp-train-only", "linear-train-only", "tanh-linear-train-only"),
        "post": ("none", "whitening"),
        "freeze": ("none", "embeddings"),
        "select": ("last", "dev"),
        "granularity": ("weight", "neuron", "head"),
        "scope": ("global", "layer"),
        "importance": ("both", "alignment", "uniformity", "magnitude", "random", "most"),
        "schedule": ("one-shot", "fine-tune", "rewind", "gradual"),
        "prunes": ("layers", "embeddings too"),
        "needs": ("nothing", "layers"),
        "attention": ("causal", "bidirectional"),
        "precision": ("bf16",),
        "schedule_lr": ("constant", "cosine"),
        "adapter": ("lora",),
    }
    # How the backbone is read and the gradient computed; what is not chosen is no part of the recipe.
    OPEN: ClassVar[tuple[str, ...]] = (
        "schedule_lr", "layers", "attention", "precision", "micro_batch", "gradient_checkpointing", "skip_dropped",
        "adapter", "adapter_rank", "adapter_alpha", "adapter_targets",
    )  # fmt: skip
    COUNTS: ClassVar[tuple[str, ...]] = ("layers", "micro_batch", "adapter_rank", "adapter_alpha")
    # Shares of the pieces of a view that `training.augment` changes; one that is not chosen is no part of the recipe.
    AUGMENTATIONS: ClassVar[tuple[str, ...]] = ("word_dropout", "word_deletion")
    # What only a recipe with some sparsity has; without, it is the dense recipe, fingerprint and all.
    SPARSE: ClassVar[tuple[str, ...]] = ("sparsity", "granularity", "scope", "importance", "schedule", "prunes")
    BUDGET: ClassVar[tuple[str, ...]] = ("lr", "batch_size", "steps", "max_length", "epochs", "world_size")

    @property
    def trained(self) -> bool:
        return self.data != "none"

    @property
    def ends_at_last_step(self) -> bool:
        """Whether nothing changes the encoder after the last step, nor takes that of an earlier one."""
        return self.trained and self.select == "last" and self.post == "none" and not self.sparsity

    def check(self, name: str) -> None:
        """Refuse a value outside its choices, a loss without data, a budget that cannot be."""
        for key, choices in self.CHOICES.items():
            if getattr(self, key) not in (choices if key not in self.OPEN else (*choices, None)):
                raise UsageError(f"Recipe '{name}': {key} = {getattr(self, key)!r} is not one of {', '.join(choices)}.")
        if self.trained != (self.loss is not None):
            raise UsageError(f"Recipe '{name}': data and loss go together; one of them is missing.")
        for key in ("dropout", *self.AUGMENTATIONS):
            share = getattr(self, key)
            if share is not None and not 0 <= share < 1:
                raise UsageError(f"Recipe '{name}': {key} = {share} is not between 0 and 1.")
        if self.sparsity is not None and not 0 <= self.sparsity < 1:
            raise UsageError(f"Recipe '{name}': sparsity = {self.sparsity} is not at least 0 and below 1.")
        if self.sparsity and not self.trained and self.schedule != "one-shot":
            raise UsageError(f"Recipe '{name}': schedule = {self.schedule!r} is for recipes that train.")
        self._check_world(name)
        self._check_memory(name)
        for key in (*self.BUDGET, *self.COUNTS):
            value = getattr(self, key)
            if value is not None and not value > 0:
                raise UsageError(f"Recipe '{name}': {key} = {value} must be positive.")

    def _check_world(self, name: str) -> None:
        size = self.world_size
        if size is None:
            return
        if type(size) is not int:
            raise UsageError(f"Recipe '{name}': world_size = {size!r} is not a whole number of processes.")
        if not self.trained:
            raise UsageError(f"Recipe '{name}': world_size = {size} is for recipes that train.")
        if self.batch_size is not None and size > 0 and self.batch_size % size:
            raise UsageError(
                f"Recipe '{name}': a batch_size of {self.batch_size} cannot be shared equally by world_size = {size}."
            )

    def _check_memory(self, name: str) -> None:
        for key in self.COUNTS:
            value = getattr(self, key)
            if value is not None and type(value) is not int:
                raise UsageError(f"Recipe '{name}': {key} = {value!r} is not a whole number.")
        for key in ("gradient_checkpointing", "skip_dropped"):
            if (value := getattr(self, key)) not in (None, True, False):
                raise UsageError(f"Recipe '{name}': {key} = {value!r} is neither true nor false.")
        if self.micro_batch is not None and self.world_size not in (None, 1):
            raise UsageError(f"Recipe '{name}': micro_batch is for one process; world_size = {self.world_size}.")
        for key in ("adapter_rank", "adapter_alpha", "adapter_targets"):
            if getattr(self, key) is not None and self.adapter is None:
                raise UsageError(f"Recipe '{name}': {key} is of an adapter; add adapter=lora.")
        if self.adapter and self.sparsity:
            raise UsageError(f"Recipe '{name}': an adapter leaves the weights as they are, so none of them is pruned.")

    def as_dict(self) -> dict[str, Any]:
        """The recipe as plain JSON values; a resolved recipe in this form is part of its fingerprint."""
        left = {"settings", "loss", "needs", "epochs", *(() if self.sparsity else self.SPARSE)}
        left |= {key for key in (*self.AUGMENTATIONS, *self.OPEN) if getattr(self, key) is None}
        left |= {"world_size"} if self.world_size in (None, 1) else set()
        out = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in left}
        loss = None if self.loss is None else {"name": self.loss.name, **self.loss.arguments}
        return {**out, "loss": loss}


def resolve(recipe: Recipe, name: str, defaults: Mapping[str, Any], *places: str) -> Recipe:
    """The recipe with nothing left open: the track's defaults, then its own values, then its settings for `places`."""
    values: dict[str, Any] = {}
    for key in Recipe.BUDGET:
        own = getattr(recipe, key)
        values[key] = (defaults.get(key) if own is None else own) if recipe.trained else None
    # Text is cut at the same length whether an encoder was trained or not.
    values["max_length"] = recipe.max_length or defaults.get("max_length")
    resolved = replace(recipe, **values, settings={})
    for place in places:
        resolved = change(resolved, name, recipe.settings.get(place, {}))
    resolved.check(name)
    return resolved


def change(recipe: Recipe, name: str, values: Mapping[str, Any]) -> Recipe:
    """The recipe with fields, or arguments of its loss (`temperature`), replaced."""
    known = {f.name for f in fields(Recipe)} - {"settings", "loss"}
    for key, value in values.items():
        if key in known:
            recipe = replace(recipe, **{key: value})
        elif recipe.loss is not None and (key in recipe.loss.arguments or key in parameters(recipe.loss)):
            recipe = replace(recipe, loss=recipe.loss.with_argument(key, value))
        else:
            of_loss = parameters(recipe.loss) if recipe.loss is not None else []
            raise unknown(f"setting of recipe '{name}'", key, [*known, *of_loss])
    return recipe


@dataclass(frozen=True)
class Registered:
    """A recipe under its name, with where it comes from and what its paper reports."""

    name: str
    recipe: Recipe
    summary: str
    family: str
    cite: str | None
    reported: Mapping[str, Mapping[str, float]]
    replaces: bool
    version_of: str | None = None  # another recipe: the two are compared
    changes: Mapping[str, Any] = field(default_factory=dict)  # of a variant: stronger than what a track says


# Filled by @recipe, with the module of the decorated function; read by the registry.
_collected: list[tuple[str, Registered]] = []


def recipe(
    *,
    name: str | None = None,
    cite: str | None = None,
    reported: Mapping[str, Mapping[str, float]] | None = None,
    replaces: bool = False,
    version_of: str | None = None,
    twin: str | None = None,
) -> Callable[[Callable[[], Recipe]], Callable[[], Recipe]]:
    """Register a function that returns a Recipe; its first docstring line is the recipe's description.

    reported: what the paper prints, by track and backbone: {"paper/bert-base-uncased": {"sts": 76.25}}.
    version_of: the registered recipe that this one is a version of; the two are compared (`twin` is its old name).
    replaces: take the place of a registered recipe of the same name, which is otherwise an error.
    """

    def register(build: Callable[[], Recipe]) -> Callable[[], Recipe]:
        called = name or build.__name__.replace("_", "-")
        made = build()
        made.check(called)
        module = sys.modules.get(build.__module__)
        family = Path(getattr(module, "__file__", None) or build.__module__).stem
        summary = (inspect.getdoc(build) or "").partition("\n")[0]
        original = version_of or twin
        entry = Registered(called, made, summary, family, cite, reported or {}, replaces, original)
        _collected.append((build.__module__, entry))
        build.entry = entry  # type: ignore[attr-defined]
        return build

    return register


def digest(value: Any) -> str:
    """A short stable hash of plain JSON values."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=asdict)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Module(ModuleType):
    """This module, which can be called as the decorator: `srlbench.recipe` is the name of both."""

    def __call__(self, **settings: Any) -> Callable[[Callable[[], Recipe]], Callable[[], Recipe]]:
        return recipe(**settings)


sys.modules[__name__].__class__ = _Module
