"""A text must be written again from its sentence vector (TSDAE, arXiv 2104.06979)."""

from __future__ import annotations

import copy
from typing import Any

from sentence_transformers.base.modules import Transformer
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from srlbench.errors import UsageError
from srlbench.training.step import Start, Step


class Reconstruction(nn.Module):
    """Adds `weight` times the cross-entropy of the pieces of the first view's whole text, given its vector.

    The decoder has the weights of the encoder, and an attention of its own to the vector of the damaged text alone.
    """

    def __init__(self, start: Start, *, weight: float = 1.0) -> None:
        super().__init__()
        first = start.model[0]
        if not isinstance(first, Transformer):
            raise UsageError("Only a transformer can write a text again; leave reconstruction out.")
        config = copy.deepcopy(first.model.config)
        config.is_decoder = config.add_cross_attention = True
        try:
            decoder: Any = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
        except ValueError:
            decoder = None
        if decoder is None or not any("crossattention" in name for name, _ in decoder.named_modules()):
            raise UsageError(f"transformers has no decoder with cross-attention for {config.model_type}.")
        self.weight, self.decoder = weight, decoder
        tie(decoder.base_model, first.model)
        decoder.tie_weights()

    def loss(self, step: Step) -> Tensor:
        text = step.whole[0]
        out = self.decoder(
            input_ids=text.ids,
            attention_mask=text.mask,
            encoder_hidden_states=step.pooled[0].unsqueeze(1),
            labels=text.ids.masked_fill(text.mask == 0, -100),
        )
        return self.weight * out.loss  # type: ignore[no-any-return]


def tie(model: nn.Module, other: nn.Module) -> None:
    """Give a model the parameters of another with the same names; what the other lacks stays its own."""
    known = dict(other.named_parameters())
    for name, module in model.named_modules():
        for own in [own for own, _ in module.named_parameters(recurse=False) if f"{name}.{own}".lstrip(".") in known]:
            setattr(module, own, known[f"{name}.{own}".lstrip(".")])
