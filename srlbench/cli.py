"""The command line: one verb a question, one call each. Neither torch nor mteb is imported until a verb needs them."""

from __future__ import annotations

import shlex
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from srlbench import __version__, scoring, suite, terminal
from srlbench.errors import RUN_FAILED, SrlbenchError
from srlbench.scores import comparable
from srlbench.tracks import Track

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
Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
DEFAULT_TRACK, DEFAULT_RESULTS = "embedded", Path("srlbench-results")


def _version(value: bool) -> None:
    if value:
        typer.echo(f"srlbench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    terminal.debug = debug


@app.command("list")
def list_(
    kind: Annotated[
        str | None,
        typer.Argument(help="recipes, tracks, losses, tasks or backbones; default: all.", show_default=False),
    ] = None,
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    json: Json = False,
) -> None:
    """What is registered: recipes, tracks, losses, tasks, backbones.

    Examples: `srlbench list`, `srlbench list recipes --json`
    """
    terminal.listing(suite.listing(kind, track, tuple(recipes or ())), json)


@app.command()
def show(
    recipe: Annotated[str, typer.Argument(help="A recipe's name.")],
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    json: Json = False,
) -> None:
    """A recipe as a track resolves it: every setting, its loss, its fingerprint, what its paper reports.

    Example: `srlbench show simcse-unsup --track embedded`
    """
    terminal.description(suite.describe(recipe, track, tuple(recipes or ())), json)


@app.command()
def run(
    recipe: Names = None,
    all_: Annotated[bool, typer.Option("--all", help="Every registered recipe.", rich_help_panel=WHAT)] = False,
    track: TrackName = DEFAULT_TRACK,
    backbone: Backbones = None,
    seeds: Seeds = None,
    recipes: Files = None,
    results: Results = DEFAULT_RESULTS,
    keep_encoders: Annotated[
        bool, typer.Option(help="Keep the trained encoders beside the records.", rich_help_panel=WHERE)
    ] = True,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Runs side by side; default: the cores.", rich_help_panel=HOW, show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and its cost; run nothing.", rich_help_panel=HOW)
    ] = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Stop at the first failed run.", rich_help_panel=HOW)
    ] = False,
) -> None:
    """Train and evaluate recipes, record every run, show the table. What is done already is not done again.

    Examples: `srlbench run --all`, `srlbench run simcse-unsup whitening --seeds 0-4`, `srlbench run --all --dry-run`
    """
    plan = suite.plan(
        recipe or [],
        all_,
        track,
        backbone or [],
        seeds,
        tuple(recipes or ()),
        results,
        keep_encoders,
        _command(),
    )
    if dry_run:
        terminal.plan(plan)
        return
    try:
        terminal.run(plan, suite.engine(plan, jobs), jobs or suite.cores(), fail_fast)
    except KeyboardInterrupt:
        terminal.error("Interrupted. What was recorded is kept; the same command goes on from there.")
        raise typer.Exit(130) from None
    _table(plan.track, tuple(recipes or ()), results)
    if plan.failures:
        raise typer.Exit(RUN_FAILED)


