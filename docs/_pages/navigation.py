"""The navigation: what mkdocs.yml says, completed by the generated pages and by the published results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from _pages import losses, parts, places, recipes, tracks, verbs


def completed(nav: list[Any]) -> list[Any]:
    """The entries of mkdocs.yml, with the pages of an index behind it (`recipes/index.md`: all recipes)."""
    found: list[Any] = []
    for entry in nav:
        ((title, inner),) = entry.items() if isinstance(entry, dict) else [("", entry)]
        inner = completed(inner) if isinstance(inner, list) else inner
        found.append({title: inner} if title else inner)
        if isinstance(inner, str) and inner in INNER:
            found += INNER[inner]()
    return found


def paths(nav: list[Any]) -> Iterator[str]:
    """Every page that a navigation names."""
    for entry in nav:
        for inner in entry.values() if isinstance(entry, dict) else [entry]:
            yield from paths(inner) if isinstance(inner, list) else [inner]


def _recipes() -> list[Any]:
    return [
        {recipes.title(family): [{entry.name: recipes.path(entry.name)} for entry in entries]}
        for family, entries in recipes.families().items()
    ]


def _losses() -> list[Any]:
    return [{name: path} for name, path in losses.paths().items()]


def _parts() -> list[Any]:
    return [{parts.TITLES[kind.folder][0]: f"parts/{kind.folder}.md"} for kind in parts.OTHERS]


def _tracks() -> list[Any]:
    known = [{f"Track {name}": f"tracks/{name}.md"} for name in tracks.names()]
    return [*known, *({f"Protocol {name}": f"protocols/{name}.md"} for name in tracks.protocol_names())]


def _verbs() -> list[Any]:
    return [{title: [{name: verbs.path(name)} for name in names]} for title, names in verbs.groups().items()]


def _results() -> list[Any]:
    """The published tables, by track; then what is about several."""
    found: dict[str, list[Any]] = {}
    for path in sorted(places.carried()):
        folders = path.split("/")
        if folders[0] == "results" and len(folders) == 4 and path.endswith(".md"):
            title = folders[3].removesuffix(".md").capitalize()
            found.setdefault(f"{folders[1]} {folders[2]}", []).append({title: path})
    by_view = {title: sorted(own, key=lambda each: _place(*each.values())) for title, own in found.items()}
    return [*({title: own} for title, own in by_view.items()), {"Discrimination": "results/discrimination.md"}]


def _place(path: str) -> int:
    name = path.rpartition("/")[2].removesuffix(".md")
    return places.VIEWS.index(name) if name in places.VIEWS else len(places.VIEWS)


def _cards() -> list[Any]:
    """The cards of the shipped backbones."""
    cards = [path for path in sorted(places.carried()) if path.startswith("backbones/")]
    return [{path.rpartition("/")[2].removesuffix(".md"): path} for path in cards]


INNER: dict[str, Callable[[], list[Any]]] = {
    "recipes/index.md": _recipes,
    "losses/index.md": _losses,
    "parts/index.md": _parts,
    "tracks/index.md": _tracks,
    "cli/index.md": _verbs,
    "small.md": _results,
    "backbones.md": _cards,
}
