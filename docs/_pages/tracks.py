"""A page for each track and each protocol, from their TOML files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from _pages import markdown as md
from srlbench import backbones, tracks
from srlbench.stats import average, label
from srlbench.tracks import CHOSEN, Track
from srlbench.tracks import protocol as protocols
from srlbench.tracks.protocol import Protocol

ORDER = ("embedded", "small", "paper")
INTRO = """\
A track freezes everything that a recipe may not choose: text, backbones, budget, seeds, threads, and the protocol of
the evaluation. A protocol says which rows of which tasks are scored, and how. Scores of two tracks, of two versions of
a track, or of two protocols never share a table."""


def names() -> list[str]:
    return [*ORDER, *(name for name in tracks.names() if name not in ORDER)]


def protocol_names() -> list[str]:
    return sorted(path.stem for path in protocols.FOLDER.glob("*.toml"))


def pages() -> dict[str, str]:
    made = {"tracks/index.md": _index()}
    made |= {f"tracks/{name}.md": _track(tracks.load(name)) for name in names()}
    return made | {f"protocols/{name}.md": _protocol(protocols.load(name)) for name in protocol_names()}


def _index() -> str:
    rows = []
    for rules in map(tracks.load, names()):
        cells = [f"[`{rules.name}`](/tracks/{rules.name}.md)", str(rules.version), md.sentence(rules.summary)]
        protocol = f"[`{rules.protocol.name}`](/protocols/{rules.protocol.name}.md)"
        rows.append([*cells, protocol, ", ".join(md.code(_short(name)) for name in rules.backbones)])
    kinds = [[f"[`{p.name}`](/protocols/{p.name}.md)", md.sentence(p.summary), str(len(p.tasks))]
             for p in map(protocols.load, protocol_names())]  # fmt: skip
    return md.page(
        "Tracks and protocols",
        INTRO,
        md.commands("srlbench list tracks"),
        md.table(["track", "version", "what it is", "protocol", "backbones"], rows, (1,)),
        md.table(["protocol", "what it is", "tasks"], kinds, (2,)),
        "[Protocols and probes](/protocols.md) explains the choices, and [How to read a table](/tables.md) what may be "
        "compared. A track of your own is a TOML file: `--track mine.toml`.",
    )


def _short(backbone: str) -> str:
    return backbone.partition("@")[0].rpartition("/")[2]


def _track(rules: Track) -> str:
    rows = [
        ["version", str(rules.version)],
        ["protocol", f"[`{rules.protocol.name}`](/protocols/{rules.protocol.name}.md)"],
        ["seeds", ", ".join(map(str, rules.seeds))],
        ["threads of a run", str(rules.threads)],
        ["control", f"[`{rules.control}`](/recipes/{rules.control}.md): every recipe is compared with it"],
    ]
    text = [[md.code(form), _pins(rule), md.code(str(rule.get("sha256") or rule["revision"]))]
            for form, rule in rules.text.items()]  # fmt: skip
    pins = [[md.code(name), md.code(backbones.resolve(name).sha256)] for name in rules.backbones]
    chosen = rules.path.with_name(CHOSEN.format(rules.path.stem))
    return md.page(
        f"Track {md.code(rules.name)}",
        md.sentence(rules.summary),
        md.table(["rule", "value"], rows),
        md.commands(f"srlbench run --all --track {rules.name} --dry-run", f"srlbench leaderboard --track {rules.name}"),
        "## Text",
        "Twins are sentences, each of which gives two views. Triplets are a premise, a sentence that it entails, and "
        "one that contradicts it.",
        md.table(["form", "what", "SHA-256 or revision"], text),
        "## Backbones",
        md.table(["backbone", "SHA-256 or revision"], pins),
        "## Budget",
        "The same for every recipe, unless the recipe has settings of its own for this track.",
        md.table(["setting", "value"], _settings(rules.training)),
        *_of_backbones(rules),
        "## The files",
        *(_file(path) for path in (rules.path, chosen) if path.is_file()),
    )


def _pins(rule: Mapping[str, Any]) -> str:
    origin = f"of {md.code(rule['from'])}" if "from" in rule else f"generated with seed {rule['seed']}"
    return f"{rule['lines']:,} lines {origin}"


def _settings(values: Mapping[str, Any]) -> list[list[str]]:
    return [[md.code(key), md.code(str(value))] for key, value in values.items()]


def _of_backbones(rules: Track) -> list[str]:
    """What every recipe that trains on a backbone has, and the points that `srlbench tune` tries."""
    made = [[md.code(name), ", ".join(md.code(f"{key} = {value}") for key, value in settings.items())]
            for name, settings in rules.settings.items()]  # fmt: skip
    tried = [[md.code(name), ", ".join(md.code(f"{key} = {v}") for key, v in rules.search[name].items())]
             for name in rules.searched]  # fmt: skip
    found = ["## Settings of each backbone", md.table(["backbone", "settings"], made)] if made else []
    if tried:
        found += [
            "## Search",
            f"`srlbench tune --track {rules.name}` tries the same points for every recipe, on seed "
            f"{rules.search['seed']}, and chooses by {md.code(rules.development)}.",
            md.table(["backbone", "points"], tried),
        ]
    return found


def _file(path: Path) -> str:
    return md.details(path.name, md.block(path.read_text(encoding="utf-8"), "toml"))


def _protocol(rules: Protocol) -> str:
    rows = []
    for task in rules.tasks.values():
        counts = ", ".join(f"{split} {count:,}" for split, count in task.rows.items())
        rows.append([md.code(task.name), task.kind, label(average(task.group)), counts, md.code(task.sha256[:16])])
    users = [name for name in names() if tracks.load(name).protocol.name == rules.name]
    used = ", ".join(f"[`{name}`](/tracks/{name}.md)" for name in users)
    return md.page(
        f"Protocol {md.code(rules.name)}",
        md.sentence(rules.summary),
        f"Tracks with this protocol: {used}." if used else "No track has this protocol. It scores encoders that exist:",
        md.commands(f"srlbench evaluate tiny --pool mean --protocol {rules.name}"),
        "## Tasks",
        md.table(["task", "kind", "average", "rows", "SHA-256 (first digits)"], rows),
        "## The file",
        _file(rules.path),
    )
