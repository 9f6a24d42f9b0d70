"""The verb that makes a new backbone: pretrain."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from srlbench.cli.options import ENCODERS, app
from srlbench.cli.show import terminal
from srlbench.errors import UsageError

TEXT, SHAPE, LEARNING = "Text", "Shape", "Learning"


def _given(panel: str, about: str) -> Any:
    """An option whose default is that of `Pretraining`."""
    return typer.Option(None, help=about, rich_help_panel=panel)


Corpora = Annotated[
    list[Path] | None,
    typer.Option(
        help="A .txt or .txt.gz file, one sentence a line. May be given more than once.", rich_help_panel=TEXT
    ),
]
Apart = Annotated[
    Path | None,
    typer.Option(help="SentEval's data: leave out the lines that are sentences of its tasks.", rich_help_panel=TEXT),
]


@app.command(rich_help_panel=ENCODERS)
def pretrain(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the new backbone.")],
    corpus: Corpora = None,
    apart: Apart = None,
    generated: int | None = _given(TEXT, "How many lines of the generated language to add."),
    share: float | None = _given(TEXT, "Which share of the tokens is generated."),
    vocabulary: int | None = _given(SHAPE, "How many word pieces there are."),
    layers: int | None = _given(SHAPE, "How many transformer layers; 0 makes static word vectors."),
    width: int | None = _given(SHAPE, "The width of the hidden states."),
    heads: int | None = _given(SHAPE, "How many attention heads a layer has."),
    max_length: int | None = _given(SHAPE, "The longest sentence, in word pieces."),
    init: str | None = _given(LEARNING, "How word vectors begin: random, or svd for factorised co-occurrences."),
    power: float | None = _given(LEARNING, "The power of the singular values in factorised word vectors."),
    spread: float | None = _given(LEARNING, "The standard deviation of factorised word vectors."),
    steps: int | None = _given(LEARNING, "How many updates are made."),
    batch_tokens: int | None = _given(LEARNING, "How many tokens an update sees."),
    lr: float | None = _given(LEARNING, "The highest learning rate."),
    table_lr: float | None = _given(LEARNING, "The learning rate of the word vectors, as a part of `--lr`."),
    warmup: float | None = _given(LEARNING, "Which share of the updates the learning rate rises for."),
    weight_decay: float | None = _given(LEARNING, "The weight decay of all matrices."),
    masking: float | None = _given(LEARNING, "Which share of the tokens is masked."),
    dropout: float | None = _given(LEARNING, "The dropout of pre-training."),
    chunks: int | None = _given(LEARNING, "How many parts a batch is cut into, to save memory."),
    measure: int | None = _given(LEARNING, "How many updates lie between two measures of the held-out loss."),
    checkpoint: int | None = _given(LEARNING, "How many updates lie between two checkpoints."),
    seed: int | None = _given(LEARNING, "The seed of everything random."),
    threads: int | None = _given(LEARNING, "How many threads compute; the weights depend on it."),
    device: str | None = _given(LEARNING, "The device: cpu or cuda."),
    precision: str | None = _given(LEARNING, "The precision: fp32, or bf16 where the processor is quick at it."),
) -> None:
    """Make a small backbone: a masked language model, or static word vectors.

    The same command goes on where a killed one was.

    Examples:

    - `srlbench pretrain my-tiny --generated 50000 --corpus wiki.txt.gz --steps 2000`
    """
    settings = {key: value for key, value in locals().items() if key not in ("out", "corpus") and value is not None}
    typer.echo(_pretrained(out, tuple(corpus or ()), settings))


def _pretrained(out: Path, corpus: tuple[Path, ...], settings: Mapping[str, Any]) -> str:
    """Make a backbone; settings that are not given have the defaults of `Pretraining`."""
    for path in corpus:
        if not path.is_file():
            raise UsageError(f"There is no corpus file at {path}.")
    from srlbench.training.pretraining.build import Pretraining
    from srlbench.training.pretraining.pretrain import pretrain as made

    card = made(Pretraining(corpus=corpus, **settings), out, terminal.say)
    losses = ", ".join(f"{value:.3f} ({name})" for name, value in card.get("heldout", {}).items())
    return f"Wrote {out}: " + (f"held-out loss {losses}." if losses else f"{card['parameters']:,} numbers.")
