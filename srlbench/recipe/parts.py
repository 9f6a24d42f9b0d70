"""The parts of a recipe: a loss, augmentations, companions, maps that are fitted afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from srlbench.recipe.members import Kind
from srlbench.recipe.part import Part, required

LossFunction = Callable[..., Any]


@dataclass(frozen=True, init=False)
class Loss(Part):
    """A loss by name (a file of `srlbench/losses`) or as a function of your own, with its arguments.

    A function takes two `(n, d)` tensors, the vectors of the views, and returns a scalar. A keyword parameter without
    a default is given by a companion. Losses add up: `Loss("info_nce").on(0, 1) + 0.1 * Loss("barlow_twins").on(0, 2)`.
    """

    KIND: ClassVar[Kind] = Kind("losses", "loss")

    times: float = 1.0
    of: tuple[int, ...] = ()  # the views that it takes, by number; (): all
    others: tuple[Loss, ...] = ()  # the further terms of a sum

    @property
    def terms(self) -> tuple[Loss, ...]:
        """The losses of a sum; one that stands alone is its own term."""
        return (self.with_(others=()), *self.others) if self.others else (self,)

    def on(self, *views: int) -> Loss:
        """The loss of some of the views alone."""
        return self.with_(of=views)

    def __add__(self, other: Loss) -> Loss:
        return self.with_(others=(*self.others, *other.terms))

    def __rmul__(self, times: float) -> Loss:
        first, *others = (term.with_(times=times * term.times) for term in self.terms)
        return first.with_(others=tuple(others))

    def with_argument(self, key: str, value: Any) -> Loss:
        """The same with an argument in each term that takes it."""
        first, *others = (
            super(Loss, term).with_argument(key, value) if term.takes(key) or len(self.terms) == 1 else term
            for term in self.terms
        )
        return first.with_(others=tuple(others)) if others else first

    def takes(self, key: str) -> bool:
        return any(super(Loss, term).takes(key) for term in self.terms)

    def required(self) -> list[str]:
        """What companions must give: the keyword parameters without a default, of all terms."""
        return list(dict.fromkeys(name for term in self.terms for name in required(term)))

    def whole(self) -> LossFunction:
        """The function of all views with its arguments; what companions give is passed by name."""
        if not (self.others or self.of) and self.times == 1:
            return partial(self.load(), **self.arguments)
        made = [(term, partial(term.load(), **term.arguments), required(term)) for term in self.terms]

        def summed(*views: Any, **given: Any) -> Any:
            return sum(
                term.times * function(*([views[i] for i in term.of] or views), **{n: given[n] for n in names})
                for term, function, names in made
            )

        return summed

    def as_dict(self) -> dict[str, Any]:
        out = super().as_dict()
        out |= {"times": self.times} if self.times != 1 else {}
        out |= {"of": list(self.of)} if self.of else {}
        return out | ({"plus": [term.as_dict() for term in self.others]} if self.others else {})


class Augment(Part):
    """An augmentation of token ids, by name (a file of `srlbench/augmentations`) or as a function of your own.

    A function takes an `augmentations.Text`, an `augmentations.Vocabulary` and a generator, and returns another text.
    """

    KIND: ClassVar[Kind] = Kind("augmentations", "augmentation")


class Companion(Part):
    """What trains beside the encoder: a queue, a teacher, another objective; by name or as a class of your own.

    A class is a torch module, made of a `training.companions.Start` and its arguments. Each of its methods `pooled`,
    `encode`, `gives`, `loss` and `after` that it has is called in every step, with a `training.step.Step`.
    """

    KIND: ClassVar[Kind] = Kind("companions", "companion")
    CLASSES: ClassVar[bool] = True


class Post(Part):
    """A map of sentence vectors that is fitted on training text after the training, by name or as a function."""

    KIND: ClassVar[Kind] = Kind("posts", "map")


class Rewrite(Part):
    """A change of a text before it becomes token ids, by name (a file of `srlbench/rewrites`) or as a function of your
    own: a string in, a string out.
    """

    KIND: ClassVar[Kind] = Kind("rewrites", "rewrite")


KINDS = tuple(part.KIND for part in (Loss, Augment, Rewrite, Companion, Post))


@dataclass(frozen=True)
class View:
    """How one view of a text is made: a column of the data, a template around it, augmentations, and who reads it."""

    augment: tuple[Augment, ...] = ()
    prompt: str | None = None  # a template with {text}
    column: int = 0
    encoder: str | None = None  # the companion that encodes it; None: the encoder that is trained
    rewrite: Rewrite | None = None  # of the text, before the template is around it
    after: int | None = None  # an earlier view, by number, whose augmented text is augmented further

    @property
    def parts(self) -> tuple[Part, ...]:
        return (*((self.rewrite,) if self.rewrite else ()), *self.augment)

    def as_dict(self) -> dict[str, Any]:
        parts: dict[str, Any] = {"augment": [part.as_dict() for part in self.augment], "prompt": self.prompt}
        parts |= {"column": self.column, "encoder": self.encoder}
        parts |= {"rewrite": self.rewrite.as_dict() if self.rewrite else None}
        after = {} if self.after is None else {"after": self.after}
        return {key: value for key, value in parts.items() if value} | after
