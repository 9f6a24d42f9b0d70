"""The application, and the arguments that several verbs share."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from srlbench import tracks
from srlbench.analysis.results import DEFAULT
from srlbench.analysis.results import Results as FolderResults
from srlbench.data import mirror

app = typer.Typer(
    name="srlbench",
    help="Train sentence encoders by registered recipes under fixed seeds, and compare them honestly.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

WHAT, WHERE, HOW = "What to run", "Where it is kept", "How it is run"
Names = Annotated[list[str] | None, typer.Argument(help="Recipes, by name.", show_default=False)]
TrackName = Annotated[str, typer.Option("--track", help="Rules of the competition.", rich_help_panel=WHAT)]
Backbones = Annotated[
    list[str] | None,
    typer.Option(
        "--backbone",
        help="Shipped name, local folder or org/name@revision; default: the track's.",
        rich_help_panel=WHAT,
        show_default=False,
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option(help="For example 0-4 or 0,2,7; default: the track's.", rich_help_panel=WHAT, show_default=False),
]
Files = Annotated[
    list[Path] | None,
    typer.Option("--recipes", help="A Python file with more recipes.", rich_help_panel=WHAT, show_default=False),
]
Results = Annotated[
    Path,
    typer.Option(
        help="Results folder; `results` of a clone is the published reference.",
        envvar="SRLBENCH_RESULTS",
        rich_help_panel=WHERE,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        min=1,
        help="Runs at once; default: the cores, or what a cluster takes.",
        rich_help_panel=HOW,
        show_default=False,
    ),
]
EngineName = Annotated[
    str, typer.Option("--engine", help="local (processes of this machine) or ray (a cluster).", rich_help_panel=HOW)
]
Address = Annotated[
    str | None,
    typer.Option(
        help="Of the Ray cluster: auto (the one that runs here), host:port or ray://host:port; default: RAY_ADDRESS, "
        "or one of this machine alone.",
        rich_help_panel=HOW,
        show_default=False,
    ),
]
Cpus = Annotated[
    float | None,
    typer.Option(
        "--cpus-per-run",
        min=0.01,
        help="Processors a run takes of the cluster, or a part of one; default: the track's threads.",
        rich_help_panel=HOW,
        show_default=False,
    ),
]
Gpus = Annotated[
    float | None,
    typer.Option(
        "--gpus-per-run",
        min=0,
        help="GPUs a run takes of the cluster, or a part of one; default: one, if the cluster has any.",
        rich_help_panel=HOW,
        show_default=False,
    ),
]
Every = Annotated[
    int | None,
    typer.Option(
        "--observe-every",
        min=1,
        help="Steps between two looks at a training; default: a few, as the track says.",
        rich_help_panel=HOW,
        show_default=False,
    ),
]
Explain = Annotated[
    bool,
    typer.Option("--explain", help="Weigh words by Shapley values too (extra `explain`).", rich_help_panel=HOW),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and its cost only.", rich_help_panel=HOW)]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Folder or senteval.tar with the real text; default: the Hub's.",
        envvar="SRLBENCH_DATA",
        rich_help_panel=WHERE,
        show_default=False,
    ),
]


def use(data: Path | None) -> None:
    """Have everything read the real text from here, the processes of the runs too."""
    mirror.use(data.absolute() if data else None)


def of(results: Path, track: str, files: list[Path] | None) -> FolderResults:
    """The results that a verb is about."""
    return FolderResults(results, tracks.load(track), tuple(files or ()))


def command() -> str:
    """The command line as it was typed."""
    return shlex.join(["srlbench", *sys.argv[1:]])


Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
DEFAULT_TRACK, DEFAULT_RESULTS, DEFAULT_ENGINE = "embedded", DEFAULT, "local"
