"""The objective of a recipe that is more than a loss over two dropout views: views, companions, several losses."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from srlbench.errors import SrlbenchError, UsageError
from srlbench.recipe import Recipe, View
from srlbench.training.augment import AUGMENTATIONS, pieces
from srlbench.training.batches import Block, TokenisedText, frame, special
from srlbench.training.objective import Objective, Views
from srlbench.training.ranks import Ranks
from srlbench.training.step import BLOCKS, Start, Step
from srlbench.training.text import Text, blocks, joined, read, stacked, vocabulary
from srlbench.training.value import Training

Batches = Sequence[Sequence[int]]  # the lines of each step
NOISE = 7  # numbers the random streams of augmentations apart from those of companions


class Composed(Objective):
    """An objective with the views and companions that a recipe names.

    A step: the views are made and encoded, and a companion's `pooled` changes the vectors of a view before the head;
    what its `gives` returns goes to the loss by name, and its own `loss` is added; then `after` is called. Companions
    are modules of this one, so that checkpoints and ranks keep their state.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        head: nn.Module,
        training: Training,
        text: TokenisedText,
        batches: Batches,
        ranks: Ranks,
    ) -> None:
        recipe, lines, count = training.recipe, text.lines, text.views
        # Only where words are deleted was more of a text read than fits, to be cut afterwards.
        views = Views(count, shares(recipe), training.seed, text.longest if recipe.word_deletion else None)
        super().__init__(model, head, self.value_of, views, ranks)
        self.pieces = pieces(model.tokenizer, special(model.tokenizer))
        self.vocabulary = vocabulary(model, self.pieces)
        self.skips = skips(recipe)
        self.spec = recipe.views or (View(),) * count
        self.frames = [frame(model.tokenizer, view.prompt) if view.prompt else None for view in self.spec]
        self.lines, self.batches = lines, batches
        start = Start(model, head, training, self.vocabulary, lines, batches, ranks)
        self.companions = nn.ModuleDict({part.name: part.load()(start, **part.arguments) for part in recipe.companions})
        self.loss = recipe.loss.whole() if recipe.loss else None
        self.wanted = recipe.loss.required() if recipe.loss else []
        self.given: dict[str, Any] = {}

    def _of_batch(self, features: list[Block], labels: Tensor) -> Tensor:
        step = self.step(features, labels, self.batches[len(self.history)])
        self.given = self._gifts(step)
        value = self._whole_batch(tuple(step.vectors)) if self.loss else step.vectors[0].new_zeros(())
        for companion in self._with("loss"):
            value = value + companion.loss(step) / self.ranks.size  # of this rank's rows; `value` is of all
        if torch.is_grad_enabled():
            with torch.no_grad():
                for companion in self._with("after"):
                    companion.after(step)
        return value

    def embeddings(self, features: list[Block], labels: Tensor) -> tuple[Tensor, ...]:
        """The embeddings of each view of the first lines, after the head; what `value` needs of companions is kept."""
        step = self.step(features, labels, range(len(labels) // self.views.count))
        self.given = self._gifts(step)
        return tuple(step.vectors)

    def value_of(self, *views: Tensor) -> Tensor:
        """The loss of some vectors, with what the companions gave for the batch of `embeddings`."""
        if self.loss is None:
            raise SrlbenchError("This recipe has no loss of pairs, so there is no gradient of one to look at.")
        # The diagnostics ask for the gradient of the first two in double precision.
        return self.loss(*(view.to(views[0]) for view in views), **self.given)  # type: ignore[no-any-return]

    def step(self, features: list[Block], labels: Tensor, rows: Sequence[int]) -> Step:
        """The step of a batch of these lines, with its views made and encoded."""
        number, lines = len(self.history), [self.lines[row] for row in rows]
        step = Step(number, self.views.seed, self.model, self.head, self.vocabulary, self.ranks, lines)
        rows_of = torch.arange(len(labels), device=labels.device).chunk(self.views.count)
        whole = stacked(features, labels)
        for own, around in zip(rows_of, self.frames, strict=True):
            text = whole.rows(own)
            step.whole.append(text.inside(*map(len, around)) if around else text)
        for index in range(self.views.count):
            step.texts.append(self._augmented_view(step, index) if self.training else step.whole[index])
        step.texts = [text.closed(placed=True) for text in step.texts] if self.skips and self.training else step.texts
        self._encode(step)
        return step

    def _augmented_view(self, step: Step, index: int) -> Text:
        after = self.spec[index].after
        text = step.whole[index] if after is None else step.texts[after]
        for place, part in enumerate(self.spec[index].augment):
            augment = partial(part.load(), **part.arguments)
            text = augment(text, self.vocabulary, step.generator(NOISE, index, place))
        if not self.views.shares or after is not None:
            return text
        fixed = {} if text.fixed is None else {"fixed": text.fixed}
        block = self._augmented({"input_ids": text.ids, "attention_mask": text.mask}, **fixed)
        ids, mask = block["input_ids"], block["attention_mask"]
        return text.with_(mask=mask) if ids is text.ids else Text(ids, mask)

    def _encode(self, step: Step) -> None:
        """The vectors of all views: those of the trained encoder in one pass."""
        own = [index for index, view in enumerate(self.spec) if view.encoder is None]
        found: dict[int, Tensor] = {}
        if own:
            parts, rows = blocks(joined([step.texts[index] for index in own]), BLOCKS)
            vectors = torch.cat([read(self.model, block)["sentence_embedding"] for block in parts])[rows]
            found = _split(vectors, own)
        for companion in self._with("pooled"):
            found = {index: companion.pooled(step, index, rows) for index, rows in found.items()}
        step.pooled = list(found.values())
        after = _split(self.head(torch.cat(step.pooled)), own) if own else {}
        for index, view in enumerate(self.spec):
            if view.encoder is not None:
                encoder: Any = self.companions[view.encoder]
                after[index] = encoder.encode(step, step.texts[index])
        step.vectors = [after[index] for index in range(len(self.spec))]

    def _gifts(self, step: Step) -> dict[str, Any]:
        gifts: dict[str, Any] = {}
        if "lengths" in self.wanted:  # of the texts as they are, in pieces
            gifts["lengths"] = step.ranks.all_gather(step.whole[0].lengths)
        for companion in self._with("gives"):
            gifts |= companion.gives(step)
        if missing := [name for name in self.wanted if name not in gifts]:
            raise UsageError(f"The loss needs '{missing[0]}', and no companion of the recipe gives it.")
        return {name: value for name, value in gifts.items() if name in self.wanted}

    def _with(self, method: str) -> Sequence[Any]:
        return [companion for companion in self.companions.values() if hasattr(companion, method)]


def _split(rows: Tensor, views: Sequence[int]) -> dict[int, Tensor]:
    """The rows of each view; every view has as many."""
    return dict(zip(views, rows.chunk(len(views)), strict=True))


def shares(recipe: Recipe) -> dict[str, float]:
    """The shares of the pieces of every view that are left out."""
    return {name: share for name in AUGMENTATIONS if (share := getattr(recipe, name))}


def skips(recipe: Recipe) -> bool:
    """Whether nothing is computed for the pieces that are left out."""
    return bool(recipe.skip_dropped and recipe.word_dropout)


def objective(
    model: SentenceTransformer, head: nn.Module, training: Training, text: TokenisedText, batches: Batches, ranks: Ranks
) -> Objective:
    """The objective of a recipe: with views or companions, or the loss alone."""
    recipe = training.recipe
    if recipe.views or recipe.companions:
        return Composed(model, head, training, text, batches, ranks)
    assert recipe.loss
    loss = recipe.loss.whole()
    views = Views(text.views, shares(recipe), training.seed, text.longest, skips(recipe))
    return Objective(model, head, loss, views, ranks)
