"""The application, and the arguments that several verbs share."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from srlbench import tracks
from srlbench.analysis.results import DEFAULT
from srlbench.analysis.results import Results as FolderResults
from srlbench.cli import completion
from srlbench.cli.show import terminal
from srlbench.data import mirror
from srlbench.errors import UsageError, unknown
from srlbench.recipe import Recipe
from srlbench.records import write_text

app = typer.Typer(
    name="srlbench",
    help="Train sentence encoders by registered recipes under fixed seeds, and compare them honestly.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

TRAIN, ENCODERS, READ, TRUST, SHARE, KNOWN = (
    "Train and score recipes",
    "Score and explain an encoder",
    "Read the results",
    "Check the numbers",
    "Share the results",
    "Look up what there is",
)
# An option of each group that help shows: what is run, where it is kept, how it is run.
what, where, how = (
    partial(typer.Option, rich_help_panel=panel) for panel in ("What to run", "Where it is kept", "How it is run")
)

RUN = "RECIPE@BACKBONE:SEED"
MODEL = (
    f"The encoder. The first that fits is taken: a backbone's name, a folder, a run ({RUN}), a name on the Hub "
    "(org/model or org/model@revision)."
)
POOL = "How a plain transformers model makes a sentence vector: cls, cls-pooler, mean, max, first-last, last (the last "
"word piece) or weighted-mean (later pieces count more)."
Model = Annotated[str, typer.Argument(metavar="MODEL", help=MODEL, autocompletion=completion.encoders)]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="RECIPE", help="The recipes, by name.", autocompletion=completion.recipes),
]
TrackName = Annotated[
    str, what("--track", metavar="TRACK", help="The track, whose rules hold.", autocompletion=completion.track)
]
Backbones = Annotated[
    list[str] | None,
    what(
        metavar="NAME",
        help="A shipped backbone, a local folder or org/name@revision; default: those of the track.",
        autocompletion=completion.backbone,
    ),
]
Seeds = Annotated[str | None, what(metavar="SEEDS", help="Seeds such as 0-4 or 0,2,7; default: those of the track.")]
Files = Annotated[list[Path] | None, what("--recipes", metavar="FILE", help="A Python file that holds more recipes.")]
Results = Annotated[
    Path,
    where(
        metavar="DIR",
        help="The results folder; `results` of a clone holds the published records.",
        envvar="SRLBENCH_RESULTS",
    ),
]
Data = Annotated[
    Path | None,
    where(
        metavar="DIR",
        help="A folder or senteval.tar with the real text; default: the copy on the Hub.",
        envvar="SRLBENCH_DATA",
    ),
]
Jobs = Annotated[
    int | None, how(min=1, help="How many runs are made at once; default: one a core, or what a cluster takes.")
]
EngineName = Annotated[
    str,
    how("--engine", metavar="NAME", help="Where runs are made: local (processes of this machine) or ray (a cluster)."),
]
Address = Annotated[
    str | None,
    how(
        metavar="ADDRESS",
        help="The Ray cluster: auto (the one that runs here), host:port or ray://host:port; default: RAY_ADDRESS, "
        "or a new one on this machine alone.",
    ),
]
Cpus = Annotated[
    float | None,
    how(
        min=0.01,
        help="How many processors of the cluster one run takes, or which part of one; default: the track's threads.",
    ),
]
Gpus = Annotated[
    float | None,
    how(
        min=0,
        help="How many GPUs of the cluster one run takes, or which part of one; default: one, if the cluster has any.",
    ),
]
Every = Annotated[
    int | None,
    how(
        min=1,
        help="Measure the encoder every so many steps of training; default: at a few steps that the track names.",
    ),
]
Explain = Annotated[bool, how("--explain", help="Weigh words by Shapley values too (needs the extra `explain`).")]
Pool = Annotated[str | None, what(metavar="NAME", help=POOL)]
Layers = Annotated[int | None, what(min=1, metavar="N", help="Read the first N layers of a plain model; default: all.")]
Attention = Annotated[
    str | None,
    what(metavar="NAME", help="Which words a word of a plain model sees: causal or bidirectional; default: its own."),
]
Precision = Annotated[
    str | None, what(metavar="NAME", help="Compute a plain model in this precision: bf16; default: float32.")
]
Trackers = Annotated[
    list[str] | None,
    how(
        "--track-with",
        metavar="NAME",
        help="Log every recorded run with a tracker: tensorboard, wandb, mlflow or trackio (each needs the extra of "
        "its name). May be given more than once.",
    ),
]
DryRun = Annotated[bool, how("--dry-run", help="Show the plan and its cost; run nothing.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def choice(kind: str, name: str | None) -> str | None:
    """The name, if it is one that a recipe may choose for this."""
    if name is not None and name not in Recipe.CHOICES[kind]:
        raise unknown(kind, name, Recipe.CHOICES[kind])
    return name


def written(formats: str) -> Any:
    """The option `--out` of a verb that can write these formats."""
    about = f"Write a file; its suffix says the format: {formats}. May be given more than once."
    return where("--out", metavar="FILE", help=about)


def files_of(out: Sequence[Path] | None, formats: Collection[str]) -> tuple[Path, ...]:
    """The files that `--out` names; a UsageError, before any work, if a suffix is not of these formats."""
    for path in out or ():
        if path.suffix not in formats:
            raise UsageError(f"Cannot write {path}: --out takes a file that ends in {' or '.join(formats)}.")
    return tuple(out or ())


def write_files(out: Sequence[Path], formats: Mapping[str, Callable[[], str]]) -> None:
    """Write each file in the format of its suffix, whole or not at all."""
    for path in out:
        write_text(path, formats[path.suffix]())
        terminal.say(f"Wrote {path}.")


def use(data: Path | None) -> None:
    """Read the real text from this folder, in the processes of the runs too."""
    mirror.use(data.absolute() if data else None)


def of(results: Path, track: str, files: list[Path] | None) -> FolderResults:
    """The results of a track in a folder, with the recipes of more files."""
    return FolderResults(results, tracks.load(track), tuple(files or ()))


def command() -> str:
    """The command line as it was typed."""
    return shlex.join(["srlbench", *sys.argv[1:]])


DEFAULT_TRACK, DEFAULT_RESULTS, DEFAULT_ENGINE = "embedded", DEFAULT, "local"
