"""The verbs of `diagnose`: why a loss or an encoder behaves as it does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from srlbench import tracks
from srlbench.analysis import diagnoses as drawn
from srlbench.cli import options as opt
from srlbench.cli.show import diagnoses, terminal
from srlbench.diagnostics import encoder
from srlbench.diagnostics.encoder import Subject, Weighing
from srlbench.evaluation.reading import Reading

diagnose = typer.Typer(help="Explain why a loss or an encoder behaves as it does.", no_args_is_help=True)
opt.app.add_typer(diagnose, name="diagnose", rich_help_panel=opt.ENCODERS)

Text = Annotated[Path | None, typer.Option(metavar="FILE", help="Sentences, one a line; default: those of the track.")]
Losses = Annotated[
    list[str] | None,
    typer.Option(
        "--loss", metavar="LOSS", help="A loss, or one with settings: arccon+degrees=5. May be given more than once."
    ),
]
Pairs = Annotated[
    int, typer.Option(min=2, metavar="N", help="How many sentences; each one and its dropout twin are a pair.")
]
Sentences = Annotated[
    int, typer.Option("--count", min=2, metavar="N", help="How many of the sentences to use, from the first one on.")
]
AsPublished = Annotated[bool, typer.Option("--as-published", help="Measure with the quirks of the paper's own code.")]
Corpus = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The text that the information of words is counted in, one sentence a line; default: that of the track.",
    ),
]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        metavar="NAME",
        help="integrated-gradients, leave-one-out or mean-contributions; with the extra `explain` also shapley and "
        "projected-gradients. May be given more than once.",
    ),
]
Before = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL", help="The encoder before training; default, for a run: the backbone it started from."
    ),
]
BeforePool = Annotated[
    str | None, typer.Option(metavar="NAME", help="How the encoder of `--before` is pooled; default: as `--pool`.")
]
Least = Annotated[int, typer.Option(min=1, metavar="N", help="Count a word only if it occurs so often in the corpus.")]
Unit = Annotated[bool, typer.Option("--unit", help="Weigh words in the embedding divided by its length.")]
Numbers = Annotated[list[Path] | None, opt.written(".json")]
Folder = Annotated[Path | None, opt.where(metavar="DIR", help="Write numbers and pictures to this folder.")]
USUAL = Weighing.methods


@diagnose.command()
def gradients(
    model: opt.Model,
    loss: Losses = None,
    text: Text = None,
    pairs: Pairs = 64,
    pool: opt.Pool = None,
    layers: opt.Layers = None,
    attention: opt.Attention = None,
    seed: Annotated[int, typer.Option(metavar="N", help="The seed of the dropout.")] = 0,
    track: opt.TrackName = opt.DEFAULT_TRACK,
    results: opt.Results = opt.DEFAULT_RESULTS,
    out: Numbers = None,
    json: opt.Json = False,
) -> None:
    """Measure the gradients of losses on an encoder's own vectors: dissipation, weights, ratio (arXiv 2402.18281).

    Examples:

    - `srlbench diagnose gradients tiny --pool mean --loss info_nce --loss met`
    - `srlbench diagnose gradients simcse-unsup@tiny:0 --loss arccon+degrees=5`
    """
    paths, reading = opt.files_of(out, (".json",)), Reading(pool, layers, opt.choice("attention", attention))
    subject = Subject(model, reading, results, seed)
    result = encoder.gradients(subject, loss or ["info_nce"], tracks.load(track), text, pairs)
    terminal.as_json(result) if json else diagnoses.gradients(result)
    opt.write_files(paths, {".json": lambda: encoder.to_json(result)})


@diagnose.command()
def isotropy(
    model: opt.Model,
    text: Text = None,
    sentences: Sentences = 1000,
    pool: opt.Pool = None,
    layers: opt.Layers = None,
    attention: opt.Attention = None,
    seed: Annotated[int, typer.Option(metavar="N", help="The seed of the tokens that are drawn for the baseline.")] = 0,
    as_published: AsPublished = False,
    track: opt.TrackName = opt.DEFAULT_TRACK,
    results: opt.Results = opt.DEFAULT_RESULTS,
    out: Numbers = None,
    json: opt.Json = False,
) -> None:
    """Measure how isotropic and contextual an encoder's token vectors are, layer by layer (arXiv 2212.09170).

    Examples:

    - `srlbench diagnose isotropy tiny --pool mean --count 200`
    """
    paths, reading = opt.files_of(out, (".json",)), Reading(pool, layers, opt.choice("attention", attention))
    subject = Subject(model, reading, results, seed)
    result = encoder.isotropy(subject, tracks.load(track), text, sentences, as_published)
    terminal.as_json(result) if json else diagnoses.isotropy(result)
    opt.write_files(paths, {".json": lambda: encoder.to_json(result)})


@diagnose.command()
def words(
    model: opt.Model,
    corpus: Corpus = None,
    sentences: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The sentences whose words are weighed, one a line; default: the track's test sentences.",
        ),
    ] = None,
    count: Sentences = 200,
    method: Methods = None,
    before: Before = None,
    pool: opt.Pool = None,
    layers: opt.Layers = None,
    attention: opt.Attention = None,
    before_pool: BeforePool = None,
    least: Least = 10,
    unit: Unit = False,
    out: Folder = None,
    track: opt.TrackName = opt.DEFAULT_TRACK,
    results: opt.Results = opt.DEFAULT_RESULTS,
    json: opt.Json = False,
) -> None:
    """Measure how closely the weight of a word follows its information, before and after training (arXiv 2310.15921).

    Examples:

    - `srlbench diagnose words simcse-unsup@tiny:0 --out words`
    - `srlbench diagnose words tiny --pool mean --count 20 --method leave-one-out`
    """
    reading = Reading(pool, layers, opt.choice("attention", attention))
    earlier = Subject(before, Reading(before_pool or pool, layers, attention), results) if before else None
    weighing = Weighing(method or USUAL, sentences, count, corpus, least, unit)
    subject, rules = Subject(model, reading, results), tracks.load(track)
    result, weighed = encoder.words(subject, rules, weighing, earlier, terminal.step)
    terminal.as_json(result) if json else diagnoses.words(result)
    if out:
        terminal.wrote(encoder.write(result, out / "words.json"), *drawn.words(result, weighed, out), json=json)


@diagnose.command("all")
def all_(
    model: opt.Model,
    count: Sentences = 200,
    out: Folder = None,
    before: Before = None,
    pool: opt.Pool = None,
    layers: opt.Layers = None,
    attention: opt.Attention = None,
    track: opt.TrackName = opt.DEFAULT_TRACK,
    results: opt.Results = opt.DEFAULT_RESULTS,
    json: opt.Json = False,
) -> None:
    """Measure the gradients of InfoNCE, the isotropy of every layer and the weight of words, on the track's text.

    Examples:

    - `srlbench diagnose all simcse-unsup@tiny:0 --out why`
    """
    reading = Reading(pool, layers, opt.choice("attention", attention))
    subject, rules = Subject(model, reading, results), tracks.load(track)
    earlier = Subject(before, reading, results) if before else None
    result = {
        "gradients": encoder.gradients(subject, ["info_nce"], rules, None, 64),
        "isotropy": encoder.isotropy(subject, rules, None, count, False),
    }
    weights, weighed = encoder.words(subject, rules, Weighing(count=count), earlier, terminal.step)
    result["words"] = weights
    if json:
        terminal.as_json(result)
    else:
        diagnoses.gradients(result["gradients"])
        diagnoses.isotropy(result["isotropy"])
        diagnoses.words(weights)
    if out:
        terminal.wrote(encoder.write(result, out / "diagnosis.json"), *drawn.words(weights, weighed, out), json=json)
