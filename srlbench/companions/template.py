"""Template denoising: a prompt's own share of a vector is taken out of it (PromptBERT, arXiv 2201.04337)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from srlbench.errors import UsageError
from srlbench.training.batches import frame
from srlbench.training.step import Start, Step
from srlbench.training.text import Text


class Template(nn.Module):
    """Subtracts from each vector, before the head, that of the view's template around no text.

    What stands behind the text has the positions that it has behind this text, so there is a vector for each length. It
    is encoded as the texts are, with dropout and with a gradient. The encoder that is kept reads without this.
    """

    def __init__(self, start: Start) -> None:
        super().__init__()
        prompts = [view.prompt for view in start.training.recipe.views]
        if not prompts or None in prompts:
            raise UsageError("The companion template needs a prompt in each view.")
        self.frames = [frame(start.model.tokenizer, str(prompt)) for prompt in prompts]

    def pooled(self, step: Step, index: int, vectors: Tensor) -> Tensor:
        before, after = self.frames[index]
        around = torch.tensor([*before, *after], device=vectors.device)
        lengths, row = torch.unique(step.whole[index].lengths - len(around), return_inverse=True)
        ids = around.expand(len(lengths), -1)
        place = torch.arange(len(around), device=ids.device).expand_as(ids)
        places = place + (place >= len(before)) * lengths.unsqueeze(1)
        return vectors - step.encode(Text(ids, torch.ones_like(ids), places))[row]
