"""Encoders that exist already, by folder, run, backbone or Hub name, and their scores."""

from __future__ import annotations

import dataclasses
import io
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from srlbench import backbones, data, records
from srlbench.errors import UsageError, unknown
from srlbench.evaluation.reading import AS_IT_IS, Reading
from srlbench.evaluation.scores import Scores, averages, from_json, to_csv, to_json
from srlbench.records import Address, Key, address, cores
from srlbench.tracks import protocol as protocols
from srlbench.tracks.protocol import Protocol

FORMATS = (".json", ".csv")


@dataclass(frozen=True)
class Setting:
    """Under which protocols and probe an encoder is scored, on which of their tasks, from which text."""

    protocols: Sequence[str | Protocol] = ("simcse",)  # a protocol itself has its own probe
    probe: str = "converged"  # or senteval, or both
    tasks: Sequence[str] = ()  # all, if none are named
    data: Path | None = None  # where the text lies; None: as everywhere else
    reading: Reading = AS_IT_IS  # of a plain transformers model
    threads: int | None = None  # all cores, if there is no number

    def rules(self) -> tuple[Protocol, ...]:
        """The protocols, one a probe."""
        return tuple(rules for each in self.protocols for rules in _protocols(each, self.probe, tuple(self.tasks)))


def evaluate(
    model: Any, setting: Setting, results: Path, report: Callable[[str, int, int], None]
) -> tuple[list[Scores], dict[str, Any]]:
    """Scores of an encoder that exists already, one a protocol and probe, and the predictions behind them.

    model: a SentenceTransformer, or where one is: a folder, run, backbone or Hub name.
    results: where a run's encoder is looked for by its name.
    """
    start = time.perf_counter()
    wanted = setting.rules()
    folder, reading = located(model, setting.reading, results)
    from srlbench.evaluation import external
    from srlbench.training.encoder import weights_sha256

    loaded, commit = external.opened(folder, reading, 0, setting.threads or cores())
    done = external.scores(loaded, commit, wanted, setting.data, report)
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
            weights_sha256=weights_sha256(loaded),
            **vars(reading),
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


def _protocols(named: str | Protocol, probe: str, tasks: tuple[str, ...]) -> list[Protocol]:
    if isinstance(named, Protocol):
        return [named]
    rules = protocols.load(named)
    rules = rules.only(tasks) if tasks else rules
    if probe not in (*protocols.PROBES, "both"):
        raise unknown("probe", probe, (*protocols.PROBES, "both"))
    if rules.probe is None or all(rule.kind == "sts" for rule in rules.tasks.values()):
        return [rules]
    return [rules.with_probe(each) for each in (protocols.PROBES if probe == "both" else (probe,))]


def located(model: Any, reading: Reading, results: Path) -> tuple[Any, Reading]:
    """Where an encoder lies (or itself, if it is an object), and how it is read if its backbone declares that."""
    if not isinstance(model, str):
        return model, reading
    if backbones.is_named(model) or model.endswith((".gguf", ".toml")):
        backbone = backbones.resolve(model)
        return str(backbones.fetch(backbone)), reading.over(backbone.settings)
    return encoder_folder(model, results), reading


def encoder_folder(model: str, results: Path) -> str:
    """Where an encoder lies; a name that is of nothing here is returned as it is, to be looked for on the Hub.

    The first that fits is taken: a folder, a run of this results folder by its address (RECIPE@BACKBONE:SEED, or less
    of it where that is unique), a name on the Hub.
    """
    given = Path(os.path.expanduser(model))
    if (given / "modules.json").is_file() or (given / "config.json").is_file():
        return model
    if given.is_dir():
        found = sorted(path.parent for path in given.rglob("modules.json"))
        if len(found) > 1:
            raise UsageError(f"{model} holds {len(found)} encoders: {_some(found)}. Name one of their folders.")
        return str(found[0]) if found else model
    return _of_run(model, results) or model


def _of_run(model: str, results: Path) -> str | None:
    """The folder of a run's encoder; None if no run has this name, which may be one on the Hub."""
    kept = records.encoders(results)
    asked = address.parse(model)
    found = [(key, path) for key, path in kept if asked.matches(key)]
    if not found and asked.seed is None and "@" not in model:  # recipe/backbone, an earlier spelling
        recipe, _, backbone = model.partition("/")
        found = [(key, path) for key, path in kept if (key.recipe, key.backbone) == (recipe, backbone)]
    names = list(dict.fromkeys(str(address.of(key)) for key, _ in found))
    if len(names) > 1:
        raise UsageError(f"'{model}' is {len(names)} encoders: {_some(names)}. Say which, as in {names[0]}.")
    if len(found) > 1:
        paths = [path for _, path in found]
        raise UsageError(f"'{model}' is {len(found)} encoders: {_some(paths)}. Name one of their folders.")
    if not found and asked.seed is not None:  # nothing on the Hub is spelled so
        raise _not_kept(asked, kept, results)
    return str(found[0][1]) if found else None


def _not_kept(asked: Address, kept: Sequence[tuple[Key, Path]], results: Path) -> UsageError:
    """Why a run has no encoder here: it was not kept, or there is no such run."""
    advice = "`srlbench run` keeps encoders unless --no-keep-encoders is given."
    if any(asked.matches(key) for key in records.recorded(results)):
        return UsageError(f"{asked} is recorded in {results}, but its encoder was not kept; {advice}")
    return address.unseen(str(asked), [key for key, _ in kept])


def _some(names: Sequence[object]) -> str:
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(map(str, names[:6])) + more


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


def write(found: Sequence[Scores], predictions: Mapping[str, Any], paths: Sequence[Path]) -> None:
    """The files that were asked for, each in the format of its suffix, whole or not at all."""
    for path in paths:
        if path.suffix == ".csv":
            records.write_text(path, to_csv(found))
            continue
        beside = path.with_suffix(".npz")
        out = io.BytesIO()
        np.savez_compressed(out, **predictions)
        records.write_bytes(beside, out.getvalue())
        records.write_text(path, to_json([dataclasses.replace(one, predictions=beside.name) for one in found]))
