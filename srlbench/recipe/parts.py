"""The parts of a recipe: a loss, augmentations, companions, maps that are fitted afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from srlbench.recipe.members import Kind
from srlbench.recipe.part import Part

LossFunction = Callable[..., Any]


class Loss(Part):
    """A loss by name (a file of `srlbench/losses`) or as a function of your own, with its arguments.

    A function takes two `(n, d)` tensors, the vectors of the views, and returns a scalar. A keyword parameter without
    a default is given by a companion.
    """

    KIND: ClassVar[Kind] = Kind("losses", "loss")


class Augment(Part):
    """An augmentation of token ids, by name (a file of `srlbench/augmentations`) or as a function of your own.

    A function takes an `augmentations.Text`, an `augmentations.Vocabulary` and a generator, and returns another text.
    """

    KIND: ClassVar[Kind] = Kind("augmentations", "augmentation")


class Companion(Part):
    """What trains beside the encoder: a queue, a teacher, another objective; by name or as a class of your own.

    A class is a torch module, made of a `training.companions.Start` and its arguments. Each of its methods `encode`,
    `gives`, `loss` and `after` that it has is called in every step, with a `training.step.Step`.
    """

    KIND: ClassVar[Kind] = Kind("companions", "companion")
    CLASSES: ClassVar[bool] = True


class Post(Part):
    """A map of sentence vectors that is fitted on training text after the training, by name or as a function."""

    KIND: ClassVar[Kind] = Kind("posts", "map")


@dataclass(frozen=True)
class View:
    """How one view of a text is made: a column of the data, a template around it, augmentations, and who reads it."""

    augment: tuple[Augment, ...] = ()
    prompt: str | None = None  # a template with {text}
    column: int = 0
    encoder: str | None = None  # the companion that encodes it; None: the encoder that is trained

    def as_dict(self) -> dict[str, Any]:
        parts = {"augment": [part.as_dict() for part in self.augment], "prompt": self.prompt, "column": self.column}
        return {key: value for key, value in {**parts, "encoder": self.encoder}.items() if value}
