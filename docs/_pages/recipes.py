"""A page for each recipe: what it is, its parts, its settings on each track, and its numbers."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from _pages import docstrings as doc
from _pages import losses, measured, parts
from _pages import markdown as md
from srlbench import backbones, registry, tracks
from srlbench import recipes as package
from srlbench.publish.site.papers import Citation, citations
from srlbench.publish.site.recipes import settings
from srlbench.recipe import Recipe, Registered
from srlbench.recipe.members import PACKAGE
from srlbench.recipe.part import Part
from srlbench.tracks.resolve import applies, resolved

FOLDER = PACKAGE / package.__name__.rpartition(".")[2]
DATA = {
    "none": "Nothing is trained.",
    "twins": "Unsupervised: two views of one sentence are a pair.",
    "triplets": "Supervised: a premise, a sentence that it entails, one that contradicts it.",
}
TITLES = {
    "align_uniform": "Alignment and uniformity",
    "auxiliary": "A second objective",
    "barlow_twins": "Barlow Twins",
    "gradient_contrastive": "Contrastive losses",
    "maps": "Maps and word vectors",
    "negatives": "Other negatives",
    "non_contrastive": "Non-contrastive losses",
    "simcse": "SimCSE",
    "sparse": "SparseCSE",
    "teachers": "Distillation",
    "views": "Other views",
}
DECODER = ("small", "gemma-3-270m")  # where recipes for decoders are shown


def path(name: str) -> str:
    return f"recipes/{name}.md"


def pages() -> dict[str, str]:
    return {"recipes/index.md": _index(), **{path(name): _page(entry) for name, entry in registry.recipes().items()}}


def families() -> dict[str, list[Registered]]:
    """The recipes by family, which is the file that they stand in."""
    found: dict[str, list[Registered]] = {}
    for entry in registry.recipes().values():
        found.setdefault(entry.family, []).append(entry)
    return dict(sorted(found.items(), key=lambda item: (item[0] != "simcse", item[0] != "controls", title(item[0]))))


def title(family: str) -> str:
    """A family's name for people."""
    return TITLES.get(family, family.replace("_", " ").capitalize())


def cited(entry: Registered) -> Citation | None:
    return citations().get(entry.cite or "")


def _index() -> str:
    intro = (
        "A recipe says how to train a sentence encoder: the data, the views, the loss, and what a method adds. "
        "All recipes of a track get the same text and the same budget. These pages are made from the registry. "
        "[Methods](/methods.md) compares the recipes with what their papers print."
    )
    parts = []
    for family, entries in families().items():
        about = " ".join(doc.about_module(FOLDER / f"{family}.py").split())
        rows = [
            [
                f"[`{e.name}`](/{path(e.name)})",
                md.sentence(e.summary),
                f"{c.authors} {c.year}" if (c := cited(e)) else "–",
            ]
            for e in entries
        ]
        parts.append(f"## {title(family)} {{ #{family} }}\n\n{md.sentence(about)}")
        parts.append(md.table(["recipe", "what it is", "paper"], rows))
    return md.page("Recipes", intro, md.commands("srlbench list recipes"), *parts)


def _page(entry: Registered) -> str:
    return md.page(
        md.code(entry.name),
        md.sentence(entry.summary),
        _facts(entry),
        md.commands(*_commands(entry)),
        "## Parts",
        _parts(entry.recipe),
        "## Settings",
        "What a recipe leaves open, the track decides. An empty cell means: as the backbone has it, or not used.",
        _settings(entry),
        *measured.reported(entry),
        *measured.measured(entry.name),
        "## Source",
        f"`srlbench/recipes/{entry.family}.py`",
        md.block(_source(entry), "python"),
    )


def _facts(entry: Registered) -> str:
    versions = [other.name for other in registry.recipes().values() if other.version_of == entry.name]
    lines = [f"- {DATA[entry.recipe.data]}"]
    if paper := cited(entry):
        name = md.escaped(f"{paper.authors} {paper.year}: {paper.title}")
        there = f"[{name}]({paper.link})" if paper.link else name
        lines.append(f"- Paper: {there}. [BibTeX](/cite.md#{paper.key})")
    if entry.version_of:
        lines.append(f"- A version of {losses.recipe_links([entry.version_of])}, with which it is compared.")
    if versions:
        lines.append(f"- Versions of it: {losses.recipe_links(versions)}.")
    needs = {"layers": "an encoder with layers", "decoder": "a decoder, such as `gemma-3-270m`"}
    if entry.recipe.needs in needs:
        lines.append(f"- It needs {needs[entry.recipe.needs]}.")
    return "\n".join(lines)


