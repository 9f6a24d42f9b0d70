"""The verbs that check numbers and the installation: check, reproduce, doctor."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from srlbench import tracks
from srlbench.analysis import check as checking
from srlbench.analysis import reproduction, selftest
from srlbench.analysis.check import reports, verdicts
from srlbench.analysis.results import Results as FolderResults
from srlbench.cli import completion
from srlbench.cli import options as opt
from srlbench.cli.show import terminal
from srlbench.errors import UsageError
from srlbench.runs.doctor import examine
from srlbench.runs.rerun import ensure_writable, find, rerun

Baseline = Annotated[
    Path | None, opt.what(metavar="FILE", help="The reviewed expectations; default: the published ones.")
]
Why = Annotated[
    str | None,
    opt.what(
        "--accept",
        metavar="WHY",
        help="Make these records the new baseline, and say why. The file goes to `--out`; default: baseline.toml "
        "beside the records.",
    ),
]


Strict = Annotated[
    float | None,
    opt.what(
        "--strict",
        min=0,
        metavar="POINTS",
        help="Fail also if a recipe fell by more than so many points and its seeds are too few to tell why.",
    ),
]


Place = Annotated[
    str | None,
    opt.what(metavar="PATH", help="Where the backbone of the record lies, if it is a folder or file of yours."),
]


@opt.app.command(rich_help_panel=opt.TRUST)
def check(
    track: opt.TrackName = opt.DEFAULT_TRACK,
    recipes: opt.Files = None,
    results: opt.Results = opt.DEFAULT_RESULTS,
    baseline: Baseline = None,
    accept: Why = None,
    out: Annotated[list[Path] | None, opt.written(".xml (JUnit), .md or .json; .toml with `--accept`")] = None,
    github: Annotated[
        bool, opt.where("--github", help="Annotate a GitHub Actions run, and add to its summary page.")
    ] = False,
    strict: Strict = None,
    json: opt.Json = False,
) -> None:
    """Compare the records with the reviewed baseline: one verdict for each recipe, and an exit code for CI.

    `--accept` compares nothing: it writes a new baseline from the records, to be reviewed and committed.

    Exit codes: 0 ok, 1 regressed or drifted, 2 wrong usage, 3 a run failed, 4 nothing to compare.

    Examples:

    - `srlbench check --results srlbench-results`
    - `srlbench check --out check.xml --out check.md --github`
    - `srlbench check --accept "the first release" --results results`
    """
    there = opt.of(results, track, recipes)
    if accept is not None:
        _accept(there, accept, out or [], baseline is not None or github or json or strict is not None)
        return
    paths = opt.files_of(out, reports.FORMATS)
    report = checking.check(there, baseline, strict)
    reports.write(report, paths, os.environ.get("GITHUB_STEP_SUMMARY") if github else None)
    terminal.as_json(reports.plain(report)) if json else terminal.out.print(
        verdicts.to_terminal(report, terminal.out.width)
    )
    for line in reports.to_annotations(report) if github else ():
        typer.echo(line, err=json)
    raise typer.Exit(report.exit_code)


def _accept(results: FolderResults, why: str, out: Sequence[Path], others: bool) -> None:
    if others:
        raise UsageError("--accept compares nothing, so --baseline, --github, --strict and --json do not go with it.")
    if len(out) > 1:
        raise UsageError("--accept writes one baseline: give --out once.")
    path = checking.accept(results, why, opt.files_of(out, (".toml",))[0] if out else None)
    typer.echo(f"Wrote {path}; review it and commit it.")


Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help=f"{opt.RUN}, or a record's file. RECIPE or RECIPE@BACKBONE means the first seed.",
        autocompletion=completion.runs,
    ),
]
Reference = Annotated[
    Path | None, opt.where(metavar="DIR", help="The results folder of the record; default: the published one.")
]
Confirmations = Annotated[
    Path, opt.where(metavar="DIR", help="The results folder that the confirmation goes to.", envvar="SRLBENCH_RESULTS")
]


@opt.app.command(rich_help_panel=opt.TRUST)
def reproduce(
    run: Run,
    track: opt.TrackName = opt.DEFAULT_TRACK,
    recipes: opt.Files = None,
    backbone: Place = None,
    results: Reference = None,
    data: opt.Data = None,
    by: Annotated[str, typer.Option(metavar="NAME", help="Your name, for the confirmation; default: none.")] = "",
    out: Confirmations = opt.DEFAULT_RESULTS,
    json: opt.Json = False,
) -> None:
    """Run a record again with its seed and settings: are the digits equal, within the interval, or outside?

    It writes a confirmation, which you can contribute.

    Exit codes: 0 equal or within, 1 outside, 2 wrong usage, 3 the run failed, 4 nothing to compare (a stale record, or
    other digits and no second seed to judge by).

    Examples:

    - `srlbench reproduce bag-random`
    - `srlbench reproduce simcse-unsup@tiny:0 --by "A. Name"`
    """
    opt.use(data)
    recorded = find(run, tracks.load(track), results, tuple(recipes or ()), backbone)
    ensure_writable(out)
    terminal.say(f"Running {recorded.name} of {recorded.track.name} v{recorded.track.version} again.")
    try:
        verdict = reproduction.of(rerun(recorded, opt.command(), terminal.step))
    except KeyboardInterrupt:
        terminal.error("Interrupted. Nothing was written.")
        raise typer.Exit(130) from None
    terminal.as_json(reproduction.plain(verdict)) if json else terminal.reproduction(verdict)
    terminal.say(f"Wrote {reproduction.confirm(recorded, verdict, by, out)}; CONTRIBUTING says how to send it in.")
    raise typer.Exit(verdict.exit_code)


@opt.app.command(rich_help_panel=opt.TRUST)
def doctor(
    track: opt.TrackName = opt.DEFAULT_TRACK,
    results: opt.Results = opt.DEFAULT_RESULTS,
    deep: Annotated[bool, opt.how("--deep", help="Check the numbers too: known scores, and a published run.")] = False,
    json: opt.Json = False,
) -> None:
    """Check this installation: versions, the results folder, backbones, data and determinism.

    Examples:

    - `srlbench doctor`
    - `srlbench doctor --deep`
    """
    findings = examine(tracks.load(track), results)
    raise typer.Exit(terminal.checks(chain(findings, selftest.examine()) if deep else findings, json))
