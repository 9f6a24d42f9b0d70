"""A teacher: a finished encoder whose vectors of the batch reach the loss (RankCSE, ConGen, SCT, DistillCSE, GIST)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from srlbench import backbones, registry
from srlbench.errors import UsageError
from srlbench.tracks.resolve import resolved
from srlbench.training import course
from srlbench.training.callbacks import OBSERVED, Hooks
from srlbench.training.rng import preserved_rng
from srlbench.training.step import Start, Step
from srlbench.training.transformer import whole_weights
from srlbench.training.value import Training


class Teacher(nn.Module):
    """Gives the loss `teacher`, the vectors of the rows' first column, (n, d'), and `guide`, those of each column.

    recipe: a registered recipe, which is trained first, in this run and with its seed, on its backbone or another. So
        the record of the run counts what the teacher took. encoder: a folder or a name on the Hub instead.
    The vectors are those of evaluation, made once; the teacher is not kept, and never gets a gradient.
    """

    def __init__(
        self, start: Start, *, recipe: str | None = None, encoder: str | None = None, backbone: str | None = None
    ) -> None:
        super().__init__()
        if (recipe is None) == (encoder is None):
            raise UsageError("A teacher is a recipe or an encoder; give it one of the two.")
        with preserved_rng():
            model = _trained(start, recipe, backbone) if recipe else _loaded(str(encoder))
            rows = sorted(
                {row for batch in start.batches for row in batch} | set(range(min(OBSERVED, len(start.lines))))
            )
            texts = sorted({text for row in rows for text in start.lines[row]})
            with torch.inference_mode():
                vectors = model.eval().encode(texts, show_progress_bar=False, convert_to_tensor=True)
        self.row = {text: place for place, text in enumerate(texts)}
        self.vectors = vectors.clone().float().cpu()  # no buffer: a resumed training makes the same ones again

    def of(self, texts: list[str], step: Step) -> Tensor:
        """The vectors of some texts of the batch's columns, of the rows of all ranks."""
        own = self.vectors[[self.row[text] for text in texts]].to(step.vectors[0].device)
        return step.ranks.all_gather(own)

    def gives(self, step: Step) -> dict[str, Any]:
        columns = [self.of(list(column), step) for column in zip(*step.lines, strict=True)]
        return {"teacher": columns[0], "guide": tuple(columns)}


def _trained(start: Start, recipe: str, backbone: str | None) -> SentenceTransformer:
    own = start.training
    there = backbones.resolve(backbone) if backbone else None
    folder = backbones.fetch(there) if there else own.folder
    begun = there or backbones.resolve(str(own.folder))
    taught = resolved(registry.recipe(recipe), own.track, begun)
    training = Training(taught, folder, own.track, own.seed, own.work / "teacher")
    training.work.mkdir(parents=True, exist_ok=True)
    return course.train(training, Hooks(lambda model: 0.0)).model


def _loaded(encoder: str) -> SentenceTransformer:
    name = str(Path(encoder).resolve()) if Path(encoder).exists() else encoder
    with whole_weights():
        return SentenceTransformer(name)
