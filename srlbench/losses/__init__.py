"""One file a loss: a pure function of embeddings, named as its file; and where each is found.

A name is looked up without importing the loss, for losses import torch.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from srlbench.errors import unknown

GROUP = "srlbench.losses"  # entry points of packages that bring losses


def names() -> list[str]:
    """The losses of this package and of those that are installed beside it."""
    own = [module.name for module in pkgutil.iter_modules(__path__)]
    return sorted([*own, *(point.name for point in entry_points(group=GROUP))])


def path(name: str) -> Path:
    """The file that defines a loss."""
    own = Path(__path__[0]) / f"{name}.py"
    if own.is_file():
        return own
    for point in entry_points(group=GROUP, name=name):
        spec = importlib.util.find_spec(point.value.partition(":")[0])
        if spec is not None and spec.origin:
            return Path(spec.origin)
    raise unknown("loss", name, names())


def function(name: str) -> Callable[..., Any]:
    """The loss itself."""
    path(name)
    for point in entry_points(group=GROUP, name=name):
        other: Callable[..., Any] = point.load()
        return other
    own: Callable[..., Any] = getattr(importlib.import_module(f"{__name__}.{name}"), name)
    return own
