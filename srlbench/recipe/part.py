"""A part of a recipe: which function or class it is, with which arguments, and the text that defines it."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, ClassVar, Self

from srlbench.errors import UsageError
from srlbench.recipe.members import Kind, keywords


@dataclass(frozen=True, init=False)
class Part:
    """A member of a kind by its name, or a function or class of your own, with its arguments.

    Its source is part of the result: of one in a module the whole file, of one in a notebook or script what `written`
    says.
    """

    KIND: ClassVar[Kind]
    CLASSES: ClassVar[bool] = False  # a class will do as well as a function

    name: str
    arguments: Mapping[str, Any]
    function: Callable[..., Any] | None = field(compare=False, repr=False)
    text: bytes | None = field(compare=False, repr=False)  # None: that of its file

    def __init__(self, member: str | Callable[..., Any], **arguments: Any) -> None:
        own = None if isinstance(member, str) else self._named(member)
        object.__setattr__(self, "name", member if isinstance(member, str) else member.__name__)
        object.__setattr__(self, "arguments", dict(sorted(arguments.items())))
        object.__setattr__(self, "function", own)
        object.__setattr__(self, "text", written(own).encode() if own and _file(own) is None else None)

    def with_(self, **changes: Any) -> Self:
        other = object.__new__(type(self))
        vars(other).update(vars(self), **changes)
        return other

    def with_argument(self, key: str, value: Any) -> Self:
        return self.with_(arguments=dict(sorted({**self.arguments, key: value}.items())))

    def takes(self, key: str) -> bool:
        """Whether it has this argument, or could have it."""
        return key in self.arguments or key in parameters(self)

    def source(self) -> bytes:
        """The text that defines it: a changed part is a changed result."""
        if self.text is not None:
            return self.text
        if self.function is None:
            return self.KIND.path(self.name).read_bytes()
        file = _file(self.function)
        assert file is not None
        return file.read_bytes()

    def load(self) -> Callable[..., Any]:
        """The function or class itself, without its arguments."""
        found: Callable[..., Any] = self.function or self.KIND.load(self.name)
        return found

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, **self.arguments}

    def __getstate__(self) -> dict[str, Any]:
        """Where a function is sent, its file may not be: the text goes with it."""
        return {**vars(self), "text": self.source() if self.function else None}

    @classmethod
    def _named(cls, member: Callable[..., Any]) -> Callable[..., Any]:
        if (isinstance(member, FunctionType) and member.__name__ != "<lambda>") or (
            cls.CLASSES and isinstance(member, type)
        ):
            return member
        kinds = "function that is defined with `def`" + ", or a class" * cls.CLASSES
        raise UsageError(
            f"A {cls.KIND.what} is a name or a {kinds}, and {member!r} is neither: its name and its source are part of "
            "the result."
        )


def names_of(value: Any) -> list[str]:
    """One name or several, as a list; none for None."""
    return [value] if isinstance(value, str) else list(value or ())


def parameters(part: Part) -> list[str]:
    """Keyword parameters of a part, read from its text so that torch is not imported for a table."""
    return list(keywords(part.source(), part.name))


def required(part: Part) -> list[str]:
    """The keyword parameters without a default: a loss gets them from the companions of its recipe."""
    return [name for name, has_default in keywords(part.source(), part.name).items() if not has_default]


def written(function: Callable[..., Any]) -> str:
    """The text of a function, of the functions and classes beside it that it uses, and of the plain values.

    Beside it: in the same script or notebook, where an edit of a plot shall not make results stale.
    """
    texts: dict[str, str] = {}

    def add(name: str, value: Any) -> None:
        try:
            texts[name] = textwrap.dedent(inspect.getsource(value))
        except (OSError, TypeError):
            raise UsageError(
                f"The source of '{name}' cannot be read, and the source of a loss is part of the result: "
                "define it in a file or in a notebook."
            ) from None
        for used, found in _used(value):
            if used not in texts and isinstance(found, FunctionType | type):
                add(used, found)
            elif used not in texts and not isinstance(found, FunctionType | type):
                texts[used] = f"{used} = {found!r}\n"

    add(function.__name__, function)
    return "\n".join(texts.values())


def _used(value: Any) -> Iterator[tuple[str, Any]]:
    """The functions, classes and plain values of its own module that a function, or a class, names."""
    for function in (each for each in (value, *vars(value).values()) if isinstance(each, FunctionType)):
        code = function.__code__
        cells = zip(code.co_freevars, function.__closure__ or ())
        known = function.__globals__ | {name: cell.cell_contents for name, cell in cells}
        for name in sorted({*_names(code), *code.co_freevars} & known.keys()):
            found = known[name]
            mine = isinstance(found, FunctionType | type) and found.__module__ == function.__module__
            if mine or isinstance(found, bool | int | float | str):
                yield name, found


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _file(function: Callable[..., Any]) -> Path | None:
    """The file of the module that a function stands in; None in a notebook or a script, which hold other things too."""
    if function.__module__ in (None, "builtins", "__main__"):
        return None
    try:
        path = Path(inspect.getsourcefile(function) or "")
    except TypeError:
        return None
    return path if path.is_file() else None
