"""The state of the caller's process, which an evaluation or a diagnosis must leave as it was."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_start_method, set_start_method
from typing import Any

LOGGERS = ("", "transformers", "sentence_transformers", "mteb", "datasets", "huggingface_hub", "accelerate", "torch")


@contextmanager
def undisturbed() -> Iterator[None]:
    """Random streams, threads, determinism, logging, warnings, environment: all are afterwards as they were before."""
    environment, path = dict(os.environ), list(sys.path)
    filters = list(warnings.filters)
    method: str | None = get_start_method(allow_none=True)
    loggers = {name: _logger(name) for name in LOGGERS}
    import srlbench.evaluation.external  # noqa: F401  its libraries talk while they are imported
    from srlbench.training.rng import preserved_rng

    exact = _exactness()
    bars = _bars()
    try:
        with preserved_rng():
            yield
    finally:
        _set_exactness(exact)
        _set_bars(bars)
        for name, state in loggers.items():
            _set_logger(name, state)
        warnings.filters[:] = filters  # type: ignore[index]
        sys.path[:] = path
        os.environ.clear()
        os.environ.update(environment)
        if method is None:
            set_start_method(None, force=True)


def _logger(name: str) -> tuple[Any, ...]:
    logger = logging.getLogger(name or None)
    return logger.level, list(logger.handlers), logger.propagate, logger.disabled


def _set_logger(name: str, state: tuple[Any, ...]) -> None:
    logger = logging.getLogger(name or None)
    level, logger.handlers[:], logger.propagate, logger.disabled = state
    logger.setLevel(level)


def _exactness() -> tuple[Any, ...]:
    """How torch computes: its threads, and whether it takes care to give the same digits."""
    import torch

    return (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.utils.deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]
    )


def _set_exactness(state: tuple[Any, ...]) -> None:
    import torch

    threads, exact, warns, fills = state
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(exact, warn_only=warns)
    torch.utils.deterministic.fill_uninitialized_memory = fills  # type: ignore[attr-defined]


def _bars() -> bool:
    from transformers.utils import logging as transformers

    return bool(transformers.is_progress_bar_enabled())


def _set_bars(shown: bool) -> None:
    from transformers.utils import logging as transformers

    (transformers.enable_progress_bar if shown else transformers.disable_progress_bar)()  # type: ignore[no-untyped-call]


@contextmanager
def unchanged(model: Any) -> Iterator[None]:
    """Each part of an encoder trains, or does not, afterwards as it did before; a name has no parts."""
    parts = [(part, part.training) for part in model.modules()] if hasattr(model, "modules") else []
    try:
        yield
    finally:
        for part, training in parts:
            part.training = training
