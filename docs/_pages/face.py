"""The Python interface on one page: every name of `srlbench.__all__`, and the values that the functions return."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import srlbench
from _pages import docstrings as doc
from _pages import markdown as md

PACKAGE = Path(srlbench.__file__).parent
FUNCTIONS = ("run", "evaluate", "results", "leaderboard", "compare", "diagnose")
CLASSES = {
    "Recipe": "recipe/definition.py",
    **dict.fromkeys(("Loss", "View", "Augment", "Rewrite", "Companion", "Post"), "recipe/parts.py"),
    "Reading": "evaluation/reading.py",
}
RETURNED = {
    "Results": "analysis/results.py",
    "Leaderboard": "analysis/leaderboard/board.py",
    "Compared": "analysis/compare/__init__.py",
    "Comparison": "analysis/compare/paired.py",
    "Scores": "evaluation/scores.py",
}
INTRO = """\
Every public name, from its docstring. [srlbench from Python](/python.md) explains how they work together, with snippets
that run. Everything else in the package is internal and may change."""


def pages() -> dict[str, str]:
    functions = [_function(PACKAGE / "__init__.py", name) for name in FUNCTIONS]
    decorator = _function(PACKAGE / "recipe" / "__init__.py", "recipe")
    classes = [_class(name, file) for name, file in CLASSES.items()]
    returned = [_class(name, file) for name, file in RETURNED.items()]
    told = md.page(
        "Python reference", INTRO, md.block("import srlbench as sb", "python"), "## Functions", *functions,
        "## Recipes and their parts", decorator, *classes, "## What is returned", *returned,
    )  # fmt: skip
    return {"api.md": told}


def names() -> set[str]:
    """The public names that have an entry."""
    return {*FUNCTIONS, *CLASSES, "recipe"}


def _function(file: Path, name: str) -> str:
    node = doc.defined(file, name)
    assert isinstance(node, ast.FunctionDef)
    every = [*node.args.args, *([node.args.vararg] if node.args.vararg else []), *node.args.kwonlyargs]
    names = [each.arg for each in every]
    paragraphs, meanings = doc.described(inspect.cleandoc(ast.get_docstring(node) or ""), names)
    positional = len(node.args.args) - len(node.args.defaults)
    defaults = {a.arg: ast.unparse(d) for a, d in zip(node.args.args[positional:], node.args.defaults)}
    defaults |= {key: default for key, _, default in doc.keywords(node.args)}
    rows = [
        [md.code(each.arg), md.code(ast.unparse(each.annotation)) if each.annotation else "",
         md.code(defaults[each.arg]) if defaults.get(each.arg) else "", md.sentence(meanings.get(each.arg, ""))]
        for each in every
    ]  # fmt: skip
    prefix = "@" if name == "recipe" else ""
    returned = f"It returns {md.code(ast.unparse(node.returns))}." if node.returns and not prefix else ""
    parts = [
        f"### `{prefix}sb.{name}` {{ #{name if name != 'results' else 'results-function'} }}",
        *map(md.sentence, paragraphs),
        md.table(["parameter", "type", "default", "meaning"], rows),
        returned,
    ]
    return "\n\n".join(filter(None, parts))


def _class(name: str, file: str) -> str:
    node = doc.defined(PACKAGE / file, name)
    assert isinstance(node, ast.ClassDef)
    text = inspect.cleandoc(ast.get_docstring(node) or "")
    parts = [
        f"### `{'sb.' if name in CLASSES else ''}{name}` {{ #class-{name.lower()} }}",
        *map(md.sentence, text.split("\n\n")),
        md.table(["field", "type", "default", "meaning"], _fields(node, PACKAGE / file)),
        md.table(["member", "what it is"], _members(node)),
    ]
    return "\n\n".join(filter(None, parts))


def _fields(node: ast.ClassDef, file: Path) -> list[list[str]]:
    """The fields of a dataclass; the comment behind a field, and the choices that it has, are its meaning."""
    lines, rows = file.read_text(encoding="utf-8").splitlines(), []
    choices = srlbench.Recipe.CHOICES if node.name == "Recipe" else {}
    for each in node.body:
        if not isinstance(each, ast.AnnAssign) or not isinstance(each.target, ast.Name):
            continue
        name, kind = each.target.id, ast.unparse(each.annotation)
        if name.startswith("_") or kind.startswith("ClassVar"):
            continue
        comment = lines[(each.end_lineno or 1) - 1][each.end_col_offset or 0 :].partition("# ")[2]
        allowed = ", ".join(map(md.code, choices.get(name, ())))
        meaning = ". ".join(filter(None, (md.sentence(comment), f"One of {allowed}" if allowed else "")))
        default = ast.unparse(each.value) if each.value else ""
        default = {"field(default_factory=dict)": "{}"}.get(default, default)
        rows.append([md.code(name), md.code(kind), md.code(default) if default else "", meaning])
    return rows


def _members(node: ast.ClassDef) -> list[list[str]]:
    """The public methods and properties that say what they are; special methods and checks are left out."""
    rows = []
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and not each.name.startswith("_") and ast.get_docstring(each):
            is_property = any(ast.unparse(d) in ("property", "cached_property") for d in each.decorator_list)
            arguments = ast.arguments(**{**vars(each.args), "args": each.args.args[1:]})
            spelled = each.name if is_property else f"{each.name}({ast.unparse(arguments)})"
            rows.append([md.code(spelled), md.sentence(ast.get_docstring(each) or "")])
    return rows