def _commands(entry: Registered) -> list[str]:
    where = f" --track {DECODER[0]} --backbone {DECODER[1]}" if entry.recipe.needs == "decoder" else ""
    original = f" {entry.version_of}" if entry.version_of else ""
    compared = f"srlbench compare {entry.name}{original}" + (f" --track {DECODER[0]}" if where else "")
    return [
        f"srlbench show {entry.name}" + (f" --track {DECODER[0]}" if where else ""),
        f"srlbench run {entry.name}{original} --seeds 0-4{where}",
        *([compared] if original else []),
    ]


def _parts(recipe: Recipe) -> str:
    """A line for each part, with its arguments, that leads to where the part is described."""
    rows = []
    for term in recipe.loss.terms if recipe.loss else ():
        weight = f"{term.times:g} ×" if term.times != 1 else ""
        views = f"of views {', '.join(map(str, term.of))}" if term.of else ""
        rows.append(["loss", _call(term, losses.path(term.name)), " ".join(filter(None, (weight, views)))])
    for place, view in enumerate(recipe.views):
        made = ", ".join(_call(part, parts.paths()[f"{part.KIND.folder}/{part.name}"]) for part in view.parts)
        said = {"prompt": view.prompt, "column": view.column, "encoder": view.encoder, "after view": view.after}
        details = "; ".join(f"{key}: {md.code(str(value))}" for key, value in said.items() if value not in (None, 0))
        rows.append([f"view {place}", made or "the text", details])
    for part in (*recipe.companions, *(recipe.post if isinstance(recipe.post, tuple) else ())):
        there = parts.paths()[f"{part.KIND.folder}/{part.name}"]
        rows.append([part.KIND.what, _call(part, there), ""])
    if not rows:
        return f"None: the vectors are read as they are (encoder {md.code(recipe.encoder)})."
    return md.table(["part", "which", "of it"], rows)


def _call(part: Part, there: str) -> str:
    arguments = ", ".join(f"{key} = {md.code(str(value))}" for key, value in part.arguments.items())
    return f"[`{part.name}`](/{there})" + (f" with {arguments}" if arguments else "")


def places(entry: Registered) -> Iterator[tuple[str, Recipe]]:
    """The recipe with every setting that it has, on each backbone of each track."""
    for track in ("embedded", "small", "paper"):
        rules = tracks.load(track)
        further = DECODER[1:] if entry.recipe.needs == "decoder" and track == DECODER[0] else ()
        for start in map(backbones.resolve, (*rules.backbones, *further)):
            if applies(entry, start):
                short = start.name.partition("@")[0].rpartition("/")[2]
                yield f"{track} {short}", resolved(entry, rules, start)


def _settings(entry: Registered) -> str:
    shown = {
        place: settings({key: v for key, v in recipe.as_dict().items() if key not in _AS_PARTS})
        for place, recipe in places(entry)
    }
    keys = list(dict.fromkeys(key for values in shown.values() for key in values))
    rows = [[md.code(key), *(md.sentence(values.get(key, "")) for values in shown.values())] for key in keys]
    return md.table(["setting", *shown], rows)


_AS_PARTS = ("loss", "views", "companions", "post")


def _source(entry: Registered) -> str:
    file = FOLDER / f"{entry.family}.py"
    for node in doc.tree(file).body:
        if isinstance(node, ast.FunctionDef) and entry.name in (node.name.replace("_", "-"), _named(node)):
            return doc.source(file, node)
    raise LookupError(entry.name)


def _named(node: ast.FunctionDef) -> str:
    """The name that the decorator gives, if it gives one."""
    calls = [each for each in node.decorator_list if isinstance(each, ast.Call)]
    given = [word.value for call in calls for word in call.keywords if word.arg == "name"]
    return str(given[0].value) if given and isinstance(given[0], ast.Constant) else ""
