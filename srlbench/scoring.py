"""What is asked about encoders that exist already, and about the real text they are scored on."""

from __future__ import annotations

import dataclasses
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from srlbench import backbones, data, protocols, records, tracks
from srlbench.errors import SrlbenchError, UsageError, unknown
from srlbench.protocols import Protocol
from srlbench.scores import Scores, averages, from_json, to_csv, to_json
from srlbench.suite import cores, counts


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
            protocol=_kind(rules)[0],
            probe=_kind(rules)[1],
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
        found = sorted(path for path in every if model and parts <= set(unquote("/".join(path.parts[-4:])).split("/")))
    if len(found) > 1:
        names = ", ".join(unquote("/".join((*path.parts[-4:-2], path.parts[-1]))) for path in found[:6])
        more = f" and {len(found) - 6} more" if len(found) > 6 else ""
        raise UsageError(f"'{model}' is {len(found)} encoders: {names}{more}. Say which, as in {names.split(',')[0]}.")
    return str(found[0]) if found else model


def others(path: Path, names: Sequence[str], probe: str, tasks: Sequence[str]) -> list[Scores]:
    """Scores written before; refused before the work, not after it, if they are of nothing that is asked for."""
    found = from_json(path)
    wanted = {_kind(rules) for name in names for rules in _protocols(name, probe, tuple(tasks))}
    if not any(each.kind in wanted for each in found):
        theirs = ", ".join(f"{each.protocol} with {each.probe or 'no'} probe" for each in found)
        raise UsageError(f"Nothing to compare: the scores in {path} are of protocol {theirs}.")
    return found


def _kind(rules: Protocol) -> tuple[str, str | None]:
    return rules.name, str(rules.probe["name"]) if rules.probe else None


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


def pull(track: str | None) -> tuple[list[Path], Protocol]:
    """SentEval's text or all that a track's runs read: each place of what was fetched, and what its sets must be."""
    from srlbench.data import mirror

    if track is None:
        return [mirror.pull(anew=True)], protocols.load("simcse")
    rules = tracks.load(track)
    if rules.protocol.source == "senteval":
        mirror.pull(anew=True)
    starts = [backbones.fetch(backbones.resolve(name)) for name in rules.backbones]
    return list(dict.fromkeys([*data.fetch(rules), *starts])), rules.protocol


def data_path(given: Path | None) -> Path:
    from srlbench.data import mirror

    return mirror.senteval(given)


def verify(wanted: Sequence[Protocol], given: Path | None) -> Iterator[tuple[str, str, bool, str]]:
    """Every set of the protocols that is read from files: its protocol, name, verdict and a sentence."""
    for rules in wanted:
        if data.place(rules, given) is None:
            yield rules.name, "", True, f"not in files: {data.described(rules, given)}"
            continue
        for task in rules.tasks:
            try:
                rows = data.task(rules, task, given)
                yield rules.name, task, True, f"{counts(rows.counts())}, sha256 {rules.tasks[task].sha256[:16]}"
            except SrlbenchError as error:
                yield rules.name, task, False, str(error)
