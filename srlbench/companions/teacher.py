"""A teacher: a finished encoder whose vectors of the batch reach the loss (RankCSE, ConGen, SCT, DistillCSE, GIST)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from torch.nn.functional import normalize

from srlbench import backbones, registry
from srlbench.errors import UsageError
from srlbench.recipe.part import names_of
from srlbench.tracks.resolve import resolved
from srlbench.training import course
from srlbench.training.callbacks import OBSERVED, Hooks
from srlbench.training.rng import preserved_rng, stream
from srlbench.training.step import Start, Step
from srlbench.training.transformer import whole_weights
from srlbench.training.value import Training

MEMORY = 5  # numbers the random streams of teachers


class Teacher(nn.Module):
    """Gives the loss `teacher`, the vectors of the rows' first column, (n, d'), and `guide`, those of each column.

    recipe: a registered recipe, which is trained first, in this run and with its seed, on its backbone or another. So
        the record of the run counts what the teacher took. encoder: a folder or a name on the Hub instead.
    Several recipes or encoders are one teacher, whose cosine is the mean of theirs by `weights`; the second recipe is
        trained with another seed than the first.
    memory: it also gives `memory`, its vectors of so many lines of the text; those of each batch take the place of the
        oldest afterwards.
    The vectors are those of evaluation, made once; the teacher is not kept, and never gets a gradient.
    """

    def __init__(
        self,
        start: Start,
        *,
        recipe: str | tuple[str, ...] | None = None,
        encoder: str | tuple[str, ...] | None = None,
        backbone: str | None = None,
        weights: tuple[float, ...] = (),
        memory: int = 0,
    ) -> None:
        super().__init__()
        if (recipe is None) == (encoder is None):
            raise UsageError("A teacher is a recipe or an encoder; give it one of the two.")
        names = names_of(recipe or encoder)
        if weights and len(weights) != len(names):
            raise UsageError(f"A teacher of {len(names)} encoders has {len(weights)} weights.")
        lines, seed = start.lines, start.training.seed
        held = torch.randperm(len(lines), generator=torch.Generator().manual_seed(stream(seed, MEMORY)))[:memory]
        rows = {row for batch in start.batches for row in batch} | set(range(min(OBSERVED, len(lines))))
        texts = sorted({*(text for row in rows for text in lines[row]), *(lines[int(row)][0] for row in held)})
        weights = weights or (1.0,) * len(names)
        parts = []
        with preserved_rng():
            for number, (name, weight) in enumerate(zip(names, weights, strict=True)):
                model = _trained(start, name, backbone, number) if recipe else _loaded(name)
                with torch.inference_mode():
                    vectors = model.eval().encode(texts, show_progress_bar=False, convert_to_tensor=True)
                parts.append((weight / sum(weights)) ** 0.5 * normalize(vectors.clone().float().cpu(), dim=-1))
        self.row = {text: place for place, text in enumerate(texts)}
        self.vectors = torch.cat(parts, dim=1)  # no buffer: a resumed training makes the same ones again
        self.register_buffer("memory", self.vectors[[self.row[lines[int(row)][0]] for row in held]])

    memory: Tensor

    def of(self, texts: list[str], step: Step) -> Tensor:
        """The vectors of some texts of the batch's columns, of the rows of all ranks."""
        own = self.vectors[[self.row[text] for text in texts]].to(step.vectors[0].device)
        return step.ranks.all_gather(own)

    def gives(self, step: Step) -> dict[str, Any]:
        columns = [self.of(list(column), step) for column in zip(*step.lines, strict=True)]
        if len(self.memory) and self.vectors.shape[1] != step.vectors[0].shape[1]:
            raise UsageError(
                f"A teacher of {self.vectors.shape[1]} dimensions cannot share its memory with a student of "
                f"{step.vectors[0].shape[1]}; take a teacher of the same width."
            )
        return {"teacher": columns[0], "guide": tuple(columns), "memory": self.memory.clone()}

    def after(self, step: Step) -> None:
        if len(self.memory):
            new = self.of([line[0] for line in step.lines], step)
            self.memory.copy_(torch.cat((self.memory, new))[-len(self.memory) :])


def _trained(start: Start, recipe: str, backbone: str | None, number: int) -> SentenceTransformer:
    own = start.training
    there = backbones.resolve(backbone) if backbone else None
    folder = backbones.fetch(there) if there else own.folder
    begun = there or backbones.resolve(str(own.folder))
    taught = resolved(registry.known(recipe), own.track, begun)
    seed = stream(own.seed, MEMORY, number) if number else own.seed
    training = Training(taught, folder, own.track, seed, own.work / f"teacher{number or ''}")
    training.work.mkdir(parents=True, exist_ok=True)
    return course.train(training, Hooks(lambda model: 0.0)).model


def _loaded(encoder: str) -> SentenceTransformer:
    name = str(Path(encoder).resolve()) if Path(encoder).exists() else encoder
    with whole_weights():
        return SentenceTransformer(name)
