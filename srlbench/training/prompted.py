"""A transformer that reads each text inside a template (PromptBERT, PromptEOL)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from sentence_transformers.base.modules import Transformer
from torch.nn.utils.rnn import pad_sequence

from srlbench.training.batches import prompted as inside
from srlbench.training.layers import Autocast

LONGEST = 512  # pieces of a text, where the backbone says nothing


class Template(Transformer):
    """What a transformer with a template does; `max_seq_length` counts the text alone."""

    config_keys = [*Transformer.config_keys, "template"]  # noqa: RUF012

    def __init__(self, *args: Any, template: str = "{text}", **options: Any) -> None:
        super().__init__(*args, **options)
        self.template = template

    def preprocess(  # type: ignore[override]
        self, inputs: Sequence[Any], prompt: str | None = None, **options: Any
    ) -> dict[str, Any]:
        ids = inside(self.tokenizer, [str(text) for text in inputs], self.max_seq_length or LONGEST, self.template)
        rows = [torch.tensor(row) for row in ids]
        tokenizer: Any = self.tokenizer
        padded = pad_sequence(rows, batch_first=True, padding_value=tokenizer.pad_token_id)
        sizes = torch.tensor([len(row) for row in rows]).unsqueeze(1)
        mask = (torch.arange(padded.shape[1]) < sizes).long()
        return {"input_ids": padded, "attention_mask": mask, "modality": "text"}


class Prompted(Template):
    """A transformer with a template around each text."""


class PromptedAutocast(Template, Autocast):
    """The same for a transformer that computes in bfloat16."""


def prompted(transformer: Transformer, template: str) -> Template:
    """The same transformer with a template."""
    transformer.__class__ = PromptedAutocast if isinstance(transformer, Autocast) else Prompted
    assert isinstance(transformer, Template)
    transformer.template = template
    return transformer
