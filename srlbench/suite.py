"""The questions the command line asks, each answered by one function over the rooms below."""

from __future__ import annotations

import dataclasses
import datetime
import io
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from srlbench import __version__, backbones, data, doctor, protocols, records, registry, tables, tracks
from srlbench import baseline as baselines
from srlbench import check as checks
from srlbench import leaderboard as leaderboards
from srlbench.errors import SrlbenchError, UsageError, unknown
from srlbench.fingerprint import fingerprint, resolved
from srlbench.plan import Engine, Plan, current, folder, states
from srlbench.protocols import Protocol
from srlbench.recipe import Registered
from srlbench.records import Record, Scan
from srlbench.scores import Scores, averages, comparable, from_json, to_csv, to_json
from srlbench.tracks import Track
from srlbench.verdicts import Report

Files = tuple[Path, ...]
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
) -> Plan:
    """The suite that was asked for, with the state of each of its runs."""
    if bool(names) == every:
        raise UsageError("Say which recipes to run, or --all (one of the two). `srlbench list recipes` shows them.")
    rules = tracks.load(track_name)
    known = registry.recipes(files)
    chosen = list(known.values()) if every else [registry.recipe(name, files) for name in dict.fromkeys(names)]
    found = records.scan(results, rules.name, rules.version)
    runs = states(
        current(chosen, rules, backbone),
        rules,
        parse_seeds(seeds) if seeds else rules.seeds,
        found.records,
        published(rules, results) or (),
    )
    sources = {backbones.resolve(name).name: name for name in backbone}
    return Plan(rules, results, runs, files, command, keep_encoders, sources)


def engine(plan: Plan, jobs: int | None) -> Engine:
    from srlbench.engines import local

    return partial(local.run, parallel=jobs or cores(), threads=plan.track.threads)


def leaderboard(
    rules: Track, files: Files, results: Path, *, write: bool
) -> tuple[leaderboards.Leaderboard, tuple[records.Problem, ...]]:
    """The table of a results folder, beside the published reference, and the files there that are no records."""
    found = records.scan(results, rules.name, rules.version)
    entries = registry.recipes(files).values()
    board = leaderboards.build(
        found.records,
        track=rules.name,
        version=rules.version,
        protocol=rules.protocol.label,
        current=_current(entries, rules, found),
        groups=rules.groups,
        seeds=rules.seeds,
        reported=_reported(entries, rules),
        reference=published(rules, results),
    )
    if write and found.records:
        place = "" if results == Path("srlbench-results") else f" --results {results.name}"
        tables.write(
            board,
            folder(results, rules),
            made_with=f"srlbench {__version__}",
            command=f"srlbench leaderboard --track {rules.name}{place}",
        )
    return board, found.problems


def check(rules: Track, files: Files, results: Path, baseline: Path | None) -> Report:
    path = baseline or _published_folder(rules) / "baseline.toml"
    expected = baselines.load(path)
    found = records.scan(results, rules.name, rules.version)
    now = _current(registry.recipes(files).values(), rules, found)
    return checks.check(found.records, found.problems, expected, now, rules.groups)


def accept(rules: Track, files: Files, results: Path, reason: str, output: Path | None) -> Path:
    path = output or folder(results, rules) / "baseline.toml"
    found = records.scan(results, rules.name, rules.version)
    text = baselines.accept(
        found.records,
        _current(registry.recipes(files).values(), rules, found),
        rules.groups,
        reason=reason,
        date=datetime.date.today().isoformat(),
        previous=baselines.load(path) if path.is_file() else None,
    )
    records.write_text(path, text)
    return path


def evaluate(
    model: str,
    names: Sequence[str],
    probe: str,
    tasks: Sequence[str],
    given: Path | None,
    pool: str | None,
    results: Path,
    report: Callable[[str, int, int], None],
) -> tuple[list[Scores], dict[str, Any]]:
    """Scores of an encoder that exists already, one a protocol and probe, and the predictions behind them."""
    start = time.perf_counter()
    wanted = tuple(rules for name in names for rules in _protocols(name, probe, tuple(tasks)))
    place = encoder_folder(model, results)
    from srlbench.evaluation import external

    commit, done = external.scores(place, pool, wanted, cores(), given, report)
    spent, where = time.perf_counter() - start, records.environment()
    found = [
        Scores(
            model=model,
            protocol=rules.name,
            probe=str(rules.probe["name"]) if rules.probe else None,
            scores=one.scores,
            averages=averages(one.scores, protocols.read(rules.path).groups),
            detail=one.detail,
            data=one.data,
            groups=rules.groups,
            source=data.described(rules, given),
            revision=commit,
            pool=pool,
            warnings=one.warnings,
            environment=where,
            seconds=spent,
        )
        for rules, one in zip(wanted, done)
    ]
    return found, external.arrays(wanted, done)


def _protocols(name: str, probe: str, tasks: tuple[str, ...]) -> list[Protocol]:
    rules = protocols.load(name)
    rules = rules.only(tasks) if tasks else rules
    if probe not in (*protocols.PROBES, "both"):
        raise unknown("probe", probe, (*protocols.PROBES, "both"))
    if rules.probe is None or all(rule.kind == "sts" for rule in rules.tasks.values()):
        return [rules]
    return [rules.with_probe(each) for each in (protocols.PROBES if probe == "both" else (probe,))]


