"""What a recipe may choose, and how it is resolved on a track."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

from srlbench.errors import UsageError, unknown
from srlbench.recipe.kinds import ensure_kinds
from srlbench.recipe.members import kinds_of
from srlbench.recipe.part import Part, names_of, parameters
from srlbench.recipe.parts import Companion, Loss, Post, View


@dataclass(frozen=True)
class Recipe:
    """Everything a recipe may choose. `None` means: as the track says."""

    encoder: str = "backbone"
    data: str = "none"
    loss: Loss | None = None
    pool: str = "cls"
    head: str = "none"
    post: str | tuple[Post, ...] = "none"  # maps that are fitted after the training, in this order
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
    views: tuple[View, ...] = ()  # of a text; (): as `data` says
    prompt: str | None = None  # the template with {text} that an encoder reads a text in
    companions: tuple[Companion, ...] = ()  # what trains beside the encoder
    needs: str = "nothing"  # of a backbone; not part of what is made of it
    # Departures for one track ("paper") or one of its backbones ("paper/roberta-base").
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "encoder": ("backbone", "random-words", "random-words-weighted", "input-words", "input-words-weighted",
                    "marked-words-weighted"),
        "data": ("none", "twins", "triplets"),
        "pool": ("cls", "mean", "max", "first-last", "last-two", "last", "weighted-mean", "mask"),
        "head": ("none", "linear", "mlp", *(f"{k}-train-only" for k in ("mlp", "linear", "tanh-linear", "projector"))),
        "post": ("none", "whitening"),
        "freeze": ("none", "embeddings"),
        "select": ("last", "dev"),
        "granularity": ("weight", "neuron", "head"),
        "scope": ("global", "layer"),
        "importance": ("both", "alignment", "uniformity", "magnitude", "random", "most"),
        "schedule": ("one-shot", "fine-tune", "rewind", "gradual"),
        "prunes": ("layers", "embeddings too"),
        "needs": ("nothing", "layers", "decoder"),
        "attention": ("causal", "bidirectional"),
        "precision": ("bf16",),
        "schedule_lr": ("constant", "cosine"),
        "adapter": ("lora",),
    }  # fmt: skip
    # How the backbone is read and the gradient computed; what is not chosen is no part of the recipe.
    OPEN: ClassVar[tuple[str, ...]] = (
        "schedule_lr", "layers", "attention", "precision", "micro_batch", "gradient_checkpointing", "skip_dropped",
        "adapter", "adapter_rank", "adapter_alpha", "adapter_targets", "prompt",
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
    def parts(self) -> tuple[Part, ...]:
        """The loss and all other parts, each of which is part of the fingerprint by its source."""
        of_views = [part for view in self.views for part in view.parts]
        posts = self.post if isinstance(self.post, tuple) else ()
        return (*(self.loss.terms if self.loss else ()), *of_views, *self.companions, *posts)

    @property
    def ends_at_last_step(self) -> bool:
        """Whether nothing changes the encoder after the last step, nor takes that of an earlier one."""
        return self.trained and self.select == "last" and self.post == "none" and not self.sparsity

    def check(self, name: str) -> None:
        """Refuse a value of the wrong kind or outside its choices, a loss without data, a budget that cannot be."""
        for key, choices in self.CHOICES.items():
            if key == "post" and isinstance(self.post, tuple):
                continue
            if getattr(self, key) not in (choices if key not in self.OPEN else (*choices, None)):
                raise UsageError(f"Recipe '{name}': {key} = {getattr(self, key)!r} is not one of {', '.join(choices)}.")
        ensure_kinds(name, [(each.name, getattr(self, each.name), str(each.type)) for each in fields(self)])
        for part in self.parts:
            known = kinds_of(part.source(), part.name) if part.arguments else {}
            ensure_kinds(name, [(key, value, known.get(key, "")) for key, value in part.arguments.items()])
        if self.trained != (self.loss is not None) and not (self.trained and self.companions):
            raise UsageError(f"Recipe '{name}': data and loss go together; one of them is missing.")
        self._check_parts(name)
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
        if not self.trained:
            raise UsageError(f"Recipe '{name}': world_size = {size} is for recipes that train.")
        if self.batch_size is not None and size > 0 and self.batch_size % size:
            raise UsageError(
                f"Recipe '{name}': a batch_size of {self.batch_size} cannot be shared equally by world_size = {size}."
            )

    def _check_memory(self, name: str) -> None:
        if self.micro_batch is not None and self.world_size not in (None, 1):
            raise UsageError(f"Recipe '{name}': micro_batch is for one process; world_size = {self.world_size}.")
        for key in ("adapter_rank", "adapter_alpha", "adapter_targets"):
            if getattr(self, key) is not None and self.adapter is None:
                raise UsageError(f"Recipe '{name}': {key} is of an adapter; add adapter=lora.")
        if self.adapter and self.sparsity:
            raise UsageError(f"Recipe '{name}': an adapter leaves the weights as they are, so none of them is pruned.")

    def _check_parts(self, name: str) -> None:
        if self.encoder != "backbone" and self.trained:
            raise UsageError(f"Recipe '{name}': encoder = {self.encoder!r} is never trained; leave data and loss out.")
        if (self.views or self.companions) and not self.trained:
            raise UsageError(f"Recipe '{name}': views and companions are for recipes that train.")
        for template in (self.prompt, *(view.prompt for view in self.views)):
            if template is not None and template.count("{text}") != 1:
                raise UsageError(f"Recipe '{name}': the prompt {template!r} has no single {{text}} in it.")
        known = [companion.name for companion in self.companions]
        if len(set(known)) < len(known):
            raise UsageError(f"Recipe '{name}': two companions have one name.")
        for place, view in enumerate(self.views):
            if view.encoder is not None and view.encoder not in known:
                raise unknown(f"encoder of a view of recipe '{name}'", view.encoder, known)
            if view.after is not None and not 0 <= view.after < place:
                raise UsageError(f"Recipe '{name}': view {place} begins after view {view.after}, which is none before.")
            if view.after is not None and (view.prompt, view.column) != (None, 0):
                raise UsageError(f"Recipe '{name}': view {place} has the text of view {view.after}, and no other.")
        count = len(self.views) or {"none": 0, "twins": 2, "triplets": 3}[self.data]
        for term in self.loss.terms if self.loss else ():
            if any(not 0 <= each < count for each in term.of):
                raise UsageError(f"Recipe '{name}': the loss {term.name} is of the views {term.of}, of {count}.")
        if (self.views or self.companions) and self.micro_batch is not None:
            raise UsageError(f"Recipe '{name}': micro_batch is for recipes without views and companions.")
        if self.word_deletion and any(view.prompt for view in self.views):
            raise UsageError(f"Recipe '{name}': word_deletion would delete words of the prompt; leave one of them out.")
        if any(name in names_of(companion.arguments.get("recipe")) for companion in self.companions):
            raise UsageError(f"Recipe '{name}' is its own teacher; train another recipe first.")

    def as_dict(self) -> dict[str, Any]:
        """The recipe as plain JSON values; a resolved recipe in this form is part of its fingerprint."""
        left = {"settings", "loss", "needs", "epochs", *(() if self.sparsity else self.SPARSE)}
        left |= {key for key in (*self.AUGMENTATIONS, *self.OPEN) if getattr(self, key) is None}
        left |= {"world_size"} if self.world_size in (None, 1) else set()
        left |= {key for key in ("views", "companions") if not getattr(self, key)}
        out = {f.name: _plain(getattr(self, f.name)) for f in fields(self) if f.name not in left}
        return {**out, "loss": None if self.loss is None else self.loss.as_dict()}


def _plain(value: Any) -> Any:
    return [each.as_dict() for each in value] if isinstance(value, tuple) else value


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
    known = {f.name for f in fields(Recipe)} - {"settings", "loss", "views", "companions"}
    for key, value in values.items():
        if key in known:
            recipe = replace(recipe, **{key: value})
        elif recipe.loss is not None and recipe.loss.takes(key):
            recipe = replace(recipe, loss=recipe.loss.with_argument(key, value))
        elif any(part.takes(key) for part in recipe.parts):
            recipe = _with_argument(recipe, key, value)
        else:
            of_parts = [key for part in recipe.parts for key in parameters(part)]
            raise unknown(f"setting of recipe '{name}'", key, [*known, *of_parts])
    return recipe


def _with_argument(recipe: Recipe, key: str, value: Any) -> Recipe:
    """The recipe with an argument of its parts replaced, in each part that takes it."""

    def changed(parts: Any) -> Any:
        return tuple(part.with_argument(key, value) if part.takes(key) else part for part in parts)

    return replace(
        recipe,
        views=tuple(replace(view, augment=changed(view.augment)) for view in recipe.views),
        companions=changed(recipe.companions),
        post=changed(recipe.post) if isinstance(recipe.post, tuple) else recipe.post,
    )
