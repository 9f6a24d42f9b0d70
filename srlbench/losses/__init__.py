"""One file a loss: a pure function of embeddings, named as its file; and where each is found.

A name is looked up without importing the loss, for losses import torch.
"""

from __future__ import annotations

from srlbench.recipe import Loss
from srlbench.recipe.members import keywords, views

names, path, function = Loss.KIND.names, Loss.KIND.path, Loss.KIND.load


def of_pairs() -> list[str]:
    """The losses that need two views and nothing else; others need a third, or what companions give."""
    texts = {name: path(name).read_bytes() for name in names()}
    return [name for name, text in texts.items() if all(keywords(text, name).values()) and views(text, name) == 2]
