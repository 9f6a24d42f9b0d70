"""One file a loss: a pure function of embeddings, named as its file; and where each is found.

A name is looked up without importing the loss, for losses import torch.
"""

from __future__ import annotations

from srlbench.recipe import Loss
from srlbench.recipe.members import keywords

names, path, function = Loss.KIND.names, Loss.KIND.path, Loss.KIND.load


def of_pairs() -> list[str]:
    """The losses that need two views and nothing else; others have keyword parameters that companions give."""
    return [name for name in names() if all(keywords(path(name).read_bytes(), name).values())]
