"""The verbs that score or shrink an encoder that exists already: evaluate, shrink."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from srlbench import tracks
from srlbench.cli import options as opt
from srlbench.cli.show import diagnoses, terminal
from srlbench.errors import UsageError
from srlbench.evaluation import encoders as evaluation
from srlbench.evaluation import reference, scores
from srlbench.evaluation import shrink as shrinking
from srlbench.evaluation.reading import Reading
from srlbench.evaluation.scores import comparable

Protocols = Annotated[
    list[str] | None,
    opt.what(metavar="NAME", help="simcse, mteb or generated; default: simcse. May be given more than once."),
]
Tasks = Annotated[str | None, opt.what(metavar="TASKS", help="Score these tasks only: STS12,STS-B,MR.")]
Probe = Annotated[str, opt.what(metavar="NAME", help="The probe of the transfer tasks: converged, senteval or both.")]
Record = Annotated[bool, opt.where("--record", help="Record the scores beside those of the track's runs.")]
Files = Annotated[
    list[Path] | None, opt.written(".json (predictions go beside it as .npz) or .csv, one row a protocol")
]


@opt.app.command(rich_help_panel=opt.ENCODERS)
def evaluate(
    model: opt.Model,
    protocol: Protocols = None,
    tasks: Tasks = None,
    probe: Probe = "converged",
    pool: opt.Pool = None,
    layers: opt.Layers = None,
    attention: opt.Attention = None,
    precision: opt.Precision = None,
    data: opt.Data = None,
    results: opt.Results = opt.DEFAULT_RESULTS,
    record: Record = False,
    track: opt.TrackName = "small",
    out: Files = None,
    json: opt.Json = False,
    compare: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Score an encoder that exists on the real tasks; nothing is trained.

    `srlbench compare mine.json theirs.json` compares what two calls wrote. With --record it becomes a row in a track's
    table of encoders that were trained elsewhere, under the protocol and the probe of the track.

    Examples:

    - `srlbench evaluate my-encoder --data DIR --out mine.json`
    - `srlbench evaluate simcse-unsup@tiny:0`
    - `srlbench evaluate org/model --protocol simcse --protocol mteb --probe both`
    - `srlbench evaluate tiny --pool mean --protocol generated --tasks STS12`
    - `srlbench evaluate org/model --record`
    """
    if record:
        _as_its_track({"protocol": protocol, "tasks": tasks, "probe": probe != "converged"})
    only, files = (tasks or "").replace(",", " ").split(), opt.files_of(out, evaluation.FORMATS)
    reading = Reading(pool, layers, opt.choice("attention", attention), opt.choice("precision", precision))
    setting = evaluation.Setting(protocol or ["simcse"], probe, only, data, reading)
    if compare:  # of an earlier version, like the spellings of renamed.py
        terminal.warn(f"`--compare {compare}` is now `srlbench compare MINE.json {compare}`, after `--out MINE.json`.")
    others = evaluation.others(compare, setting) if compare else []
    if record:
        rules = tracks.load(track)
        one, predictions = reference.evaluate(model, setting, rules, results, terminal.step)
        found = [one]
        path = reference.keep(one, predictions, rules, results, opt.command())
        terminal.wrote(path, json=True)
    else:
        found, predictions = evaluation.evaluate(model, setting, results, terminal.step)
    terminal.as_json(scores.plain(found)) if json else terminal.scores(found)
    evaluation.write(found, predictions, files)
    if others and not json:
        terminal.differences(comparable(found, others))


def _as_its_track(given: dict[str, object]) -> None:
    """Refuse, beside --record, what the track says already."""
    if other := next((name for name, value in given.items() if value), None):
        raise UsageError(f"--record scores an encoder as its track does; leave --{other} out.")


@opt.app.command(rich_help_panel=opt.ENCODERS)
def shrink(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=f"A pruned encoder: a folder, or a run ({opt.RUN}).")],
    out: Annotated[Path, opt.where(metavar="DIR", help="The new folder of the smaller encoder.")],
    pool: opt.Pool = None,
    track: opt.TrackName = opt.DEFAULT_TRACK,
    results: opt.Results = opt.DEFAULT_RESULTS,
) -> None:
    """Leave out the heads and neurons that are all zero: a smaller, faster encoder that gives the same vectors.

    Examples:

    - `srlbench shrink sparse-simcse-unsup+granularity=neuron,sparsity=0.5@tiny:0 --out smaller`
    """
    diagnoses.shrunk(shrinking.shrink(model, pool, tracks.load(track), results, out), out)
