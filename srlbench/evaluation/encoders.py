"""Encoders that exist already, by folder, run, backbone or Hub name, and their scores."""

from __future__ import annotations

import dataclasses
import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from srlbench import backbones, data, records
from srlbench.errors import UsageError, unknown
from srlbench.evaluation.scores import Scores, averages, from_json, to_csv, to_json
from srlbench.records import cores
from srlbench.tracks import protocol as protocols
from srlbench.tracks.protocol import Protocol


@dataclass(frozen=True)
class Setting:
    """Under which protocols and probe an encoder is scored, on which of their tasks, from which text."""

    protocols: Sequence[str] = ("simcse",)
    probe: str = "converged"  # or senteval, or both
    tasks: Sequence[str] = ()  # all, if none are named
    data: Path | None = None  # where the text lies; None: as everywhere else
    pool: str | None = None  # of a plain transformers model

    def rules(self) -> tuple[Protocol, ...]:
        """The protocols, one a probe."""
        return tuple(rules for name in self.protocols for rules in _protocols(name, self.probe, tuple(self.tasks)))


def evaluate(
    model: Any, setting: Setting, results: Path, report: Callable[[str, int, int], None]
) -> tuple[list[Scores], dict[str, Any]]:
    """Scores of an encoder that exists already, one a protocol and probe, and the predictions behind them.

    model: a SentenceTransformer, or where one is: a folder, run, backbone or Hub name.
    results: where a run's encoder is looked for by its name.
    """
    start = time.perf_counter()
    wanted = setting.rules()
    folder = encoder_folder(model, results) if isinstance(model, str) else model
    from srlbench.evaluation import external

    commit, done = external.scores(folder, setting.pool, wanted, cores(), setting.data, report)
    spent, where = time.perf_counter() - start, records.environment()
    found = [
        Scores(
            model=model if isinstance(model, str) else called(model),
            protocol=_kind(rules)[0],
            probe=_kind(rules)[1],
            scores=one.scores,
            averages=averages(one.scores, protocols.read(rules.path).groups),
            detail=one.detail,
            data=one.data,
            groups=rules.groups,
            source=data.described(rules, setting.data),
            revision=commit,
            pool=setting.pool,
            warnings=one.warnings,
            environment=where,
            seconds=spent,
        )
        for rules, one in zip(wanted, done)
    ]
    return found, external.arrays(wanted, done)


def called(model: Any) -> str:
    """What an encoder that is given as an object says it is."""
    card = getattr(model, "model_card_data", None)
    return getattr(card, "model_id", None) or getattr(card, "base_model", None) or type(model).__name__


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


def others(path: Path, setting: Setting) -> list[Scores]:
    """Scores written before; refused before the work, not after it, if they are of nothing that is asked for."""
    found = from_json(path)
    wanted = {_kind(rules) for rules in setting.rules()}
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
