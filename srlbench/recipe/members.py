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
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and node.name in (name, _capitals(name)):
            made = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
            return _keywords(made[0]) if made else {}
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return _keywords(node)
    return {}


@cache
def kinds_of(text: bytes, name: str) -> dict[str, str]:
    """The annotations of the keyword parameters, as they are written."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and node.name in (name, _capitals(name)):
            made = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
            return _kinds(made[0]) if made else {}
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return _kinds(node)
    return {}


def views(text: bytes, name: str) -> int:
    """How many arguments a function must be given by their place: a loss, its views."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return len(node.args.args)
    return 0


def _keywords(function: ast.FunctionDef) -> dict[str, bool]:
    pairs = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return {argument.arg: default is not None for argument, default in pairs}


def _kinds(function: ast.FunctionDef) -> dict[str, str]:
    return {each.arg: ast.unparse(each.annotation) for each in function.args.kwonlyargs if each.annotation}


def _capitals(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