def encoder_folder(model: str, results: Path) -> str:
    """What is to be evaluated: a backbone, a folder, a run by its name (recipe[/backbone][/seed-N]), else as it is."""
    if model in backbones.names():
        return str(backbones.resolve(model).path)
    given = Path(model).expanduser()
    if (given / "modules.json").is_file() or (given / "config.json").is_file():
        return model
    if given.is_dir():
        found = sorted(path.parent for path in given.rglob("modules.json"))
    else:
        parts = set(model.split("/"))
        every = (path.parent for path in results.glob("*/*/encoders/*/*/*/*/modules.json"))
        found = sorted(path for path in every if model and parts <= set(path.parts[-4:]))
    if len(found) > 1:
        names = ", ".join("/".join((*path.parts[-4:-2], path.parts[-1])) for path in found[:6])
        more = f" and {len(found) - 6} more" if len(found) > 6 else ""
        raise UsageError(f"'{model}' is {len(found)} encoders: {names}{more}. Say which, as in {names.split(',')[0]}.")
    return str(found[0]) if found else model


def readable(path: Path) -> None:
    """Refuse a file of scores before the work, not after it."""
    from_json(path)


def write(found: Sequence[Scores], predictions: Mapping[str, Any], json: Path | None, csv: Path | None) -> None:
    """The files that were asked for, each whole or not at all."""
    if json:
        beside = json.with_suffix(".npz")
        out = io.BytesIO()
        np.savez_compressed(out, **predictions)
        records.write_bytes(beside, out.getvalue())
        records.write_text(json, to_json([dataclasses.replace(one, predictions=beside.name) for one in found]))
    if csv:
        records.write_text(csv, to_csv(found))


def pull() -> Path:
    from srlbench.data import mirror

    return mirror.pull(anew=True)


def data_path(given: Path | None) -> Path:
    from srlbench.data import mirror

    return mirror.senteval(given)


def compare(found: Sequence[Scores], other: Path) -> list[tuple[Scores, Scores]]:
    return comparable(found, from_json(other))


def verify(names: Sequence[str], given: Path | None) -> Iterator[tuple[str, str, bool, str]]:
    """Every set of the protocols that is read from files: its protocol, name, verdict and a sentence."""
    for name in names:
        rules = protocols.load(name)
        if data.place(rules, given) is None:
            yield rules.name, "", True, f"not in files: {data.described(rules, given)}"
            continue
        for task in rules.tasks:
            try:
                rows = data.task(rules, task, given)
                yield rules.name, task, True, f"{_counts(rows.counts())}, sha256 {rules.tasks[task].sha256[:16]}"
            except SrlbenchError as error:
                yield rules.name, task, False, str(error)


def pretrain(out: Path, corpus: Files, settings: Mapping[str, Any], report: Callable[[str], None]) -> str:
    """Make a backbone; what is not in `settings` is as `Pretraining` says."""
    for path in corpus:
        if not path.is_file():
            raise UsageError(f"There is no corpus file at {path}.")
    from srlbench.training.pretrain import Pretraining
    from srlbench.training.pretrain import pretrain as make

    card = make(Pretraining(corpus=corpus, **settings), out, report)
    return f"Wrote {out}: held-out loss {card.get('heldout')}."


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
        "tasks": lambda: {name: f"{rule.kind}, {_counts(rule.rows)}" for name, rule in rules.protocol.tasks.items()},
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


def published(rules: Track, results: Path | None = None) -> tuple[Record, ...] | None:
    """The published records of a track: those of this clone, or those shipped; None if `results` is that folder."""
    place = _published_folder(rules)
    if not place.is_dir() or (results is not None and folder(results, rules).resolve() == place.resolve()):
        return None
    return records.scan(place.parent.parent, rules.name, rules.version).records


def _published_folder(rules: Track) -> Path:
    package = Path(__file__).parent
    roots = [package.parent / "results", package / "published"]
    root = next((path for path in roots if path.is_dir()), roots[0])
    return folder(root, rules)


def _current(entries: Any, rules: Track, found: Scan) -> dict[tuple[str, str], str]:
    """Fingerprints on the track's backbones, and wherever else there is a record of that recipe."""
    seen = {(record.recipe, record.backbone) for record in found.records}
    others = dict.fromkeys(backbone for _, backbone in sorted(seen) if backbone not in rules.backbones)
    elsewhere = current(entries, rules, list(_resolvable(list(others)))) if others else {}
    return current(entries, rules) | {pair: print_ for pair, print_ in elsewhere.items() if pair in seen}


def _resolvable(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        try:
            backbones.resolve(name)
        except UsageError:
            continue
        yield name


def _reported(entries: Any, rules: Track) -> dict[str, dict[str, float]]:
    """What papers print for this very setting; empty on every track that is not the paper's."""
    out: dict[str, dict[str, float]] = {}
    entry: Registered
    for entry in entries:
        for backbone in rules.backbones:
            if numbers := entry.reported.get(f"{rules.name}/{backbone}"):
                out[entry.name] = dict(numbers)
    return out


def _first_line(path: Path) -> str:
    return path.read_text(encoding="utf-8").partition("\n")[0].strip().strip('"')


def _counts(rows: Any) -> str:
    return ", ".join(f"{split} {count}" for split, count in rows.items())
