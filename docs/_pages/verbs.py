"""The command line, a page a verb: what it does, its examples, its options; read from the application itself."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import typer

from _pages import markdown as md
from srlbench.cli import app

EXAMPLE = re.compile(r"^ *- `([^`]+)`$", re.MULTILINE)
INTRO = """\
One verb answers one question. `RECIPE@BACKBONE:SEED` names a run everywhere, `--json` prints JSON, and `--out FILE`
writes a file whose suffix says the format. `--help` after a verb shows what stands on these pages."""
CODES = (
    ("0", "done; of `check`: nothing fell"),
    ("1", "a score regressed or drifted"),
    ("2", "the command is wrong"),
    ("3", "a run failed"),
    ("4", "nothing could be compared"),
    ("70", "an error that nobody foresaw"),
)


@cache
def program() -> Any:
    return typer.main.get_command(app)


def groups() -> dict[str, list[str]]:
    """The verbs by the question that they answer, in the order of the help."""
    found: dict[str, list[str]] = {}
    for name, verb in program().commands.items():
        found.setdefault(verb.rich_help_panel, []).append(name)
    return found


def path(verb: str) -> str:
    return f"cli/{verb}.md"


def pages() -> dict[str, str]:
    return {"cli/index.md": _index(), **{path(name): _page(name, verb) for name, verb in program().commands.items()}}


def _index() -> str:
    parts = []
    for title, names in groups().items():
        rows = [[f"[`{name}`](/{path(name)})", md.sentence(_first(program().commands[name]))] for name in names]
        parts.append(f"## {title}\n\n{md.table(['verb', 'what it does'], rows)}")
    codes = md.table(["exit code", "when"], [list(each) for each in CODES], (0,))
    general = [option for option in program().params if not option.hidden]
    return md.page("Command line", INTRO, *parts, "## Exit codes", codes, "## Of the program", _options(general))


def _first(verb: Any) -> str:
    return " ".join(str(verb.help).partition("\n\n")[0].split())


def _page(name: str, verb: Any) -> str:
    inner = getattr(verb, "commands", {})
    if not inner:
        return md.page(f"`srlbench {name}`", *_verb(f"srlbench {name}", verb))
    parts = [_first(verb)]
    for each, command in inner.items():
        parts += [f"## `srlbench {name} {each}`", *_verb(f"srlbench {name} {each}", command, "###")]
    return md.page(f"`{name}`", *parts)


def _verb(words: str, verb: Any, heading: str = "##") -> list[str]:
    """What a verb does, its examples, its arguments and options."""
    about, _, examples = str(verb.help).partition("Examples:")
    parts = [" ".join(paragraph.split()) for paragraph in about.strip().split("\n\n")]
    parts += [f"{heading} Examples", md.commands(*EXAMPLE.findall(examples))]
    for panel, found in _panels(verb).items():
        parts += [f"{heading} {panel}", _options(found)]
    return parts


def _panels(verb: Any) -> dict[str, list[Any]]:
    """The arguments, then the options by their group in the help; what is hidden there is left out."""
    found: dict[str, list[Any]] = {}
    for one in verb.params:
        panel = "Arguments" if one.param_type_name == "argument" else getattr(one, "rich_help_panel", None) or "Options"
        if not one.hidden:
            found.setdefault(panel, []).append(one)
    return found


def _options(found: list[Any]) -> str:
    rows = [[_spelled(one), _default(one), md.sentence(" ".join(str(one.help or "").split()))] for one in found]
    title = "argument" if found and found[0].param_type_name == "argument" else "option"
    return md.table([title, "default", "what it says"], rows)


def _spelled(one: Any) -> str:
    if one.param_type_name == "argument":
        return md.code(one.metavar or one.name.upper()) + ("" if one.required else " (may be left out)")
    value = "" if one.is_flag else f" {one.metavar or one.name.upper()}"
    names = [md.code(f"{name}{value}") for name in one.opts] + [md.code(name) for name in one.secondary_opts]
    return ", ".join(names)


def _default(one: Any) -> str:
    """The default, and the environment variable that gives another one."""
    plain = one.default is not None and not (one.default is False and getattr(one, "is_flag", False))
    given = md.code("yes" if one.default is True else str(one.default)) if plain and not callable(one.default) else ""
    variables = [one.envvar] if isinstance(one.envvar, str) else one.envvar or []
    return " ".join(filter(None, (given, *(f"or {md.code(name)}" for name in variables)))) or "–"
