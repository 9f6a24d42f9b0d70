"""A loss of a recipe: which function it is, with which arguments, and the text that defines it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from srlbench import losses
from srlbench.errors import UsageError

LossFunction = Callable[..., Any]


@dataclass(frozen=True, init=False)
class Loss:
    """A loss by name (a file of `srlbench/losses`) or as a function of your own, with its arguments.

    A function takes two `(n, d)` tensors, the vectors of the views, and returns a scalar. Its source is part of the
    result: of a function in a module the whole file, of one in a notebook or script what `written` says.
    """

    name: str
    arguments: Mapping[str, Any]
    function: LossFunction | None = field(compare=False, repr=False)
    text: bytes | None = field(compare=False, repr=False)  # None: that of its file

    def __init__(self, loss: str | LossFunction, **arguments: Any) -> None:
        own = None if isinstance(loss, str) else _named(loss)
        object.__setattr__(self, "name", loss if isinstance(loss, str) else loss.__name__)
        object.__setattr__(self, "arguments", dict(sorted(arguments.items())))
        object.__setattr__(self, "function", own)
        object.__setattr__(self, "text", written(own).encode() if own and _file(own) is None else None)

    def with_argument(self, key: str, value: Any) -> Loss:
        other = object.__new__(Loss)
        vars(other).update(vars(self), arguments=dict(sorted({**self.arguments, key: value}.items())))
        return other

    def source(self) -> bytes:
        """The text that defines the loss: a changed loss is a changed result."""
        if self.text is not None:
            return self.text
        if self.function is None:
            return losses.path(self.name).read_bytes()
        file = _file(self.function)
        assert file is not None
        return file.read_bytes()

    def load(self) -> LossFunction:
        """The function itself, without its arguments."""
        return self.function or losses.function(self.name)

    def __getstate__(self) -> dict[str, Any]:
        """Where a function is sent, its file may not be: the text goes with it."""
        return {**vars(self), "text": self.source() if self.function else None}


def parameters(loss: Loss) -> list[str]:
    """Keyword parameters of a loss, read from its text so that torch is not imported for a table."""
    for node in ast.walk(ast.parse(loss.source())):
        if isinstance(node, ast.FunctionDef) and node.name == loss.name:
            return [a.arg for a in node.args.kwonlyargs]
    return []


def written(function: LossFunction) -> str:
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


def _named(function: LossFunction) -> LossFunction:
    if not isinstance(function, FunctionType) or function.__name__ == "<lambda>":
        raise UsageError(
            f"A loss is a name or a function that is defined with `def`, and {function!r} is neither: its name and "
            "its source are part of the result."
        )
    return function


def _file(function: LossFunction) -> Path | None:
    """The file of the module that a function stands in; None in a notebook or a script, which hold other things too."""
    if function.__module__ in (None, "builtins", "__main__"):
        return None
    try:
        path = Path(inspect.getsourcefile(function) or "")
    except TypeError:
        return None
    return path if path.is_file() else None
