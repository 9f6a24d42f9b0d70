"""A page for each further kind of part: augmentations, rewrites, companions, maps after the training."""

from __future__ import annotations

from functools import cache

from _pages import docstrings as doc
from _pages import losses
from _pages import markdown as md
from srlbench import registry
from srlbench.recipe import Loss
from srlbench.recipe.members import PACKAGE, Kind
from srlbench.recipe.parts import KINDS

TITLES = {
    "augmentations": ("Augmentations", "They change the word pieces of a view."),
    "rewrites": ("Rewrites", "They change a text before it becomes word pieces."),
    "companions": ("Companions", "They train beside the encoder, or give the loss what it needs."),
    "posts": ("Maps after training", "They are fitted on training text and applied to every sentence vector."),
}
OTHERS = [kind for kind in KINDS if kind != Loss.KIND]


@cache
def paths() -> dict[str, str]:
    """Where each member is described, by its folder and name."""
    return {f"{kind.folder}/{name}": f"parts/{kind.folder}.md#{name}" for kind in OTHERS for name in kind.names()}


def pages() -> dict[str, str]:
    return {"parts/index.md": _index(), **{f"parts/{kind.folder}.md": _page(kind) for kind in OTHERS}}


def _index() -> str:
    rows = []
    for kind in OTHERS:
        title, about = TITLES[kind.folder]
        members = ", ".join(f"[`{name}`](/{paths()[f'{kind.folder}/{name}']})" for name in kind.names())
        rows.append([f"[{title}](/parts/{kind.folder}.md)", about, members])
    return md.page(
        "Parts of a recipe",
        "A recipe is a [loss](/losses/index.md) over two or more views of a text, and what a method adds to it. Each "
        "part is a file of its own, has a name, and is part of the fingerprint of a run.",
        md.commands("srlbench list companions"),
        md.table(["kind", "what it does", "members"], rows),
        "[Contributing](/CONTRIBUTING.md#recipes-that-are-more-than-a-loss) has five recipes that use them.",
    )


def _page(kind: Kind) -> str:
    title, about = TITLES[kind.folder]
    package = doc.about_module(PACKAGE / kind.folder / "__init__.py")
    return md.page(title, about, package, *(_member(kind, name) for name in kind.names()))


def _member(kind: Kind, name: str) -> str:
    file = kind.path(name)
    node = doc.defined(file, name, "".join(word.capitalize() for word in name.split("_")))
    said = doc.parsed(node)
    users = [
        each for each, entry in registry.recipes().items()
        if any(kind == part.KIND and part.name == name for part in entry.recipe.parts)
    ]  # fmt: skip
    rows = [[md.code(key), md.code(default) if default else "–"] for key, _, default in doc.keywords(doc.made_by(node))]
    parts = [
        f"## `{name}` {{ #{name} }}",
        md.sentence(doc.about_module(file)),
        md.sentence(said.summary),
        *map(md.sentence, said.paragraphs),
        md.table(["parameter", "default"], rows),
        f"In recipes: {losses.recipe_links(users)}." if users else "",
    ]
    return "\n\n".join(filter(None, parts))
