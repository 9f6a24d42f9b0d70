"""What the command line asks of runs: their plan and engine, what is registered to run, and new backbones."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from srlbench import backbones, doctor, records, registry, tracks
from srlbench.errors import UsageError, unknown
from srlbench.fingerprint import fingerprint, resolved
from srlbench.jobs import ANY, AS_USUAL, Look, Share
from srlbench.plan import Engine, Plan, applies, current, states
from srlbench.recipe import Registered
from srlbench.standings import published
from srlbench.tracks import Track

Files = tuple[Path, ...]
ENGINES = ("local", "ray")
KINDS = ("recipes", "tracks", "losses", "tasks", "backbones")


def track(name: str) -> Track:
    return tracks.load(name)


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def plan(
    names: Sequence[str],
    every: bool,
    track_name: str,
    backbone: Sequence[str],
    seeds: str | None,
    files: Files,
    results: Path,
    keep_encoders: bool,
    command: str,
    look: Look = AS_USUAL,
) -> Plan:
    """The suite that was asked for, with the state of each of its runs."""
    if bool(names) == every:
        raise UsageError("Say which recipes to run, or --all (one of the two). `srlbench list recipes` shows them.")
    rules = tracks.load(track_name)
    known = registry.recipes(files)
    chosen = list(known.values()) if every else [registry.recipe(name, files) for name in dict.fromkeys(names)]
    return planned(chosen, rules, backbone, seeds, files, results, keep_encoders, command, look)


def planned(
    chosen: Sequence[Registered],
    rules: Track,
    backbone: Sequence[str],
    seeds: str | None,
    files: Files,
    results: Path,
    keep_encoders: bool,
    command: str,
    look: Look = AS_USUAL,
) -> Plan:
    """The suite of these recipes."""
    starts = [backbones.resolve(name) for name in backbone or rules.backbones]
    if chosen and not any(applies(entry, start) for entry in chosen for start in starts):
        names = ", ".join(start.name for start in starts)
        raise UsageError(f"'{chosen[0].name}' needs a backbone with layers, and {names} has none.")
    found = records.scan(results, rules.name, rules.version)
    runs = states(
        current(chosen, rules, backbone),
        rules,
        parse_seeds(seeds) if seeds else rules.seeds,
        found.records,
        published(rules, results) or (),
        _reckoned(chosen, rules, backbone) if rules.estimate else None,
    )
    sources = {backbones.resolve(name).name: name for name in backbone}
    return Plan(rules, results, runs, files, command, keep_encoders, look, sources)


def _reckoned(
    chosen: Sequence[Registered], rules: Track, backbone: Sequence[str]
) -> dict[tuple[str, str], float | None]:
    starts = [backbones.resolve(name) for name in backbone or rules.backbones]
    return {(r.name, b.name): rules.cost(resolved(r, rules, b)) for r in chosen for b in starts}


def look(every: int | None, explain: bool) -> Look:
    """How closely runs are looked at; refused before the first of them if what it takes is not installed."""
    if explain and find_spec("shap") is None:
        raise UsageError("Shapley values need shap: pip install 'srlbench[explain]'")
    return Look(every, explain)


def engine(
    plan: Plan, jobs: int | None, name: str = ENGINES[0], address: str | None = None, share: Share = ANY
) -> Engine:
    """Processes of this machine, or a Ray cluster: refused before anything else if Ray is not installed."""
    if name not in ENGINES:
        raise unknown("engine", name, ENGINES)
    if name == "local":
        if address or share != ANY:
            raise UsageError("--address, --cpus-per-run and --gpus-per-run are for a cluster: add --engine ray.")
        from srlbench.engines import local

        return partial(local.run, parallel=jobs or cores(), threads=plan.track.threads)
    if find_spec("ray") is None:
        raise UsageError("The engine 'ray' needs Ray: pip install 'srlbench[ray]'")
    from srlbench.engines import ray

    return partial(ray.run, parallel=jobs, threads=plan.track.threads, address=address, share=share)


def pretrain(out: Path, corpus: Files, settings: Mapping[str, Any], report: Callable[[str], None]) -> str:
    """Make a backbone; what is not in `settings` is as `Pretraining` says."""
    for path in corpus:
        if not path.is_file():
            raise UsageError(f"There is no corpus file at {path}.")
    from srlbench.training.build import Pretraining
    from srlbench.training.pretrain import pretrain as make

    card = make(Pretraining(corpus=corpus, **settings), out, report)
    losses = ", ".join(f"{value:.3f} ({name})" for name, value in card.get("heldout", {}).items())
    return f"Wrote {out}: " + (f"held-out loss {losses}." if losses else f"{card['parameters']:,} numbers.")


def examine(track_name: str, results: Path) -> Iterator[doctor.Finding]:
    rules = tracks.load(track_name)
    return doctor.examine(rules, results, published(rules) or ())


def listing(kind: str | None, track_name: str, files: Files) -> dict[str, dict[str, str]]:
    """Everything registered, by kind: a name and one line about it."""
    if kind is not None and kind not in KINDS:
        raise unknown("kind", kind, KINDS)
    rules = tracks.load(track_name)
    about = {
        "recipes": lambda: {name: entry.summary for name, entry in registry.recipes(files).items()},
        "tracks": lambda: {name: tracks.load(name).summary for name in tracks.names()},
        "losses": lambda: {name: _first_line(registry.loss_path(name)) for name in registry.loss_names()},
        "tasks": lambda: {name: f"{rule.kind}, {counts(rule.rows)}" for name, rule in rules.protocol.tasks.items()},
        "backbones": lambda: {name: f"sha256 {backbones.resolve(name).sha256[:16]}" for name in backbones.names()},
    }
    return {each: about[each]() for each in KINDS if kind in (None, each)}


def describe(name: str, track_name: str, files: Files) -> dict[str, Any]:
    """A recipe as the track runs it on each of its backbones."""
    rules = tracks.load(track_name)
    entry = registry.recipe(name, files)
    starts = [backbones.resolve(backbone) for backbone in rules.backbones]
    return {
        "name": entry.name,
        "summary": entry.summary,
        "family": entry.family,
        "cite": entry.cite,
        "reported": entry.reported,
        "track": f"{rules.name} v{rules.version}",
        "backbones": {
            start.name: {
                "fingerprint": fingerprint(entry, rules, start),
                **resolved(entry, rules, start).as_dict(),
            }
            for start in starts
        },
    }


def parse_seeds(text: str) -> tuple[int, ...]:
    """`0-4`, `3`, `0,2,7` or a mixture."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise UsageError(f"--seeds {text!r} is not a list like 0-4 or 0,2,7.")
        if dash and int(last) < int(first):
            raise UsageError(f"--seeds {text!r}: {part.strip()} runs backwards.")
        seeds += range(int(first), int(last if dash else first) + 1)
    return tuple(dict.fromkeys(seeds))


def _first_line(path: Path) -> str:
    return path.read_text(encoding="utf-8").partition("\n")[0].strip().strip('"')


def counts(rows: Any) -> str:
    return ", ".join(f"{split} {count}" for split, count in rows.items())
