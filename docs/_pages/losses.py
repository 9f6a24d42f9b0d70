"""A page for each loss, from its docstring: formula, parameters, reference with departures, relations."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cache

from _pages import docstrings as doc
from _pages import markdown as md
from srlbench import losses, registry
from srlbench.recipe.members import views

INTRO = """\
A loss is one pure function of the vectors of the views, in a file of its own. Its docstring gives the formula, the
reference, every departure from it, and the relations to other losses. These pages are made from the docstrings."""


def path(name: str) -> str:
    return f"losses/{name}.md"


@cache
def paths() -> dict[str, str]:
    """The page of each loss, by its name."""
    return {name: path(name) for name in losses.names()}


def pages() -> dict[str, str]:
    return {"losses/index.md": _index(), **{path(name): _page(name) for name in paths()}}


def users(loss: str) -> list[str]:
    """The recipes that have this loss as a term."""
    known = registry.recipes().items()
    return [name for name, entry in known if entry.recipe.loss and loss in [t.name for t in entry.recipe.loss.terms]]


def recipe_links(names: Sequence[str]) -> str:
    return ", ".join(f"[`{name}`](/recipes/{name}.md)" for name in names)


def _index() -> str:
    rows = []
    for name in paths():
        about = doc.about_module(losses.path(name)).partition("\n")[0]
        rows.append([f"[`{name}`](/{path(name)})", md.sentence(about), _inputs(name), recipe_links(users(name)) or "–"])
    return md.page(
        "Losses",
        INTRO,
        md.commands("srlbench list losses"),
        md.table(["loss", "what it is", "takes", "recipes"], rows),
        "[Gradients](/gradients.md) shows how to measure what each loss does to a vector, and "
        "[Contributing](/CONTRIBUTING.md) how to add one.",
    )


def _inputs(name: str) -> str:
    """How many texts a loss takes, and what it gets from companions."""
    node = doc.defined(losses.path(name), name)
    given = [key for key, _, default in doc.keywords(doc.made_by(node)) if not default]
    count = views(losses.path(name).read_bytes(), name)
    texts = {2: "pairs", 3: "triplets"}.get(count, f"{count} texts")
    return texts + (f", and {', '.join(map(md.code, given))}" if given else "")


def _page(name: str) -> str:
    file = losses.path(name)
    node = doc.defined(file, name)
    assert isinstance(node, ast.FunctionDef)
    said = doc.parsed(node)
    return md.page(
        f"Loss {md.code(name)}",
        md.sentence(doc.about_module(file)),
        md.sentence(said.summary),
        "## Formula",
        md.formula("\n\n".join(said.paragraphs)),
        "## Parameters",
        _parameters(node, said),
        "## Reference and departures",
        *_prose(said.sections["Reference"], name),
        "## Relations",
        *_prose(said.sections["Relations"], name),
        *_used(name),
        "## Source",
        f"`{file.relative_to(file.parents[2]).as_posix()}`",
        md.block(doc.source(file, node, documented=False), "python"),
    )


def _prose(text: str, name: str) -> list[str]:
    others = {other: there for other, there in paths().items() if other != name}
    recipes = {other: f"recipes/{other}.md" for other in registry.recipes() if other not in others}
    first, *rest = text.split("\n\n")
    return [md.linked(md.sentence(each), others | recipes) for each in (first[:1].upper() + first[1:], *rest)]


def _parameters(node: ast.FunctionDef, said: doc.Docstring) -> str:
    """A row a parameter; what the docstring says of several at once stands in each of their rows."""
    meanings = {each: text for names, text in said.arguments.items() for each in names.split(", ")}
    tensors = [*(a.arg for a in node.args.args), *([f"*{node.args.vararg.arg}"] if node.args.vararg else [])]
    rows = [[md.code(each), "", md.sentence(meanings.get(each.lstrip("*"), ""))] for each in tensors]
    for each, _, default in doc.keywords(node.args):
        origin = md.code(default) if default else "from a companion"
        rows.append([md.code(each), origin, md.sentence(meanings.get(each, ""))])
    return md.table(["parameter", "default", "meaning"], rows)


@cache
def _of_pairs() -> list[str]:
    return losses.of_pairs()


def _used(name: str) -> list[str]:
    parts = []
    if found := users(name):
        parts.append(f"## Recipes with this loss\n\n{recipe_links(found)}")
    if name in _of_pairs():
        parts.append("Measure its gradient, on an encoder's own vectors:")
        parts.append(md.commands(f"srlbench diagnose gradients tiny --pool mean --loss {name}"))
    return parts
