"""Docstrings and signatures, read from the source so that torch is not imported for a page."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

Defined = ast.FunctionDef | ast.ClassDef
SECTION = re.compile(r"(Args|Reference|Relations):\s*")


@dataclass(frozen=True)
class Docstring:
    """A docstring in parts: its first paragraph, the paragraphs after it, the arguments, the named sections."""

    summary: str
    paragraphs: tuple[str, ...]
    arguments: Mapping[str, str]
    sections: Mapping[str, str]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def about_module(path: Path) -> str:
    """The docstring of a module."""
    return inspect.cleandoc(ast.get_docstring(tree(path)) or "")


def defined(path: Path, *names: str) -> Defined:
    """The function or class in a file that has one of these names."""
    found = {node.name: node for node in tree(path).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return next(found[name] for name in names if name in found)


def made_by(node: Defined) -> ast.arguments:
    """The parameters of a function, or of the class's `__init__`."""
    if isinstance(node, ast.FunctionDef):
        return node.args
    inits = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    return inits[0].args if inits else ast.arguments([], [], None, [], [], None, [])


def source(path: Path, node: Defined, documented: bool = True) -> str:
    """A definition with its decorators, and what it uses of the same module, in the order of the file.

    documented: with its docstring.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    left = None if documented or not ast.get_docstring(node) else node.body[0]
    found = []
    for other in _with_used(tree(path), node):
        first = min([other.lineno, *(d.lineno for d in getattr(other, "decorator_list", ()))])
        kept = range(first, (other.end_lineno or first) + 1)
        dropped = range(left.lineno, (left.end_lineno or 0) + 1) if left and other is node else ()
        found.append("\n".join(lines[number - 1] for number in kept if number not in dropped))
    return "\n\n\n".join(found)


def _with_used(module: ast.Module, node: Defined) -> list[ast.stmt]:
    """A definition, and the definitions of its module that it uses, directly or not."""
    kept: set[int] = set()
    waiting: list[ast.stmt] = [node]
    while waiting:
        one = waiting.pop()
        kept.add(id(one))
        used = {each.id for each in ast.walk(one) if isinstance(each, ast.Name)}
        waiting += [other for other in module.body if id(other) not in kept and _names(other) & used]
    return [other for other in module.body if id(other) in kept]


def _names(node: ast.stmt) -> set[str]:
    """The names that a statement of a module defines; imports are left out."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def keywords(arguments: ast.arguments) -> list[tuple[str, str, str]]:
    """The keyword-only parameters: name, type and default, as they are written; no default is an empty text."""
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return [(a.arg, ast.unparse(a.annotation) if a.annotation else "", ast.unparse(d) if d else "") for a, d in pairs]


def parsed(node: Defined) -> Docstring:
    """The docstring of a definition whose sections are Args, Reference and Relations."""
    first, *rest = inspect.cleandoc(ast.get_docstring(node) or "").split("\n\n")
    paragraphs: list[str] = []
    sections: dict[str, str] = {}
    last = ""
    for text in rest:
        if head := SECTION.match(text):
            last = head[1]
            sections[last] = text[head.end() :] if last != "Args" else text.partition("\n")[2]
        elif last:
            sections[last] += "\n\n" + text
        else:
            paragraphs.append(text)
    arguments = dict(_arguments(inspect.cleandoc(sections.pop("Args", ""))))
    return Docstring(" ".join(first.split()), tuple(paragraphs), arguments, sections)


def _arguments(text: str) -> Iterator[tuple[str, str]]:
    """Names and meanings of `a, b: the two views; ...`; a line that is indented goes on with the one before it."""
    for entry in re.split(r"\n(?=\S)", text):
        names, _, meaning = entry.partition(":")
        if meaning:
            yield " ".join(names.split()), " ".join(meaning.split())


def described(text: str, names: Collection[str]) -> tuple[list[str], dict[str, str]]:
    """The paragraphs of a docstring, and what it says of parameters: lines `name: ...` or `name, other: ...`."""
    known = "|".join(map(re.escape, names)) or "(?!)"
    head = re.compile(rf"(?:^|(?<=\. ))((?:{known})(?:, (?:{known}))*): ")
    paragraphs: list[str] = []
    meanings: dict[str, str] = {}
    for paragraph in text.split("\n\n"):
        if not head.match(paragraph):
            paragraphs.append(paragraph)
            continue
        for entry in re.split(r"\n(?=\S)", paragraph):
            _, *pairs = head.split(" ".join(entry.split()))
            for key, meaning in zip(pairs[::2], pairs[1::2], strict=True):
                meanings |= dict.fromkeys(key.split(", "), meaning.strip())
    return paragraphs, meanings
