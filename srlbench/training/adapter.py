"""Low-rank additions to the weights (LoRA, arXiv 2106.09685), which are trained in place of the weights."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from sentence_transformers.base.modules import Transformer

from srlbench.errors import UsageError
from srlbench.recipe import Recipe

RANK, ALPHA, TARGETS = 8, 16, "all-linear"


def adapt(transformer: Transformer, recipe: Recipe) -> None:
    """Freeze the weights of a transformer and add an adapter to its linear layers."""
    if find_spec("peft") is None:
        raise UsageError("The adapter 'lora' needs peft: pip install 'srlbench[lora]'")
    from peft import LoraConfig, get_peft_model

    settings: Any = LoraConfig(
        r=recipe.adapter_rank or RANK,
        lora_alpha=recipe.adapter_alpha or ALPHA,
        target_modules=recipe.adapter_targets or TARGETS,
        lora_dropout=0.0,
    )
    try:
        transformer.model = get_peft_model(transformer.model, settings)
    except ValueError as error:
        said = str(error).partition("\n")[0]
        raise UsageError(f"An adapter cannot be added to this {transformer.model.config.model_type}: {said}") from error


def merge(transformer: Transformer) -> None:
    """Add a trained adapter to the weights: a plain transformer again, which needs no peft to be loaded."""
    model: Any = transformer.model
    if hasattr(model, "merge_and_unload"):
        transformer.model = model.merge_and_unload()
