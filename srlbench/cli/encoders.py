"""Verbs of encoders that exist already, of the text they are scored on, and of new backbones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from srlbench import tracks
from srlbench.cli.options import DEFAULT_RESULTS, DEFAULT_TRACK, WHAT, WHERE, Data, Results, TrackName, app
from srlbench.cli.show import diagnoses, terminal
from srlbench.data import pull as texts
from srlbench.errors import UsageError
from srlbench.evaluation import encoders as evaluation
from srlbench.evaluation import shrink
from srlbench.evaluation.scores import comparable
from srlbench.tracks import protocol as protocols


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
    only = (tasks or "").replace(",", " ").split()
    setting = evaluation.Setting(protocol or ["simcse"], probe, only, data, pool)
    others = evaluation.others(compare, setting) if compare else []
    found, predictions = evaluation.evaluate(model, setting, results, terminal.step)
    terminal.scores(found)
    evaluation.write(found, predictions, json, csv)
    if others:
        terminal.differences(comparable(found, others))


text = typer.Typer(help="The real text of the tasks: fetch it, check it, find it.", no_args_is_help=True)
app.add_typer(text, name="data")


@text.command()
def pull(
    track: Annotated[
        str | None,
        typer.Option(help="All that runs of this track read: tasks, training text, backbones.", show_default=False),
    ] = None,
) -> None:
    """Fetch SentEval's text, or all that a track reads, from the Hub into its cache, and check every row of the tasks.

    Examples: `srlbench data pull`, `srlbench data pull --track small`
    """
    places, rules = texts.pull(track)
    for place in places:
        typer.echo(place)
    raise typer.Exit(terminal.verified(texts.verify([rules], None)))


@text.command()
def verify(data: Data = None) -> None:
    """Check every set against its pinned rows.

    Example: `srlbench data verify --data DIR`
    """
    raise typer.Exit(terminal.verified(texts.verify([protocols.load(name) for name in ("simcse", "mteb")], data)))


@text.command("path")
def path_(data: Data = None) -> None:
    """The folder that SentEval's text is read from.

    Example: `srlbench data path`
    """
    typer.echo(texts.data_path(data))


@app.command()
def compact(
    model: Annotated[
        str, typer.Argument(help="A folder, or a run (recipe/backbone/seed-0), that heads or neurons were pruned of.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the smaller encoder.")],
    pool: Annotated[str | None, typer.Option(help="Of a plain transformers model: cls, mean, max.")] = None,
    track: TrackName = DEFAULT_TRACK,
    results: Results = DEFAULT_RESULTS,
) -> None:
    """Leave out the heads and neurons that are all zero: the same vectors from a smaller, faster encoder.

    Example: `srlbench compact sparse-simcse-unsup+granularity=neuron,sparsity=0.5/tiny/seed-0 --out smaller`
    """
    diagnoses.shrunk(shrink.shrink(model, pool, tracks.load(track), results, out), out)


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
    apart: Annotated[
        Path | None,
        typer.Option(
            help="SentEval's data: lines that are sentences of the tasks are left out.",
            rich_help_panel=TEXT,
            show_default=False,
        ),
    ] = None,
    generated: int | None = _given(TEXT, "Lines of the generated language to add."),
    share: float | None = _given(TEXT, "Share of the tokens that are generated."),
    vocabulary: int | None = _given(SHAPE, "Word pieces."),
    layers: int | None = _given(SHAPE, "Transformer layers; 0 makes static word vectors."),
    width: int | None = _given(SHAPE, "Width of the hidden states."),
    heads: int | None = _given(SHAPE, "Attention heads."),
    max_length: int | None = _given(SHAPE, "Longest sentence, in pieces."),
    init: str | None = _given(LEARNING, "random, or svd for factorised co-occurrences."),
    power: float | None = _given(LEARNING, "Of the singular values in factorised word vectors."),
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
    precision: str | None = _given(LEARNING, "fp32, or bf16 where the processor is quick at it."),
) -> None:
    """Make a small backbone: a masked language model, or static word vectors. A killed run goes on where it was.

    Example: `srlbench pretrain my-tiny --generated 50000 --corpus wiki.txt.gz --steps 2000`
    """
    settings = {key: value for key, value in locals().items() if key not in ("out", "corpus") and value is not None}
    typer.echo(_pretrained(out, tuple(corpus or ()), settings))


def _pretrained(out: Path, corpus: tuple[Path, ...], settings: Mapping[str, Any]) -> str:
    """Make a backbone; what is not in `settings` is as `Pretraining` says."""
    for path in corpus:
        if not path.is_file():
            raise UsageError(f"There is no corpus file at {path}.")
    from srlbench.training.pretraining.build import Pretraining
    from srlbench.training.pretraining.pretrain import pretrain as made

    card = made(Pretraining(corpus=corpus, **settings), out, terminal.say)
    losses = ", ".join(f"{value:.3f} ({name})" for name, value in card.get("heldout", {}).items())
    return f"Wrote {out}: " + (f"held-out loss {losses}." if losses else f"{card['parameters']:,} numbers.")