@app.command()
def evaluate(
    model: Annotated[
        str, typer.Argument(help="A folder, a run (recipe/backbone/seed-0), a backbone, or a Hub name[@revision].")
    ],
    protocol: Annotated[
        list[str] | None,
        typer.Option(help="simcse, mteb or generated; more than once for several.", rich_help_panel=WHAT),
    ] = None,
    tasks: Annotated[
        str | None,
        typer.Option(help="Only these, with commas: STS12,MR.", rich_help_panel=WHAT, show_default=False),
    ] = None,
    probe: Annotated[str, typer.Option(help="converged, senteval or both.", rich_help_panel=WHAT)] = "converged",
    pool: Annotated[
        str | None,
        typer.Option(
            help="Of a plain transformers model: cls, cls-pooler, mean, max, first-last.", rich_help_panel=WHAT
        ),
    ] = None,
    data: Data = None,
    results: Results = DEFAULT_RESULTS,
    json: Annotated[
        Path | None,
        typer.Option(help="Write everything here; predictions go beside it as .npz.", rich_help_panel=WHERE),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write one row a protocol here.", rich_help_panel=WHERE)] = None,
    compare: Annotated[
        Path | None, typer.Option(help="A JSON written before: show the differences.", rich_help_panel=WHAT)
    ] = None,
) -> None:
    """Score an existing encoder on the real tasks; nothing is trained or recorded.

    Examples: `srlbench evaluate my-encoder --data DIR --json mine.json`, `srlbench evaluate simcse-unsup/tiny/seed-0`,
    `srlbench evaluate tiny --pool mean --protocol generated --tasks GenSTS12`
    """
    names, only = protocol or ["simcse"], (tasks or "").replace(",", " ").split()
    others = scoring.others(compare, names, probe, only) if compare else []
    found, predictions = scoring.evaluate(model, names, probe, only, data, pool, results, terminal.step)
    terminal.scores(found)
    scoring.write(found, predictions, json, csv)
    if others:
        terminal.differences(comparable(found, others))


@app.command()
def leaderboard(
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    results: Results = DEFAULT_RESULTS,
    json: Json = False,
) -> None:
    """Rebuild leaderboard.csv and leaderboard.md from the records, and show the table.

    Examples: `srlbench leaderboard`, `srlbench leaderboard --results results`
    """
    _table(suite.track(track), tuple(recipes or ()), results, json)


@app.command()
def check(
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    results: Results = DEFAULT_RESULTS,
    baseline: Annotated[
        Path | None,
        typer.Option(help="Reviewed expectations; default: the published ones.", show_default=False),
    ] = None,
) -> None:
    """Compare fresh records with the reviewed baseline: a verdict a recipe, and an exit code for CI.

    Exit codes: 0 ok, 1 regressed, 2 usage, 3 a run failed, 4 nothing comparable.

    Example: `srlbench check --results srlbench-results`
    """
    report = suite.check(suite.track(track), tuple(recipes or ()), results, baseline)
    terminal.report(report)
    raise typer.Exit(report.exit_code)


@app.command()
def baseline(
    accept: Annotated[str, typer.Option("--accept", help="Why these records are the new expectation.")],
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    results: Results = DEFAULT_RESULTS,
    output: Annotated[
        Path | None,
        typer.Option(help="File to write; default: baseline.toml beside the records.", show_default=False),
    ] = None,
) -> None:
    """Write a new baseline from the records, to be reviewed and committed.

    Example: `srlbench baseline --accept "first release" --results results`
    """
    path = suite.accept(suite.track(track), tuple(recipes or ()), results, accept, output)
    typer.echo(f"Wrote {path}; review it and commit it.")


texts = typer.Typer(help="The real text of the tasks: fetch it, check it, find it.", no_args_is_help=True)
app.add_typer(texts, name="data")


@texts.command()
def pull() -> None:
    """Fetch SentEval's text from the Hub into its cache, unpack it anew, and check every row.

    Example: `srlbench data pull`
    """
    typer.echo(scoring.pull())
    raise typer.Exit(terminal.verified(scoring.verify(["simcse"], None)))


@texts.command()
def verify(data: Data = None) -> None:
    """Check every set against its pinned rows.

    Example: `srlbench data verify --data DIR`
    """
    raise typer.Exit(terminal.verified(scoring.verify(["simcse", "mteb"], data)))


@texts.command("path")
def path_(data: Data = None) -> None:
    """The folder that SentEval's text is read from.

    Example: `srlbench data path`
    """
    typer.echo(scoring.data_path(data))


TEXT, SHAPE, LEARNING = "Text", "Shape", "Learning"


def _given(panel: str, about: str) -> Any:
    """An option whose default is that of the pre-training itself."""
    return typer.Option(None, help=about, rich_help_panel=panel, show_default=False)


@app.command()
def pretrain(
    out: Annotated[Path, typer.Argument(help="Folder of the new backbone.")],
    corpus: Annotated[
        list[Path] | None,
        typer.Option(help="A .txt or .txt.gz file, a sentence a line.", rich_help_panel=TEXT, show_default=False),
    ] = None,
    generated: int | None = _given(TEXT, "Lines of the generated language to add."),
    share: float | None = _given(TEXT, "Share of the tokens that are generated."),
    vocabulary: int | None = _given(SHAPE, "Word pieces."),
    layers: int | None = _given(SHAPE, "Transformer layers."),
    width: int | None = _given(SHAPE, "Width of the hidden states."),
    heads: int | None = _given(SHAPE, "Attention heads."),
    max_length: int | None = _given(SHAPE, "Longest sentence, in pieces."),
    init: str | None = _given(LEARNING, "random, or svd for factorised co-occurrences."),
    spread: float | None = _given(LEARNING, "Standard deviation of factorised word vectors."),
    steps: int | None = _given(LEARNING, "Updates."),
    batch_tokens: int | None = _given(LEARNING, "Tokens an update."),
    lr: float | None = _given(LEARNING, "Highest learning rate."),
    table_lr: float | None = _given(LEARNING, "Rate of the word vectors, as a part of --lr."),
    warmup: float | None = _given(LEARNING, "Share of the updates in which the rate rises."),
    weight_decay: float | None = _given(LEARNING, "Of all matrices."),
    masking: float | None = _given(LEARNING, "Share of the tokens that are masked."),
    dropout: float | None = _given(LEARNING, "While pre-training."),
    chunks: int | None = _given(LEARNING, "Parts of a batch, one after the other."),
    measure: int | None = _given(LEARNING, "Updates between two measures of the held-out loss."),
    checkpoint: int | None = _given(LEARNING, "Updates between two checkpoints."),
    seed: int | None = _given(LEARNING, "Of everything random."),
    threads: int | None = _given(LEARNING, "Threads; part of what the weights follow from."),
    device: str | None = _given(LEARNING, "cpu or cuda."),
) -> None:
    """Make a small backbone by masked language modelling; a killed run goes on where it was.

    Example: `srlbench pretrain my-tiny --generated 50000 --corpus wiki.txt.gz --steps 2000`
    """
    settings = {key: value for key, value in locals().items() if key not in ("out", "corpus") and value is not None}
    typer.echo(suite.pretrain(out, tuple(corpus or ()), settings, terminal.say))


@app.command()
def doctor(track: TrackName = DEFAULT_TRACK, results: Results = DEFAULT_RESULTS) -> None:
    """Check this installation: versions, folder, backbone and data hashes, determinism."""
    raise typer.Exit(terminal.diagnosis(suite.examine(track, results)))


def main() -> None:
    """The console script: errors a user can cause are one sentence and an exit code."""
    try:
        app()
    except SrlbenchError as error:
        if terminal.debug:
            traceback.print_exc()
        terminal.error(str(error))
        sys.exit(error.exit_code)


def _table(rules: Track, files: tuple[Path, ...], results: Path, json: bool = False) -> None:
    board, problems = suite.leaderboard(rules, files, results, write=not json)
    for problem in problems:
        terminal.warn(str(problem))
    if not json and all(row.state == "not run" for row in board.rows):
        terminal.warn(f"There are no records of track {rules.name} in {results}; `srlbench run --all` makes them.")
        return
    terminal.leaderboard(board, json)


def _command() -> str:
    return shlex.join(["srlbench", *sys.argv[1:]])
