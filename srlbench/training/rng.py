"""Random state: seeded once in each run, and protected from libraries that reseed the global generators."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def seed_everything(seed: int, threads: int) -> None:
    """Seed python, numpy and torch, fix the thread count, and refuse non-deterministic kernels."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # A debugging aid that fills all new memory and takes time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def stream(*numbers: int) -> int:
    """A seed computed from these numbers; other numbers give an unrelated seed."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


@contextmanager
def common_rng(*numbers: int) -> Iterator[None]:
    """Seed all generators from these numbers inside, and restore their state afterwards."""
    with preserved_rng():
        seed = stream(*numbers)
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        yield


@contextmanager
def preserved_rng() -> Iterator[None]:
    """Restore the state of all generators afterwards, whatever happens inside (mteb calls set_seed(42))."""
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(cpu)
        if gpus:
            torch.cuda.set_rng_state_all(gpus)
