"""Members of one kind, a file each: found in a folder of the package, and in packages that are installed beside it."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from srlbench.errors import unknown
from srlbench.recipe import plugins

PACKAGE = Path(__file__).parents[1]
NOTHING = ast.arguments([], [], None, [], [], None, [])


@dataclass(frozen=True)
class Kind:
    """A kind of member. The file of a member defines a function or class that has the file's name.

    A name is looked up without importing the member, for members import torch.
    """

    folder: str  # below the package; entry points of other packages are in the group `srlbench.FOLDER`
    what: str  # one member, in messages

    @property
    def group(self) -> str:
        return f"srlbench.{self.folder}"

    def names(self) -> list[str]:
        """The members of this package and of those that are installed beside it."""
        own = [module.name for module in pkgutil.iter_modules([str(PACKAGE / self.folder)])]
        return sorted([*own, *(point.name for point in plugins.points(self.group))])

    def path(self, name: str) -> Path:
        """The file that defines a member."""
        own = PACKAGE / self.folder / f"{name}.py"
        if own.is_file() and name != "__init__":
            return own
        for point in plugins.points(self.group, name):
            return plugins.used(point, partial(_origin, point.value))
        raise unknown(self.what, name, self.names())

    def load(self, name: str) -> Any:
        """The member itself: a function, or a class with a name in capitals (`masked_words` is `MaskedWords`)."""
        self.path(name)
        for point in plugins.points(self.group, name):
            return plugins.used(point, point.load)
        module = importlib.import_module(f"srlbench.{self.folder}.{name}")
        return next(getattr(module, each) for each in (name, _capitals(name)) if hasattr(module, each))


def _origin(value: str) -> Path:
    """The file of the module of an entry point, which is not imported."""
    module = value.partition(":")[0]
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.origin:
        raise ModuleNotFoundError(f"there is no module {module}")
    return Path(spec.origin)


def keywords(text: bytes, name: str) -> dict[str, bool]:
    """The keyword parameters of the function or class with this name in a text, and whether each has a default."""
    taken = _parameters(text, name)
    pairs = zip(taken.kwonlyargs, taken.kw_defaults, strict=True)
    return {argument.arg: default is not None for argument, default in pairs}


def kinds_of(text: bytes, name: str) -> dict[str, str]:
    """The annotations of its keyword parameters, as they are written."""
    return {each.arg: ast.unparse(each.annotation) for each in _parameters(text, name).kwonlyargs if each.annotation}


def views(text: bytes, name: str) -> int:
    """How many arguments it must be given by their place: a loss, its views."""
    return len(_parameters(text, name).args)


@cache
def _parameters(text: bytes, name: str) -> ast.arguments:
    """The parameters of the function with this name in a text, or of the `__init__` of the class; else none."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and node.name in (name, _capitals(name)):
            inits = (each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__")
            return next((init.args for init in inits), NOTHING)
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node.args
    return NOTHING


def _capitals(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
