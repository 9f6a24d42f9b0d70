"""The verbs of `diagnose`: why a loss or an encoder behaves as it does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from srlbench import tracks
from srlbench.analysis import diagnoses as drawn
from srlbench.analysis import dynamics as trainings
from srlbench.cli.options import DEFAULT_RESULTS, DEFAULT_TRACK, Files, Json, Results, TrackName, app, of
from srlbench.cli.show import diagnoses, terminal
from srlbench.diagnostics import encoder
from srlbench.diagnostics.encoder import Subject, Weighing

diagnose = typer.Typer(help="Why a loss or an encoder behaves as it does.", no_args_is_help=True)
app.add_typer(diagnose, name="diagnose")

Model = Annotated[str, typer.Argument(help="A folder, a run (recipe/backbone/seed-0), a backbone, or a Hub name.")]
Pool = Annotated[
    str | None, typer.Option(help="Of a plain transformers model: cls, cls-pooler, mean, max, first-last.")
]
Text = Annotated[Path | None, typer.Option(help="Sentences, one a line; default: the track's.", show_default=False)]
Losses = Annotated[
    list[str] | None,
    typer.Option("--loss", help="A loss, or one with settings: arccon+degrees=5; more than once for several."),
]
Pairs = Annotated[int, typer.Option(min=2, help="Sentences; each and its dropout twin are a pair.")]
Sentences = Annotated[int, typer.Option("--count", min=2, help="How many of the sentences, from the first on.")]
AsPublished = Annotated[bool, typer.Option(help="With the quirks of the paper's own code.")]
Picture = Annotated[Path | None, typer.Option(help="The figure, .svg or .png.", show_default=False)]
Corpus = Annotated[
    Path | None,
    typer.Option(
        help="Text that tells what words are worth, a sentence a line; default: the track's.", show_default=False
    ),
]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        help="integrated-gradients, leave-one-out, mean-contributions; with the extra `explain` shapley, "
        "projected-gradients. More than once for several.",
    ),
]
Before = Annotated[
    str | None,
    typer.Option(help="The encoder before training; default, of a run: what it started from.", show_default=False),
]
BeforePool = Annotated[str | None, typer.Option(help="How that one is pooled; default: as --pool.", show_default=False)]
Least = Annotated[int, typer.Option(min=1, help="Occurrences in the corpus of a word that counts.")]
Unit = Annotated[bool, typer.Option(help="Weigh in the embedding divided by its length.")]
Folder = Annotated[Path | None, typer.Option(help="A folder for numbers and pictures.", show_default=False)]
USUAL = Weighing.methods


@diagnose.command()
def gradients(
    model: Model,
    loss: Losses = None,
    text: Text = None,
    pairs: Pairs = 64,
    pool: Pool = None,
    seed: Annotated[int, typer.Option(help="Of the dropout.")] = 0,
    track: TrackName = DEFAULT_TRACK,
    results: Results = DEFAULT_RESULTS,
    json: Json = False,
) -> None:
    """Gradient dissipation, weights and ratio of losses on an encoder's own vectors (arXiv 2402.18281).

    Examples: `srlbench diagnose gradients tiny --pool mean --loss info_nce --loss met`,
    `srlbench diagnose gradients simcse-unsup/tiny/seed-0 --loss arccon+degrees=5`
    """
    subject = Subject(model, pool, results, seed)
    found = encoder.gradients(subject, loss or ["info_nce"], tracks.load(track), text, pairs)
    diagnoses.as_json(found) if json else diagnoses.gradients(found)


@diagnose.command()
def isotropy(
    model: Model,
    text: Text = None,
    sentences: Sentences = 1000,
    pool: Pool = None,
    seed: Annotated[int, typer.Option(help="Of the tokens drawn for the baseline.")] = 0,
    as_published: AsPublished = False,
    track: TrackName = DEFAULT_TRACK,
    results: Results = DEFAULT_RESULTS,
    json: Json = False,
) -> None:
    """How isotropic and contextual an encoder's token vectors are, layer by layer (arXiv 2212.09170).

    Example: `srlbench diagnose isotropy tiny --pool mean --count 200`
    """
    subject = Subject(model, pool, results, seed)
    found = encoder.isotropy(subject, tracks.load(track), text, sentences, as_published)
    diagnoses.as_json(found) if json else diagnoses.isotropy(found)


@diagnose.command()
def words(
    model: Model,
    corpus: Corpus = None,
    sentences: Annotated[
        Path | None,
        typer.Option(
            help="Whose words are weighed, one a line; default: the track's test sentences.", show_default=False
        ),
    ] = None,
    count: Sentences = 200,
    method: Methods = None,
    before: Before = None,
    pool: Pool = None,
    before_pool: BeforePool = None,
    least: Least = 10,
    unit: Unit = False,
    out: Folder = None,
    track: TrackName = DEFAULT_TRACK,
    results: Results = DEFAULT_RESULTS,
    json: Json = False,
) -> None:
    """How closely the weight of a word follows its information, before training and after (arXiv 2310.15921).

    Examples: `srlbench diagnose words simcse-unsup/tiny/seed-0 --out words`,
    `srlbench diagnose words tiny --pool mean --count 20 --method leave-one-out`
    """
    earlier = Subject(before, before_pool or pool, results) if before else None
    weighing = Weighing(method or USUAL, sentences, count, corpus, least, unit)
    found, weighed = encoder.words(Subject(model, pool, results), tracks.load(track), weighing, earlier, terminal.step)
    diagnoses.as_json(found) if json else diagnoses.words(found)
    if out:
        diagnoses.wrote(encoder.write(found, out / "words.json"), *drawn.words(found, weighed, out))


@diagnose.command("all")
def all_(
    model: Model,
    count: Sentences = 200,
    out: Folder = None,
    before: Before = None,
    pool: Pool = None,
    track: TrackName = DEFAULT_TRACK,
    results: Results = DEFAULT_RESULTS,
    json: Json = False,
) -> None:
    """Gradients of InfoNCE, every layer's isotropy and the weight of words, on the track's text.

    Example: `srlbench diagnose all simcse-unsup/tiny/seed-0 --out why`
    """
    subject, rules = Subject(model, pool, results), tracks.load(track)
    earlier = Subject(before, pool, results) if before else None
    found = {
        "gradients": encoder.gradients(subject, ["info_nce"], rules, None, 64),
        "isotropy": encoder.isotropy(subject, rules, None, count, False),
    }
    told, weighed = encoder.words(subject, rules, Weighing(count=count), earlier, terminal.step)
    found["words"] = told
    if json:
        diagnoses.as_json(found)
    else:
        diagnoses.gradients(found["gradients"])
        diagnoses.isotropy(found["isotropy"])
        diagnoses.words(told)
    if out:
        diagnoses.wrote(encoder.write(found, out / "diagnosis.json"), *drawn.words(told, weighed, out))


@diagnose.command()
def dynamics(
    recipe: Annotated[
        list[str] | None,
        typer.Argument(help="Recipes or variants, a line each; default: every one, a panel each.", show_default=False),
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(
            "--measure",
            help="dissipation, ratio, dev, anisotropy, intra, self, norm, uniformity, alignment, …; more than once.",
        ),
    ] = None,
    track: TrackName = DEFAULT_TRACK,
    recipes: Files = None,
    results: Results = DEFAULT_RESULTS,
    out: Picture = None,
) -> None:
    """What runs saw of their own training, against the step: a figure from the records.

    Examples: `srlbench diagnose dynamics --results results`,
    `srlbench diagnose dynamics simcse-unsup mhe --results results`
    """
    diagnoses.wrote(trainings.draw(of(results, track, recipes), recipe or [], measure or [], out))


@diagnose.command()
def maps(
    loss: Losses = None,
    cells: Annotated[int, typer.Option(min=2, help="Of the grid of angles, each way; the paper has 100.")] = 20,
    batches: Annotated[int, typer.Option(min=1, help="Drawn for each cell; the paper has 1,000.")] = 2,
    out: Picture = None,
) -> None:
    """Dissipation and ratio over the angles to the positive and to the negatives, measured on simulated vectors.

    Example: `srlbench diagnose maps --loss info_nce --loss arccon --cells 5 --out maps.svg`
    """
    diagnoses.wrote(drawn.maps(loss, cells, batches, out or Path("maps.svg"), terminal.step))
